"""Reading a chat completion: the body that an OpenAI-compatible server sent, as values. Trusts nothing in it."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Finish

_FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "blocked",
    "error": "error",
}


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """The first choice of a completion and what the server says it used."""

    text: str | None
    refusal: str | None
    finish: Finish
    finish_raw: str | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    model: str | None
    fingerprint: str | None
    id: str | None
    raw: Mapping[str, Any]


def completion_of(body: bytes) -> Completion:
    """A response body as a completion; the text may be None or empty.

    :raises CallFailed: malformed_response, when it is no chat completion.
    """
    raw = _object(body)
    choices = raw.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    usage = _mapping(raw, "usage")
    asked, made = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    if not isinstance(first, dict) or not isinstance(message, dict):
        said = "The server's answer holds no choice with a message."
        raise CallFailed("malformed_response", said, input_tokens=asked, output_tokens=made)
    if not isinstance(message.get("content"), str | None):
        said = "The server's answer holds a message that is not text."
        raise CallFailed("malformed_response", said, input_tokens=asked, output_tokens=made)
    finish_raw = _text(first, "finish_reason")
    return Completion(
        text=_text(message, "content"),
        refusal=_text(message, "refusal") or None,
        finish=_FINISHES.get(finish_raw or "", "other"),
        finish_raw=finish_raw,
        input_tokens=asked,
        output_tokens=made,
        cached_tokens=_count(_mapping(usage, "prompt_tokens_details"), "cached_tokens"),
        reasoning_tokens=_count(_mapping(usage, "completion_tokens_details"), "reasoning_tokens"),
        model=_text(raw, "model"),
        fingerprint=_text(raw, "system_fingerprint"),
        id=_text(raw, "id"),
        raw=raw,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        raise CallFailed("malformed_response", "The server's answer is not JSON.") from None
    if not isinstance(raw, dict):
        raise CallFailed("malformed_response", "The server's answer is not a JSON object.")
    return raw


def _mapping(source: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) else None


def _count(source: Mapping[str, Any], key: str) -> int | None:
    value = source.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
