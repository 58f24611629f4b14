"""Anthropic's messages API: the body of a request from the contract's terms, and an answer in the contract's terms."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.chat_completion import failure_of_error
from agents.employees.contract import Finish
from agents.employees.conversation import CallRequest, Message
from agents.employees.event_stream import is_stream
from agents.employees.json_body import json_object
from agents.employees.providers.turns import (
    NOTHING,
    callable_calls,
    declared,
    names_of_calls,
    own_content,
    system_of,
    turns_of,
    written,
)
from agents.employees.reply import Reply, malformed, name_in, tool_call
from agents.employees.safe_text import safe, safe_json
from agents.employees.usage import Usage, count_of, mapping_in, usage_of
from agents.employees.vendor_streams import message_of_stream

API_VERSION = "2023-06-01"  # of the header `anthropic-version`
KEY = "anthropic"  # of content that must go back unchanged
FINISHES: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool",
    "refusal": "blocked",
}
_NOT_IN_AN_ID = re.compile(r"[^a-zA-Z0-9_-]")
PLAIN = frozenset({"type", "text", "id", "name", "input"})
"""Keys of blocks that text and calls of a message contain. A block with other keys must go back unchanged."""
_STORED = {"cache_control": {"type": "ephemeral"}}


def params_of(model: str, request: CallRequest, *, stored: bool) -> dict[str, Any]:
    """Return the body. `stored`: the vendor stores the prompt for the next call of the conversation."""
    messages: list[dict[str, Any]] = [
        {"role": "assistant" if assistant else "user", "content": list(_blocks(turn, request.messages))}
        for assistant, turn in turns_of(request.messages)
    ]
    params: dict[str, Any] = {"model": model, "max_tokens": request.output_tokens_max, "messages": messages}
    system = system_of(request.messages)
    if system:
        params["system"] = [{"type": "text", "text": safe(system)}]
    if request.tools:
        params["tools"] = [declared(tool, "input_schema") for tool in request.tools]
    if request.temperature is not None:
        params["temperature"] = request.temperature
    if request.stop:
        params["stop_sequences"] = list(request.stop)
    if stored and messages and messages[-1]["role"] == "user":
        *before, last = messages[-1]["content"]
        messages[-1]["content"] = [*before, last | _STORED]
    return params


def _blocks(turn: list[Message], messages: tuple[Message, ...]) -> Iterator[dict[str, Any]]:
    """Yield the content of one turn: results of calls first, as the API wants it, and never nothing."""
    named = names_of_calls(messages)
    results = [message for message in turn if message.role == "tool" and message.call_id in named]
    blocks = [_result(message) for message in results]
    for message in turn:
        own = own_content(message, KEY) if message.role == "assistant" else None
        if own is not None:
            blocks.extend(own)
        elif message not in results:
            blocks.extend(_spoken(message))
    yield from blocks or [_text(NOTHING)]


def _spoken(message: Message) -> Iterator[dict[str, Any]]:
    text = written(message)
    if text:
        yield _text(text)
    for call in callable_calls(message):
        yield {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": safe_json(call.arguments)}


def _result(message: Message) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": _id(message.call_id)}
    return block | ({"content": safe(message.text)} if message.text.strip() else {})


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": safe(text)}


def _id(id: str) -> str:
    """Return an id as the API accepts it. An id of another provider may have other characters."""
    return _NOT_IN_AN_ID.sub("_", id) or "_"


def reply_of(body: bytes) -> Reply:
    """Return an answer in the contract's terms.

    :raises CallFailed: if the body is not a message, or is an error with the status of a success.
    """
    raw = message_of_stream(body) if is_stream(body) else json_object(body)
    usage = _usage(raw)
    content = raw.get("content")
    if raw.get("error"):
        raise failure_of_error(raw["error"], usage, begun=isinstance(content, list))
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise malformed("The server's answer is not a message with content.", usage)
    calls = tuple(
        tool_call(str(block.get("id") or f"call-{place}"), str(block.get("name") or ""), block.get("input"))
        for place, block in enumerate(content)
        if block.get("type") == "tool_use"
    )
    finish_raw = name_in(raw, "stop_reason")
    finish = FINISHES.get(finish_raw or "", "other")
    texts = [text for block in content if block.get("type") == "text" and isinstance(text := block.get("text"), str)]
    plain = all({key for key, value in block.items() if value is not None} <= PLAIN for block in content)
    return Reply(
        text="".join(texts) if texts else None,
        reasoning="".join(str(block.get("thinking", "")) for block in content if block.get("type") == "thinking"),
        refusal=_refusal(raw) if finish == "blocked" else None,
        finish=finish,
        finish_raw=finish_raw,
        usage=usage,
        model=name_in(raw, "model"),
        id=name_in(raw, "id"),
        raw=raw,
        calls=calls,
        opaque=None if plain or not all(call.whole for call in calls) else {KEY: content},
    )


def _refusal(raw: Mapping[str, Any]) -> str:
    details = mapping_in(raw, "stop_details")
    return name_in(details, "explanation") or name_in(details, "category") or "refusal"


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Return the usage. The API counts cached tokens apart from the input; the contract counts them as input."""
    usage = usage_of(raw)
    counts = mapping_in(raw, "usage")
    if not counts:
        return usage
    read, stored = count_of(counts.get("cache_read_input_tokens")), count_of(counts.get("cache_creation_input_tokens"))
    asked = usage.input_tokens
    return usage._replace(
        input_tokens=asked + (read or 0) + (stored or 0) if asked is not None else None,
        cached_tokens=read,
        cache_write_tokens=stored,
        reasoning_tokens=count_of(mapping_in(counts, "output_tokens_details").get("thinking_tokens")),
    )
