"""Comparison of a response with a step's expectation, outside the sandbox. It also saves values for later steps."""

import base64
import json
import math
from typing import Any

import msgspec

from verification.execution.case_runner import CaseProblem
from verification.execution.http_exchange import Response
from verification.requirements.model import Reply
from verification.requirements.placeholders import Saved, Scalar, filled, filled_text
from verification.requirements.tags import EXACT_INT_MAX
from verification.requirements.values import matches, show

SHOWN_CHARS_MAX = 200
SAVED_CHARS_MAX = 1000
BODY_DEPTH_MAX = 64
_NOT_JSON = msgspec.UNSET


def problem_of_reply(reply: Reply, response: Response, saved: Saved) -> CaseProblem | None:
    """Return the first part of the response that is not as expected, or None."""
    status = response.status
    told = f"answered {status} {_shown(response)}"
    if status != reply.status and (reply.status is not None or not 200 <= status <= 299):
        return _wrong(f"{told}, expected status {reply.status or '200 to 299'}")
    for name, wanted in reply.headers.items():
        found = response.headers.get(name)
        if found is None or not matches(filled(wanted, saved), found):
            how = "without" if found is None else f"with {show(found, SHOWN_CHARS_MAX)} as"
            return _wrong(f"answered {how} the header {name}, expected {show(wanted, SHOWN_CHARS_MAX)}")
    if reply.body_contains is not None:
        part = filled_text(reply.body_contains, saved)
        if not part and reply.body_contains:
            text = f"{told}, but the value saved for {reply.body_contains} is empty, so the check would always pass"
            return _wrong(text)
        if part not in response.body.decode("utf-8", "replace"):
            return _wrong(f"{told}, expected a body that contains {show(part, SHOWN_CHARS_MAX)}")
    if reply.body is msgspec.UNSET:
        return None
    wanted = filled(reply.body, saved)
    found = body_value(response, as_json=not _is_text(wanted))
    if found is _NOT_JSON:
        return _wrong(f"{told}, which is not JSON; expected {show(wanted, SHOWN_CHARS_MAX)}")
    if matches(wanted, found, approx=reply.approx):
        return None
    return _wrong(f"{told}, expected {show(wanted, SHOWN_CHARS_MAX)}")


def saved_from(response: Response, path: str) -> Scalar | None:
    """Return the scalar at a path such as `body.items.0.id`, `headers.location` or `status`, or None."""
    first, *rest = path.split(".")
    if first == "status":
        return response.status
    if first == "headers":
        return response.headers.get(".".join(rest))
    value = body_value(response, as_json=bool(rest))
    for part in rest:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    if isinstance(value, str):
        return value if len(value) <= SAVED_CHARS_MAX else None
    return value if isinstance(value, int | float) else None


def body_value(response: Response, *, as_json: bool) -> Any:
    """Return the body as a value. It is parsed as JSON if its content type is JSON or `as_json` is True.

    Any other body is returned as text, or as tagged bytes if it is not UTF-8. Return UNSET if the JSON is invalid.
    """
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not response.body and not as_json:
        return ""
    if as_json or kind == "application/json" or kind.endswith("+json"):
        return _parsed(response.body)
    try:
        return response.body.decode()
    except UnicodeDecodeError:
        return {"$bytes": base64.b64encode(response.body).decode()}


def _is_text(wanted: Any) -> bool:
    """Return whether the expected value is a text, or a tag that can match a text.

    In this case, the content type decides whether the body is parsed as JSON.
    """
    return isinstance(wanted, str) or (isinstance(wanted, dict) and bool({"$matches", "$bytes", "$any"} & set(wanted)))


def _parsed(body: bytes) -> Any:
    try:
        return _tagged(json.loads(body, object_pairs_hook=_object, parse_constant=_refuse), 0)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _tagged(value: Any, depth: int) -> Any:
    """Return the value for the comparison. It escapes keys of the body that look like tags but are data."""
    if depth > BODY_DEPTH_MAX:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        if any(key.startswith("$") for key in value):
            return {"$dict": [[key, _tagged(item, depth + 1)] for key, item in value.items()]}
        return {key: _tagged(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item, depth + 1) for item in value]
    if isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError("a text with lone surrogates")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is too large")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT_INT_MAX:
        return {"$int": str(value)}
    return value


def _shown(response: Response) -> str:
    value = body_value(response, as_json=False)
    if value is _NOT_JSON:
        value = response.body[: SHOWN_CHARS_MAX + 1].decode("utf-8", "replace")
    return show(value, SHOWN_CHARS_MAX)


def _wrong(text: str) -> CaseProblem:
    return CaseProblem("wrong_result", text)
