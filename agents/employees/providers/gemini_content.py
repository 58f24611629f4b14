"""Gemini's generateContent: the body of a request from the contract's terms, and an answer in the contract's terms."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.chat_completion import failure_of_error
from agents.employees.contract import Finish, ToolCall
from agents.employees.conversation import CallRequest, Message
from agents.employees.event_stream import is_stream
from agents.employees.json_body import json_object
from agents.employees.providers.turns import (
    NOTHING,
    OUR_ID,
    callable_calls,
    declared,
    id_under,
    names_of_calls,
    own_content,
    system_of,
    turns_of,
    written,
)
from agents.employees.reply import Reply, malformed, name_in, tool_call
from agents.employees.safe_text import safe, safe_json
from agents.employees.usage import Usage, mapping_in, usage_of
from agents.employees.vendor_streams import content_of_stream

KEY = "gemini"  # of content that must go back unchanged
FINISHES: Mapping[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "blocked",
    "RECITATION": "blocked",
    "LANGUAGE": "blocked",
    "BLOCKLIST": "blocked",
    "PROHIBITED_CONTENT": "blocked",
    "SPII": "blocked",
    "MODEL_ARMOR": "blocked",
}
MALFORMED_CALLS = frozenset({"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"})
_SEED_MASK = 0x7FFF_FFFF  # the API's seed is a signed number of 32 bits


def params_of(request: CallRequest) -> dict[str, Any]:
    """Return the body of a request. The model is in the path."""
    named = names_of_calls(request.messages)
    params: dict[str, Any] = {
        "contents": [
            {"role": "model" if assistant else "user", "parts": list(_parts(turn, named))}
            for assistant, turn in turns_of(request.messages)
        ]
    }
    system = system_of(request.messages)
    if system:
        params["systemInstruction"] = {"parts": [_text(system)]}
    if request.tools:
        functions = [declared(tool, "parametersJsonSchema") for tool in request.tools]
        params["tools"] = [{"functionDeclarations": functions}]
    generation: dict[str, Any] = {"maxOutputTokens": request.output_tokens_max, "candidateCount": 1}
    if request.seed is not None:
        generation["seed"] = request.seed & _SEED_MASK
    if request.temperature is not None:
        generation["temperature"] = request.temperature
    if request.stop:
        generation["stopSequences"] = list(request.stop)
    return params | {"generationConfig": generation}


def _parts(turn: list[Message], named: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the parts of one turn, never nothing."""
    parts: list[dict[str, Any]] = []
    for message in turn:
        own = own_content(message, KEY) if message.role == "assistant" else None
        if own is not None:
            parts.extend(own)
        elif message.role == "tool" and message.call_id in named:
            response = {"name": named[message.call_id], "response": {"output": safe(message.text)}}
            parts.append({"functionResponse": response | id_under("id", message.call_id)})
        else:
            parts.extend(_spoken(message))
    yield from parts or [_text(NOTHING)]


def _spoken(message: Message) -> Iterator[dict[str, Any]]:
    text = written(message)
    if text:
        yield _text(text)
    for call in callable_calls(message):
        yield {"functionCall": {"name": call.name, "args": safe_json(call.arguments)} | id_under("id", call.id)}


def _text(text: str) -> dict[str, Any]:
    return {"text": safe(text)}


def reply_of(body: bytes) -> Reply:
    """Return the first candidate in the contract's terms. A blocked prompt has none.

    :raises CallFailed: if the body is not an answer, or is an error with the status of a success.
    """
    raw = content_of_stream(body) if is_stream(body) else json_object(body)
    usage = _usage(raw)
    candidates = raw.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates and isinstance(candidates[0], dict) else None
    if raw.get("error"):
        raise failure_of_error(raw["error"], usage, begun=first is not None)
    blocked = _blocked(raw)
    if first is None and blocked is None:
        raise malformed("The server's answer has no candidate.", usage)
    parts = _own_parts(first or {}, usage)
    finish_raw = name_in(first, "finishReason") if first is not None else blocked
    calls = tuple(_calls(parts, first or {}, raw))
    finish = "blocked" if first is None else _finish(finish_raw, calls)
    texts = [part["text"] for part in parts if isinstance(part.get("text"), str) and part.get("thought") is not True]
    plain = all(set(part) <= {"text", "functionCall"} for part in parts)
    return Reply(
        text="".join(texts) if texts else None,
        reasoning="".join(str(part.get("text", "")) for part in parts if part.get("thought") is True),
        refusal=_reason(raw, first) if finish == "blocked" else None,
        finish=finish,
        finish_raw=finish_raw,
        usage=usage,
        model=name_in(raw, "modelVersion"),
        id=name_in(raw, "responseId"),
        raw=raw,
        calls=calls,
        opaque=None if plain else {KEY: parts},
    )


def _finish(finish_raw: str | None, calls: tuple[ToolCall, ...]) -> Finish:
    """Return the end of an answer. The API says STOP for calls as well."""
    finish = FINISHES.get(finish_raw or "", "other")
    if calls and (finish == "stop" or finish_raw in MALFORMED_CALLS or finish_raw is None):
        return "tool"
    return "blocked" if finish == "other" and (finish_raw or "").startswith("IMAGE_") else finish


def _own_parts(first: Mapping[str, Any], usage: Usage) -> list[dict[str, Any]]:
    """Return the parts of a candidate; none if it has no content, as after a block. Raises CallFailed."""
    content = first.get("content")
    parts = content.get("parts") if isinstance(content, dict) else content
    if parts is None:
        return []
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise malformed("The server's answer has a candidate without parts.", usage)
    return parts


def _calls(parts: list[dict[str, Any]], first: Mapping[str, Any], raw: Mapping[str, Any]) -> Iterator[ToolCall]:
    """Yield the calls. If the API could not parse a call, it sends the model's text as a message."""
    unique = name_in(raw, "responseId") or ""
    for place, part in enumerate(parts):
        called = part.get("functionCall")
        if isinstance(called, dict):
            arguments = called.get("args", {})
            id = str(called.get("id") or f"{OUR_ID}{unique}-{place}")
            yield tool_call(id, str(called.get("name") or ""), {} if arguments is None else arguments)
    if name_in(first, "finishReason") in MALFORMED_CALLS and not any("functionCall" in part for part in parts):
        said = first.get("finishMessage")
        yield ToolCall(id=f"{OUR_ID}{unique}-0", name="", arguments=None, text=said if isinstance(said, str) else "")


def _blocked(raw: Mapping[str, Any]) -> str | None:
    """Return the reason for which the prompt was blocked, or None."""
    return name_in(mapping_in(raw, "promptFeedback"), "blockReason")


def _reason(raw: Mapping[str, Any], first: Mapping[str, Any] | None) -> str:
    """Return the words for a block: of the candidate, or of the prompt."""
    source = first if first is not None else mapping_in(raw, "promptFeedback")
    keys = ("finishMessage", "finishReason", "blockReasonMessage", "blockReason")
    return next((said for key in keys if (said := name_in(source, key))), "blocked")


def _usage(raw: Mapping[str, Any]) -> Usage:
    """Return the usage. An answer of thoughts alone has no count of its candidates."""
    counts = mapping_in(raw, "usageMetadata")
    if counts.get("thoughtsTokenCount"):
        return usage_of({"usageMetadata": {"candidatesTokenCount": 0, **counts}})
    return usage_of(raw)
