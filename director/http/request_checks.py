"""Checks of a request before anything else reads it: every reader on its way must understand it in the same way."""

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from starlette.datastructures import Headers
from starlette.types import Scope

HEAD_BYTES_MAX = 16 * 1024
"""Size of the target and all headers of a request."""
HEADERS_MAX = 100
SINGLE = (
    *("authorization", "content-type", "cookie", "idempotency-key", "last-event-id"),
    *("origin", "sec-fetch-site", "x-csrf-token"),
)
"""Headers that decide who sends a request, and what it means. A second one could mean something else to a proxy."""
FORM = "application/x-www-form-urlencoded"


class Fault(NamedTuple):
    """A reason to refuse a request."""

    status: HTTPStatus
    code: str
    message: str
    hint: str


class _Repeated(ValueError):
    """A key that an object has twice."""


def fault_of_head(scope: Scope) -> Fault | None:
    """Return why the target or the headers of a request are refused."""
    headers = Headers(scope=scope)
    size = len(scope.get("raw_path", b"")) + len(scope["query_string"])
    size += sum(len(name) + len(value) for name, value in headers.raw)
    if size > HEAD_BYTES_MAX or len(headers.raw) > HEADERS_MAX:
        return Fault(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            "large_head",
            f"Address and headers have at most {HEAD_BYTES_MAX} bytes and {HEADERS_MAX} headers.",
            "Send large values in the body.",
        )
    for name in SINGLE:
        if len(headers.getlist(name)) > 1:
            return _invalid(f"The request has more than one header {name}.", "Send one.")
    if "transfer-encoding" in headers and "content-length" in headers:
        return _invalid("The body has a length and also comes in chunks.", "Send Content-Length only.")
    if "\0" in scope["path"] or b"%00" in scope["query_string"]:
        return _invalid("The address has a NUL character.", "Leave it out.")
    return None


def fault_of_body(content_type: str, body: bytes) -> Fault | None:
    """Return why a body is refused: a NUL character, or JSON that two readers could understand differently."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM and (b"%00" in body or b"\0" in body):
        return _invalid("The form has a NUL character.", "Leave it out.")
    if not body or not (kind == "application/json" or kind.endswith("+json")):
        return None
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except _Repeated as error:
        return _invalid(f"The JSON text has the key {error} twice.", "Send each key once.")
    except (ValueError, RecursionError):
        return _invalid("The body is not JSON in UTF-8, or is nested too deeply.", "See RFC 8259.")
    return _fault_of_text(value)


def _fault_of_text(value: Any) -> Fault | None:
    """Return why one of the texts in a JSON value is refused."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.keys()
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str) and ("\0" in each or not _is_whole(each)):
            return _invalid("A text has a NUL character or half of a character.", "Leave it out.")
    return None


def _is_whole(text: str) -> bool:
    """Return whether a text has no half of a surrogate pair. Such a text cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for name, value in pairs:
        if name in read:
            raise _Repeated(ascii(name[:40]))
        read[name] = value
    return read


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _invalid(message: str, hint: str) -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "invalid", message, hint)
