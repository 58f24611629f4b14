"""Errors as RFC 9457 problems: our code, the message and the hint."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from domain.errors import AuraError, TooMany, Unauthenticated

STATUSES: Mapping[str, HTTPStatus] = {
    "invalid": HTTPStatus.BAD_REQUEST,
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "conflict": HTTPStatus.CONFLICT,
    "refused": HTTPStatus.CONFLICT,
    "limit_reached": HTTPStatus.TOO_MANY_REQUESTS,
    "differs": HTTPStatus.CONFLICT,
    "failed": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Kind of error -> status. docs/http.md has this table."""
PROBLEM = "application/problem+json"
JSON = "application/json"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem of RFC 9457",
        "content": {
            PROBLEM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        **{name: {"type": "string"} for name in ("type", "title", "detail", "code", "hint", "kind")},
                        "status": {"type": "integer"},
                    },
                    "required": ["type", "title", "status", "detail", "code", "hint", "kind"],
                    "additionalProperties": False,
                }
            }
        },
    }
}
"""The answers to errors, as /openapi.json describes them."""


def status_of(error: AuraError) -> HTTPStatus:
    return STATUSES.get(error.kind, HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(error: AuraError) -> Response:
    """Return an error as a problem."""
    return problem_of(status_of(error), error.code, error.message, error.hint, headers_of(error), kind=error.kind)


def headers_of(error: AuraError) -> dict[str, str]:
    """Return the headers that the answer to an error has."""
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_s)}
    return {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthenticated) else {}


def problem_of(
    status: HTTPStatus,
    code: str,
    message: str,
    hint: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    kind: str = "",
) -> Response:
    """Return a problem with its parts. `kind`: the kind of error at the command line, if it has one."""
    body = {
        "type": f"urn:aura:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "detail": message,
        "code": code,
        "hint": hint,
        "kind": kind,
    }
    return Response(msgspec.json.encode(body), status.value, headers, media_type=PROBLEM)


def answer(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return data as JSON. Amounts of money are strings."""
    return Response(msgspec.json.encode(value, enc_hook=str), status.value, media_type=JSON)
