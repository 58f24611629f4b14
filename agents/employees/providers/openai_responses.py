"""A model behind OpenAI's responses API. The server stores nothing: each request has the whole conversation."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agents.employees.chat_completion import failure_of_error
from agents.employees.contract import Finish, ToolCall
from agents.employees.conversation import CallRequest, Message
from agents.employees.event_stream import ended_early, is_stream, objects_of
from agents.employees.json_body import json_object, safe_object
from agents.employees.providers.openai_server import OpenAIServer
from agents.employees.providers.turns import (
    callable_calls,
    declared,
    filled,
    names_of_calls,
    own_content,
    system_of,
    written,
)
from agents.employees.reply import Reply, malformed, name_in, tool_call
from agents.employees.safe_text import safe, safe_json
from agents.employees.tool_calls import arguments_of
from agents.employees.usage import Usage, mapping_in, may_reason_hidden, usage_of

OWN_CONTENT = "responses"  # key of content that must go back unchanged
_ENDS: Mapping[str, Finish] = {"max_output_tokens": "length", "content_filter": "blocked"}
_LAST_EVENTS = ("response.completed", "response.incomplete", "response.failed")
_THINKING = "reasoning.encrypted_content"


class OpenAIResponsesModel(OpenAIServer):
    """One model behind the responses API. The API has neither a seed nor words that stop an answer."""

    parts = frozenset({"temperature"})
    path = "/responses"
    shows_reasoning = False  # the server shows a summary of the thinking

    def _params(self, request: CallRequest) -> dict[str, Any]:
        named = names_of_calls(request.messages)
        params: dict[str, Any] = {
            "model": self.model,
            "input": [item for message in request.messages for item in _items(message, named)],
            "max_output_tokens": request.output_tokens_max,
            "store": False,
        }
        system = system_of(request.messages)
        if system:
            params["instructions"] = safe(system)
        if request.tools:
            params["tools"] = [
                {"type": "function", **declared(tool, "parameters"), "strict": False} for tool in request.tools
            ]
            if may_reason_hidden(self.model):
                params["include"] = [_THINKING]  # to be sent back, because the server does not store it
        if request.temperature is not None:
            params["temperature"] = request.temperature
        return params

    def _reply(self, body: bytes) -> Reply:
        return reply_of(body)


def _items(message: Message, named: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the items of one message. The system's text is not an item."""
    if message.role == "tool" and message.call_id in named:
        yield {"type": "function_call_output", "call_id": message.call_id, "output": safe(message.text)}
    elif message.role in ("user", "tool"):
        yield {"role": "user", "content": filled(message.text)}
    elif message.role == "assistant":
        own = own_content(message, OWN_CONTENT)
        if own is not None:
            yield from own
            return
        text = safe(written(message))
        calls = callable_calls(message)
        if text or not calls:
            yield {"role": "assistant", "content": filled(text)}
        for call in calls:
            arguments = msgspec.json.encode(safe_json(call.arguments)).decode()
            yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments}


def reply_of(body: bytes) -> Reply:
    """Return a response in the contract's terms.

    :raises CallFailed: if the body is not a response, or is an error with the status of a success.
    """
    raw = _response_of_stream(body) if is_stream(body) else json_object(body)
    usage = usage_of(raw)
    output = raw.get("output")
    if raw.get("error"):
        raise failure_of_error(raw["error"], usage, begun=bool(output))
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        raise malformed("The server's answer is not a response with output.", usage)
    calls = tuple(_call(item, place) for place, item in enumerate(output) if item.get("type") == "function_call")
    parts = [part for item in output if item.get("type") == "message" for part in _parts(item, "content")]
    texts = [text for part in parts if part.get("type") == "output_text" and isinstance(text := part.get("text"), str)]
    refusals = [str(part.get("refusal") or "refusal") for part in parts if part.get("type") == "refusal"]
    finish_raw, finish = _end(raw, called=bool(calls))
    return Reply(
        text="".join(texts) if texts else None,
        reasoning="".join(_thoughts(output)),
        refusal=" ".join(refusals) if refusals else None,
        finish=finish,
        finish_raw=finish_raw,
        usage=usage,
        model=name_in(raw, "model"),
        id=name_in(raw, "id"),
        fingerprint=name_in(raw, "system_fingerprint"),
        raw=raw,
        calls=calls,
        opaque=_own_content(output, calls),
    )


def _response_of_stream(body: bytes) -> dict[str, Any]:
    """Return the response that the last event of a stream contains, although no stream was asked for.

    :raises CallFailed: connection, if the stream ends before the answer does.
    """
    for event in objects_of(body):
        response = event.get("response")
        if event.get("type") in _LAST_EVENTS and isinstance(response, dict):
            return safe_object(response)
        if event.get("error") or event.get("type") == "error":
            raise failure_of_error(safe_object(event).get("error") or safe_object(event), Usage(), begun=True)
    raise ended_early()


def _call(item: Mapping[str, Any], place: int) -> ToolCall:
    arguments = item.get("arguments")
    id, name = name_in(item, "call_id") or f"call-{place}", name_in(item, "name") or ""
    if arguments is None or isinstance(arguments, str):
        return ToolCall(id=id, name=name, arguments=arguments_of(arguments or ""), text=arguments or "")
    return tool_call(id, name, arguments)


def _parts(item: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    parts = item.get(key)
    return [part for part in (parts if isinstance(parts, list) else []) if isinstance(part, dict)]


def _thoughts(output: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for item in output:
        if item.get("type") == "reasoning":
            for part in (*_parts(item, "summary"), *_parts(item, "content")):
                if isinstance(text := part.get("text"), str):
                    yield text


def _end(raw: Mapping[str, Any], *, called: bool) -> tuple[str | None, Finish]:
    """Return the server's word for the end of the answer, and the contract's word."""
    status = name_in(raw, "status")
    if status == "completed":
        return status, "tool" if called else "stop"
    reason = name_in(mapping_in(raw, "incomplete_details"), "reason")
    return reason or status, _ENDS.get(reason or "", "other")


def _own_content(output: list[Any], calls: Sequence[ToolCall]) -> Any:
    """Return the output if the server wants its thinking back with the results of the calls."""
    if not calls or not all(call.whole for call in calls):
        return None
    items = [item for item in output if item.get("type") != "reasoning" or item.get("encrypted_content")]
    return {OWN_CONTENT: items} if any(item.get("type") == "reasoning" for item in items) else None
