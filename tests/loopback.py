"""A real OpenAI-compatible HTTP server on loopback. A test chooses its answers, good or bad."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

REQUEST_BYTES_MAX = 1 << 20


class Seen(NamedTuple):
    """One request as the server received it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Reply = Callable[[asyncio.StreamWriter, Seen], Awaitable[None]]


class Loopback:
    """The server, with the received requests and the next answer."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.seen: list[Seen] = []
        self.arrived = asyncio.Event()  # set by the first request
        self.port = 0
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        self._serving.add(own)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip("\r\n").split("\r\n")
            headers = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(min(int(headers.get("content-length", "0")), REQUEST_BYTES_MAX))
            method, path, _ = first.split(" ")
            self.seen.append(Seen(method, path, headers, json.loads(body) if body else None))
            self.arrived.set()
            await self.reply(writer, self.seen[-1])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away, which some tests want
        except asyncio.CancelledError:
            writer.transport.abort()  # the test is over; the streams of Python 3.11 take a cancelled task for a defect
        finally:
            writer.close()
            self._serving.discard(own)

    async def end(self) -> None:
        """Close all open connections, so that nothing of a test's server survives the test."""
        await asyncio.sleep(0)  # who was just let in is known in the next round
        while serving := list(self._serving):
            for task in serving:
                task.cancel()
            await asyncio.wait(serving)
        await asyncio.sleep(0)  # their sockets are closed in the loop's next round


@asynccontextmanager
async def loopback(reply: Reply) -> AsyncIterator[Loopback]:
    """Run a server for the duration of a test."""
    if (begin := getattr(reply, "begin", None)) is not None:
        begin()
    server = Loopback(reply)
    listening = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await server.end()


def raw(status: int, body: bytes, **headers: str) -> Reply:
    """Return any bytes with any status. In header names, _ stands for -."""

    async def reply(writer: asyncio.StreamWriter, seen: Seen) -> None:
        del seen
        shown = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
        shown |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in shown.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return reply


def completion(text: str | None, *, finish: str = "stop", **message: Any) -> bytes:
    """Return the body of a well-formed chat completion."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
    usage = {"prompt_tokens": 40, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 8}}
    return json.dumps(
        {"id": "chatcmpl-1", "object": "chat.completion", "model": "served", "choices": [choice], "usage": usage}
    ).encode()


def honest(text: str) -> Reply:
    """Return a well-formed answer with this text."""
    return raw(200, completion(text), x_request_id="req-7")


async def cut(writer: asyncio.StreamWriter, seen: Seen) -> None:
    """End the connection in the middle of the body."""
    del seen
    writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n{"id": "chatcm')
    await writer.drain()


async def cut_chunks(writer: asyncio.StreamWriter, seen: Seen) -> None:
    """Send a chunked answer without its last chunk."""
    del seen
    writer.write(
        b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"id"\r\n'
    )
    await writer.drain()


async def hang(writer: asyncio.StreamWriter, seen: Seen) -> None:
    """Send nothing."""
    del writer, seen
    await asyncio.sleep(30)


async def drip(writer: asyncio.StreamWriter, seen: Seen) -> None:
    """Send a byte from time to time. No single read times out, but the whole call does."""
    del seen
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n")
    for _ in range(300):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.1)
