"""The header Idempotency-Key: the id of the command that a request sends."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request

from domain.errors import Invalid

KEY_HEADER = "Idempotency-Key"
KEY_PARAMETER: Mapping[str, Any] = {
    "name": KEY_HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
    "description": "The id of the command. The same id gives the same answer.",
}
"""The header, as /openapi.json describes it."""


def key_of(request: Request) -> UUID:
    """Return the id of the command. Raises Invalid."""
    text = request.headers.get(KEY_HEADER, "")
    try:
        key = UUID(text)
    except ValueError:
        key = UUID(int=0)
    if key.int == 0:
        raise Invalid(
            f"The header {KEY_HEADER} is not a UUID.", hint="Send a new UUID for each command.", code="no_key"
        )
    return key
