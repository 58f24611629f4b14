"""Recorded messages and answers in terms for people: texts, calls of tools and their results, for every wire format.

Recorded content is only shown. So content of an unknown form is a text, never an error.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from agents.employees import chat_completion
from agents.employees.call_errors import CallFailed
from agents.employees.contract import ToolCall
from agents.employees.conversation import Message
from agents.employees.reply import Reply
from agents.employees.tool_calls import arguments_of, calls_of

PARTS_MAX = 1000
"""The most parts of one message that are read."""
ASSISTANT = frozenset({"assistant", "model"})
_TEXTS = frozenset({"text", "input_text", "output_text", "refusal"})
_message = msgspec.json.Decoder(Message)


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one call of a tool. `call_id` is empty if the result names no call."""

    call_id: str = ""
    text: str


class SeenMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One message: its role, its text, the calls of tools that it asks for, and the results that it brings."""

    role: str = ""
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()

    @property
    def is_answer(self) -> bool:
        """Whether the model wrote this message."""
        return self.role in ASSISTANT


def message_in(content: bytes) -> SeenMessage:
    """Return a recorded message of a prompt: of a session, or in the wire format of a coding agent."""
    try:
        raw = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return SeenMessage(text=content.decode("utf-8", "replace"))
    if not isinstance(raw, dict):
        return SeenMessage(text=content.decode("utf-8", "replace"))
    if "text" in raw and "role" in raw:
        own = _own(content)
        if own is not None:
            return own
    return _wire(raw)


def answer_in(content: bytes, wire: str = "") -> SeenMessage:
    """Return a recorded answer. `wire`: the wire format of a coding agent; empty for an answer or a session."""
    text = content.decode("utf-8", "replace")
    if wire in _REPLIES:
        try:
            reply = _REPLIES[wire]()(content)
        except CallFailed:
            return SeenMessage(role="assistant", text=text)
        return SeenMessage(role="assistant", text=reply.text or reply.refusal or "", calls=reply.calls)
    return _own(content) or SeenMessage(role="assistant", text=text)


def _own(content: bytes) -> SeenMessage | None:
    """Return a message of a session's own form; None if it has another form."""
    try:
        message = _message.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if message.role == "tool":
        return SeenMessage(role="tool", results=(ToolResult(call_id=message.call_id, text=message.text),))
    return SeenMessage(role=message.role, text=message.text, calls=message.calls)


def _wire(raw: Mapping[str, Any]) -> SeenMessage:
    """Return a message of chat completions, responses, messages or generateContent."""
    kind = raw.get("type")
    if kind in ("function_call", "custom_tool_call", "reasoning"):
        calls = () if kind == "reasoning" else (_call(raw, raw.get("arguments", raw.get("input")), "call_id"),)
        return SeenMessage(role="assistant", calls=calls)
    if isinstance(kind, str) and kind.endswith("_call_output"):
        return SeenMessage(role="tool", results=(_result(raw, "call_id", raw.get("output")),))
    role = str(raw.get("role") or "")
    if role == "tool":
        return SeenMessage(role=role, results=(_result(raw, "tool_call_id", raw.get("content")),))
    parts = [*_parts(raw.get("content", raw.get("parts")))]
    return SeenMessage(
        role=role,
        text=_text(parts) if role or parts else msgspec.json.encode(raw).decode(),
        calls=(*calls_of(raw), *_calls_in(parts)),
        results=tuple(_results_in(parts)),
    )


def _calls_in(parts: list[Mapping[str, Any]]) -> Iterator[ToolCall]:
    for part in parts:
        if part.get("type") == "tool_use":
            yield _call(part, part.get("input"), "id")
        called = part.get("functionCall")
        if isinstance(called, dict):
            yield _call(called, called.get("args"), "id")


def _results_in(parts: list[Mapping[str, Any]]) -> Iterator[ToolResult]:
    for part in parts:
        if part.get("type") == "tool_result":
            yield _result(part, "tool_use_id", part.get("content"))
        brought = part.get("functionResponse")
        if isinstance(brought, dict):
            yield _result(brought, "id", brought.get("response"))


def _parts(content: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the parts of a message's content. A plain text is one part."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    elif isinstance(content, list):
        for part in content[:PARTS_MAX]:
            if isinstance(part, dict):
                yield part


def _text(parts: list[Mapping[str, Any]]) -> str:
    said = (
        part.get("text", part.get("refusal"))
        for part in parts
        if part.get("type", "text") in _TEXTS and part.get("thought") is not True
    )
    return "\n".join(text for text in said if isinstance(text, str) and text)


def _call(part: Mapping[str, Any], arguments: Any, id_key: str) -> ToolCall:
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return ToolCall(
        id=str(part.get(id_key) or ""), name=str(part.get("name") or ""), arguments=arguments_of(text), text=text
    )


def _result(part: Mapping[str, Any], id_key: str, content: Any) -> ToolResult:
    if isinstance(content, dict):  # generateContent has an object with the output
        output = content.get("output")
        text = output if isinstance(output, str) else msgspec.json.encode(content).decode()
    else:
        text = _text([*_parts(content)])
    return ToolResult(call_id=str(part.get(id_key) or ""), text=text)


def _responses() -> Callable[[bytes], Reply]:
    from agents.employees.providers.openai_responses import reply_of

    return reply_of


def _messages() -> Callable[[bytes], Reply]:
    from agents.employees.providers.anthropic_messages import reply_of

    return reply_of


def _gemini() -> Callable[[bytes], Reply]:
    from agents.employees.providers.gemini_content import reply_of

    return reply_of


_REPLIES: Mapping[str, Callable[[], Callable[[bytes], Reply]]] = {
    "chat": lambda: chat_completion.reply_of,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}
"""Wire format of the gateway -> the parser of its answers. A parser is imported when it is needed."""
