"""The JSON object in the body of an answer. Its texts are safe to store."""

import json
from typing import Any

from agents.employees.call_errors import CallFailed
from agents.employees.event_stream import without_comments
from agents.employees.safe_text import safe_json
from agents.employees.server_errors import sentence_of

_BEGINNING_BYTES = 4096
_BEGINNING_CHARS = 100


def json_object(body: bytes) -> dict[str, Any]:
    """Return the object of a body, also if comments come before it, or if it is the only item of a list.

    :raises CallFailed: malformed_response, if there is no object.
    """
    try:
        raw = json.loads(without_comments(body).decode(errors="replace"))
    except (ValueError, RecursionError):
        words = sentence_of(body[:_BEGINNING_BYTES].decode(errors="replace"))
        beginning = f" It begins: {words[:_BEGINNING_CHARS]}" if words else ""
        raise CallFailed("malformed_response", f"The server's answer is not JSON.{beginning}") from None
    if isinstance(raw, list) and len(raw) == 1 and isinstance(raw[0], dict):
        raw = raw[0]
    if not isinstance(raw, dict):
        raise CallFailed("malformed_response", "The server's answer is not a JSON object.")
    return safe_object(raw)


def safe_object(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the object with every text in it made safe."""
    safe: dict[str, Any] = safe_json(raw)
    return safe
