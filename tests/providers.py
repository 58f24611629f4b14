"""Answers of the doubles of providers, in each wire format: whole, as a stream, cut off, endless, and hostile."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from agents.gateway.refusals import WireName
from tests.provider_double import Act, Provider, Seen, output_limit, wire_of

OUTPUT_TOKENS = 12
"""Output tokens of a usual answer."""


def usage(wire: WireName, asked: int, made: int) -> dict[str, Any]:
    """Return the usage in the form of a wire format."""
    if wire == "chat":
        return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}
    if wire == "gemini":
        return {"promptTokenCount": asked, "candidatesTokenCount": made, "totalTokenCount": asked + made}
    total = {"total_tokens": asked + made} if wire == "responses" else {}
    return {"input_tokens": asked, "output_tokens": made, **total}


def body(wire: WireName, text: str, counts: dict[str, Any] | None) -> dict[str, Any]:
    """Return a whole answer."""
    named = {"usage": counts} if counts else {}
    if wire == "chat":
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {"id": "c-1", "object": "chat.completion", "model": "served", "choices": [choice], **named}
    if wire == "responses":
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"type": "message", "role": "assistant", "content": [part]}
        return {"id": "r-1", "object": "response", "status": "completed", "model": "served", "output": [item], **named}
    if wire == "messages":
        block = {"type": "text", "text": text}
        return {
            "id": "m-1",
            "type": "message",
            "role": "assistant",
            "model": "served",
            "content": [block],
            "stop_reason": "end_turn",
            **named,
        }
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP"}
    return {"candidates": [candidate], "modelVersion": "served", **({"usageMetadata": counts} if counts else {})}


def deltas(wire: WireName, text: str) -> list[bytes]:
    """Return the events of one piece of text."""
    if wire == "chat":
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
        return [event({"id": "c-1", "model": "served", "choices": [choice]})]
    if wire == "responses":
        return [event({"type": "response.output_text.delta", "delta": text}, "response.output_text.delta")]
    if wire == "messages":
        delta = {"type": "text_delta", "text": text}
        return [event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta")]
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}}
    return [event({"candidates": [candidate], "modelVersion": "served"})]


def first(wire: WireName, asked: int) -> list[bytes]:
    """Return the events that begin a stream."""
    if wire == "responses":
        answer: dict[str, Any] = {"id": "r-1", "status": "in_progress"}
        return [event({"type": "response.created", "response": answer}, "response.created")]
    if wire == "messages":
        message: dict[str, Any] = {"id": "m-1", "type": "message", "model": "served", "content": []}
        message["usage"] = usage(wire, asked, 1)
        text: dict[str, Any] = {"type": "text", "text": ""}
        block: dict[str, Any] = {"type": "content_block_start", "index": 0, "content_block": text}
        return [
            event({"type": "message_start", "message": {**message, "role": "assistant"}}, "message_start"),
            event(block, "content_block_start"),
        ]
    return []


def last(wire: WireName, asked: int, made: int, *, counted: bool = True) -> list[bytes]:
    """Return the events that end a stream, with the usage."""
    counts = usage(wire, asked, made)
    if wire == "chat":
        stopped = event({"id": "c-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        told = [event({"id": "c-1", "model": "served", "choices": [], "usage": counts})] if counted else []
        return [stopped, *told, b"data: [DONE]\n\n"]
    if wire == "responses":
        answer = body(wire, "done", counts if counted else None)
        item = {"type": "response.output_item.done", "output_index": 0, "item": answer["output"][0]}
        end: dict[str, Any] = {"type": "response.completed", "response": answer}
        return [event(item, "response.output_item.done"), event(end, "response.completed")]
    if wire == "messages":
        delta: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
        if counted:
            delta["usage"] = {"output_tokens": made}
        stop = {"type": "content_block_stop", "index": 0}
        events = [event(stop, "content_block_stop"), event(delta, "message_delta")]
        return [*events, event({"type": "message_stop"}, "message_stop")]
    return [event(body(wire, "", counts if counted else None))]


def event(data: dict[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def wants_stream(seen: Seen) -> bool:
    return seen.body.get("stream") is True or "streamGenerateContent" in seen.target


def answering(text: str = "Here is the sum.", *, made: int = OUTPUT_TOKENS, counted: bool = True) -> Act:
    """Answer as a provider does, whole or as a stream, at most as long as the request allows."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        wire, tokens = wire_of(seen), min(made, output_limit(seen))
        double.billed_tokens += seen.input_tokens + tokens
        if wants_stream(seen):
            begin(writer)
            pieces = [*first(wire, seen.input_tokens), *deltas(wire, text)]
            pieces += last(wire, seen.input_tokens, tokens, counted=counted)
            for piece in pieces:
                writer.write(chunk(piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            return
        counts = usage(wire, seen.input_tokens, tokens) if counted else None
        write(writer, 200, json.dumps(body(wire, text, counts)).encode())

    return act


def write(writer: asyncio.StreamWriter, status: int, content: bytes, *headers: str) -> None:
    """Write a whole answer. `headers`: further lines, which may replace the type."""
    lines = [f"HTTP/1.1 {status} Said", "content-type: application/json", f"content-length: {len(content)}", *headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def begin(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


def fixed(status: int, content: bytes, *headers: str) -> Act:
    """Answer each request with these bytes."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del double, seen
        write(writer, status, content, *headers)

    return act


def endless(text: str = "more and more ") -> Act:
    """Never stop: write pieces of a stream until the connection is closed."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        wire = wire_of(seen)
        double.billed_tokens += seen.input_tokens + output_limit(seen)  # an honest bill: the limit that was asked for
        begin(writer)
        for piece in first(wire, seen.input_tokens):
            writer.write(chunk(piece))
        while True:
            writer.write(chunk(b"".join(deltas(wire, text)) * 100))
            await writer.drain()

    return act


def cut_after(count: int, *, abort: bool = True) -> Act:
    """End the connection after some events of a stream, or after some bytes of a whole answer."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        wire = wire_of(seen)
        double.billed_tokens += seen.input_tokens + min(OUTPUT_TOKENS, output_limit(seen))
        if wants_stream(seen):
            begin(writer)
            events = [*first(wire, seen.input_tokens), *deltas(wire, "some") * 3, *last(wire, seen.input_tokens, 12)]
            for piece in events[:count]:
                writer.write(chunk(piece))
        else:
            content = json.dumps(body(wire, "some text", usage(wire, 10, 12))).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n" + content[: count * 10])
        await writer.drain()
        if abort:
            writer.transport.abort()
            raise ConnectionResetError
        writer.close()
        raise ConnectionResetError

    return act


def raw(write_all: Callable[[asyncio.StreamWriter, Seen], None]) -> Act:
    """Answer with whatever the function writes."""

    async def act(double: Provider, writer: asyncio.StreamWriter, seen: Seen) -> None:
        del double
        write_all(writer, seen)

    return act


def tool_call(wire: WireName, name: str, arguments: dict[str, Any]) -> list[bytes]:
    """Return the events of a stream that asks for a tool, without the events that begin and end it."""
    written = json.dumps(arguments)
    if wire == "chat":
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": written}}
        choice = {"index": 0, "delta": {"role": "assistant", "tool_calls": [call]}, "finish_reason": None}
        return [event({"id": "c-1", "model": "served", "choices": [choice]})]
    if wire == "responses":
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": name, "arguments": written}
        done = {"type": "response.output_item.done", "output_index": 0, "item": {**item, "status": "completed"}}
        return [event(done, "response.output_item.done")]
    if wire == "messages":
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": written}
        return [
            event({"type": "content_block_start", "index": 0, "content_block": block}, "content_block_start"),
            event({"type": "content_block_delta", "index": 0, "delta": delta}, "content_block_delta"),
            event({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        ]
    content = {"role": "model", "parts": [{"functionCall": {"name": name, "args": arguments}}]}
    return [event({"candidates": [{"content": content}], "modelVersion": "served"})]
