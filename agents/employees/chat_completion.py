"""The parser of chat completions. It converts an answer of an OpenAI-compatible server to values and checks each
value.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Finish, ToolCall
from agents.employees.event_stream import completion_of_stream, is_stream
from agents.employees.json_body import json_object, safe_object
from agents.employees.reply import NAME_CHARS_MAX, Reply, malformed, name_in
from agents.employees.retry_after import retry_after_s
from agents.employees.server_errors import failure_of_status, sentence_of, status_of_error
from agents.employees.tool_calls import calls_of
from agents.employees.usage import Usage, usage_of

FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool",
    "tool_use": "tool",
    "function_call": "tool",
    "content_filter": "blocked",
    "safety": "blocked",
    "prohibited_content": "blocked",
    "recitation": "blocked",
    "error": "error",
}
OWN_CONTENT = "chat"  # key of content that must go back unchanged
_WANTED_BACK = ("reasoning_content", "reasoning", "reasoning_details", "extra_content")
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text")


def reply_of(body: bytes) -> Reply:
    """Return a response body in the contract's terms. The text may be None or empty.

    :raises CallFailed: if the body is not a chat completion, or is an error although the status is a success.
    """
    raw = _object(body)
    choices = raw.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
    usage = usage_of(raw)
    for source in (raw, first or {}):
        if source.get("error"):
            raise failure_of_error(source["error"], usage, begun=first is not None)
    message = _message(first)
    if first is None or message is None:
        raise malformed("The server's answer has no choice with a message.", usage)
    finish_raw = _text(first, "finish_reason")
    finish = FINISHES.get((finish_raw or "").lower(), "other")
    content = _content(message, usage)
    calls = calls_of(message)
    text, reasoning = _answer(message, content, cut=finish == "length" or bool(calls))
    return Reply(
        text=text,
        reasoning=reasoning,
        refusal=_text(message, "refusal") or content.refusal or None,
        finish="tool" if calls and finish == "stop" else finish,
        finish_raw=finish_raw,
        usage=usage,
        model=_text(raw, "model"),
        id=_text(raw, "id"),
        fingerprint=name_in(raw, "system_fingerprint"),
        raw=raw,
        calls=calls,
        opaque=_own_content(message, calls),
    )


def _answer(message: Mapping[str, Any], content: "_Content", *, cut: bool) -> tuple[str | None, str]:
    """Return the text of the answer and the model's thinking.

    If the message has no text, the text comes from the thinking, because some servers put the whole answer there. The
    thinking of a `cut` answer, and of an answer with calls, is not used.
    """
    reasoning = next((text for key in _REASONING if (text := _text_of(message.get(key)))), "") or content.reasoning
    if (content.text or "").strip():
        return content.text, reasoning
    return (reasoning, "") if reasoning.strip() and not cut else (content.text, reasoning)


def _own_content(message: Mapping[str, Any], calls: Sequence[ToolCall]) -> Any:
    """Return the message as the server wants it back, if text and calls do not contain everything.

    Servers of thinking models want the thinking back while the model works with tools. Others sign their calls.
    """
    received = message.get("tool_calls")
    if not calls or not isinstance(received, list) or not all(call.whole for call in calls):
        return None
    more = {name: message[name] for name in _WANTED_BACK if message.get(name)}
    signed = any(isinstance(call, dict) and call.get("extra_content") for call in received)
    if not more and not signed:
        return None
    return {OWN_CONTENT: [{"role": "assistant", "content": message.get("content"), "tool_calls": received, **more}]}


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body, or of its stream of events. All texts in it are safe to store."""
    if is_stream(body):
        return safe_object(completion_of_stream(body))
    return json_object(body)


def failure_of_error(error: Any, usage: Usage, *, begun: bool) -> CallFailed:
    """Return the failure for an error inside an answer. Gateways send such errors. `begun`: a part of an answer came
    before the error.
    """
    status = status_of_error(error)
    body = json.dumps({"error": error})
    return CallFailed(
        failure_of_status(status or 500, body),
        f"The server answered with an error: {sentence_of(body)}",
        retry_after_s=retry_after_s({}, body, now=datetime.now(UTC)),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        status=status,
        costs_nothing=False if begun or usage.output_tokens else None,
    )


def _message(first: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the message of a choice. Its key is `message`, or `delta` in a stream. Older servers send only a text."""
    if first is None:
        return None
    for key in ("message", "delta"):
        value = first.get(key)
        if isinstance(value, dict):
            return value
    text = first.get("text")
    return {"content": text} if isinstance(text, str) else None


class _Content(msgspec.Struct):
    text: str | None = None
    reasoning: str = ""
    refusal: str = ""


def _content(message: Mapping[str, Any], usage: Usage) -> _Content:
    """Return the content of a message, which may have parts.

    :raises CallFailed: malformed_response, if the content is neither text nor a list of parts.
    """
    content = message.get("content")
    if content is None or isinstance(content, str):
        return _Content(content)
    if isinstance(content, dict):
        content = [content]
    if not isinstance(content, list) or not all(isinstance(part, str | dict) for part in content):
        raise malformed("The server's answer has a message that is not text.", usage)
    read = _Content("")
    for part in content:
        kind = part.get("type", "text") if isinstance(part, dict) else "text"
        if kind in ("thinking", "reasoning", "reasoning_text"):
            read.reasoning += _text_of(part)
        elif kind == "refusal":
            read.refusal += _text_of(part)
        else:
            read.text = (read.text or "") + _text_of(part)
    return read


def _text_of(value: Any) -> str:
    """Return the text of a part: a string, an object that contains a string, or a list of strings and objects."""
    return "".join(_texts(value, 0))


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth < 4:
        for item in value:
            yield from _texts(item, depth + 1)
    elif isinstance(value, dict) and depth < 4:
        for key in ("text", "content", "thinking", "reasoning", "refusal", "value"):
            if key in value:
                yield from _texts(value[key], depth + 1)
                return


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    if not isinstance(value, str):
        return None
    return value if key == "refusal" else value[:NAME_CHARS_MAX]
