"""The strict JSON of a request: one object, no name twice, and bounds on values and depth."""

import json
from typing import Any, NoReturn

from agents.gateway.limits import JSON_DEPTH_MAX, JSON_VALUES_MAX
from agents.gateway.refusals import GatewayRefusal

INTEGER_DIGITS_MAX = 30


class _Invalid(ValueError):
    """The text is JSON, but two readers could understand it differently."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request.

    :raises GatewayRefusal: if it is not JSON, or could be read differently by another parser.
    """
    separators = body.count(b",") + body.count(b"[") + body.count(b"{") + body.count(b":")
    if separators > JSON_VALUES_MAX:
        raise GatewayRefusal(413, "too_many_values", f"The body may have at most {JSON_VALUES_MAX} JSON values.")
    try:
        value = json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        reason = str(error) if isinstance(error, _Invalid) else "it cannot be parsed"
        raise GatewayRefusal(400, "invalid_json", f"The body is not valid JSON: {reason}.") from None
    if not isinstance(value, dict):
        raise GatewayRefusal(400, "invalid_json", "The body must be a JSON object.")
    _check_depth(value)
    return value


def encode_body(value: dict[str, Any]) -> bytes:
    """Return the JSON text that is sent on.

    :raises GatewayRefusal: if a text has half of a surrogate pair, which is not valid Unicode.
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (UnicodeEncodeError, ValueError):
        raise GatewayRefusal(400, "invalid_json", "A text or a number of the body is not valid.") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _Invalid("an object has the same name twice")
    return value


def _constant(name: str) -> NoReturn:
    raise _Invalid(f"{name} is not a number of JSON")


def _integer(digits: str) -> int:
    if len(digits) > INTEGER_DIGITS_MAX:
        raise _Invalid("a number has too many digits")
    return int(digits)


def _check_depth(value: dict[str, Any]) -> None:
    level: list[Any] = [value]
    for _ in range(JSON_DEPTH_MAX):
        level = [child for item in level for child in (item.values() if isinstance(item, dict) else item)]
        level = [child for child in level if isinstance(child, dict | list)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> GatewayRefusal:
    return GatewayRefusal(400, "too_deep", f"The body is nested deeper than {JSON_DEPTH_MAX} levels.")
