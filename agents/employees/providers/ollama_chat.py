"""Ollama's /api/chat: the body of a request from the contract's terms, and an answer in the contract's terms."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.employees.call_errors import CallFailed
from agents.employees.chat_completion import FINISHES, failure_of_error
from agents.employees.contract import ToolCall
from agents.employees.conversation import CallRequest, Message
from agents.employees.event_stream import ended_early, object_in
from agents.employees.json_body import json_object, safe_object
from agents.employees.providers.turns import (
    OUR_ID,
    callable_calls,
    declared,
    filled,
    id_under,
    names_of_calls,
    own_content,
    written,
)
from agents.employees.reply import Reply, malformed, name_in, tool_call
from agents.employees.safe_text import safe, safe_json
from agents.employees.tool_calls import arguments_of
from agents.employees.usage import usage_of

KEY = "ollama"  # of content that must go back unchanged
KEEP_ALIVE = "15m"
"""Time for which the server keeps the model in memory after a call. Loading takes seconds, and a session runs commands
between two calls.
"""
_SEED_MASK = 0x7FFF_FFFF  # the server's seed is a signed number of 32 bits


def params_of(model: str, request: CallRequest, *, context_tokens: int) -> dict[str, Any]:
    """Return the body of a request.

    `truncate` and `shift` are off: otherwise the server removes the beginning of a long prompt without a word.
    """
    options: dict[str, Any] = {"num_ctx": context_tokens, "num_predict": request.output_tokens_max}
    if request.seed is not None:
        options["seed"] = request.seed & _SEED_MASK
    if request.temperature is not None:
        options["temperature"] = request.temperature
    if request.stop:
        options["stop"] = list(request.stop)
    named = names_of_calls(request.messages)
    params: dict[str, Any] = {
        "model": model,
        "messages": [_message(message, named) for message in request.messages],
        "stream": False,
        "truncate": False,
        "shift": False,
        "keep_alive": KEEP_ALIVE,
        "options": options,
    }
    if request.tools:
        params["tools"] = [{"type": "function", "function": declared(tool, "parameters")} for tool in request.tools]
    return params


def _message(message: Message, named: Mapping[str, str]) -> dict[str, Any]:
    """Return a message. The result of a call that cannot be sent back is sent as a user's text."""
    if message.role == "tool":
        if message.call_id in named:
            result = {"role": "tool", "content": safe(message.text), "tool_name": named[message.call_id]}
            return result | id_under("tool_call_id", message.call_id)
        return {"role": "user", "content": filled(message.text)}
    if message.role != "assistant":
        return {"role": message.role, "content": filled(message.text)}
    own = own_content(message, KEY)
    if own is not None and isinstance(own[0], dict):
        return dict(own[0])
    calls = [
        id_under("id", call.id) | {"function": {"name": call.name, "arguments": safe_json(call.arguments)}}
        for call in callable_calls(message)
    ]
    text = safe(written(message))
    return {"role": "assistant", "content": text if calls else filled(text)} | ({"tool_calls": calls} if calls else {})


def reply_of(body: bytes) -> Reply:
    """Return an answer in the contract's terms, also if it came as lines of a stream.

    :raises CallFailed: if the body is not an answer, or is an error with the status of a success.
    """
    raw, begun = _object(body)
    usage = usage_of(raw)
    if raw.get("error"):
        error = {"message": raw["error"], "code": raw.get("StatusCode")}  # a cloud model's error has a status
        raise failure_of_error(error, usage, begun=begun)
    message = raw.get("message")
    if not isinstance(message, dict):
        raise malformed("The server's answer has no message.", usage)
    content, thinking = message.get("content"), message.get("thinking")
    if not isinstance(content, str | None):
        raise malformed("The server's answer has a message that is not text.", usage)
    finish_raw = name_in(raw, "done_reason")
    finish = FINISHES.get((finish_raw or "").lower(), "other")
    calls = tuple(_calls(message, name_in(raw, "created_at") or ""))
    text, reasoning = content or None, thinking if isinstance(thinking, str) else ""
    if not (text or "").strip() and reasoning.strip() and finish != "length" and not calls:
        text, reasoning = reasoning, ""  # some models end before they leave their thinking
    return Reply(
        text=text,
        reasoning=reasoning,
        refusal=text or "blocked" if finish == "blocked" else None,
        finish="tool" if calls and finish in ("stop", "other") and finish_raw in (None, "stop") else finish,
        finish_raw=finish_raw,
        usage=usage,
        model=name_in(raw, "model"),
        raw=raw,
        calls=calls,
        opaque=_own_content(message, calls),
    )


def _own_content(message: Mapping[str, Any], calls: tuple[ToolCall, ...]) -> Any:
    """Return the message as models want it back while they work with tools: with its thinking. None without any."""
    if not calls or not message.get("thinking") or not all(call.whole for call in calls):
        return None
    return {KEY: [dict(message)]}


def _calls(message: Mapping[str, Any], unique: str) -> Iterator[ToolCall]:
    """Yield the calls. The arguments are an object; a gateway may send them as a text. Older servers send no id."""
    received = message.get("tool_calls")
    for place, part in enumerate(received if isinstance(received, list) else []):
        function = part.get("function") if isinstance(part, dict) else None
        if not isinstance(function, dict):
            continue
        id = name_in(part, "id") or f"{OUR_ID}{unique}-{place}"
        name, arguments = name_in(function, "name") or "", function.get("arguments")
        if isinstance(arguments, str):
            yield ToolCall(id=id, name=name, arguments=arguments_of(arguments), text=arguments)
        else:
            yield tool_call(id, name, {} if arguments is None else arguments)


def _object(body: bytes) -> tuple[dict[str, Any], bool]:
    """Return the answer, and whether a part of it came before its end.

    :raises CallFailed: connection, if the answer ends early; malformed_response, if there is none.
    """
    try:
        whole = json_object(body)
    except CallFailed:
        chunks = list(_lines(body))
        if not chunks:
            raise
        return safe_object(_joined(chunks)), True
    if whole.get("done") is False and not whole.get("error"):
        raise ended_early()
    return whole, isinstance(whole.get("message"), dict)


def _lines(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of the lines. An incomplete one is left out: the missing end is noticed."""
    for line in body.splitlines():
        if (chunk := object_in(line.decode(errors="replace"))) is not None:
            yield chunk


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the answer that the lines of a stream form together."""
    whole: dict[str, Any] = {}
    texts: dict[str, list[str]] = {"content": [], "thinking": []}
    calls: list[Any] = []
    for chunk in chunks:
        whole |= chunk
        part = chunk.get("message")
        for key, value in part.items() if isinstance(part, dict) else ():
            if key in texts and isinstance(value, str):
                texts[key].append(value)
            elif key == "tool_calls" and isinstance(value, list):
                calls += value
    if not whole.get("done") and not whole.get("error"):
        raise ended_early()
    message = {key: "".join(parts) for key, parts in texts.items() if parts}
    return whole | {"message": {"role": "assistant", **message} | ({"tool_calls": calls} if calls else {})}
