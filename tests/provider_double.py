"""The double of a provider on loopback. It follows the wire formats; it is not the provider.

It bills a token for each four bytes of a request, so it is honest about usage unless a test says otherwise.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from agents.gateway.refusals import WireName

BILLED_BYTES = 4
"""Bytes of a request for each input token that the double bills."""


class Seen(NamedTuple):
    """One request as a double received it. `raw`: all its bytes."""

    target: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes

    @property
    def input_tokens(self) -> int:
        return -(-len(self.raw.partition(b"\r\n\r\n")[2]) // BILLED_BYTES)


Act = Callable[["Provider", asyncio.StreamWriter, Seen], Awaitable[None]]


class Provider:
    """The double of a provider. `act` writes the answer."""

    def __init__(self, act: Act) -> None:
        self.act = act
        self.seen: list[Seen] = []
        self.connections = 0
        self.billed_tokens = 0
        self.at_once = 0
        self.most_at_once = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def holds(self, marker: str) -> bool:
        """Return whether any request contained the marker, in its path, headers or body."""
        return any(marker.encode() in seen.raw for seen in self.seen)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        self.seen.append(Seen(first.split(" ")[1], headers, json.loads(body) if body else {}, head + body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.act(self, writer, self.seen[-1])
            await writer.drain()
        finally:
            self.at_once -= 1

    async def end(self) -> None:
        await asyncio.sleep(0)
        while tasks := list(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        await asyncio.sleep(0)


@asynccontextmanager
async def provider(act: Act) -> AsyncIterator[Provider]:
    """Run a double for the duration of a test."""
    double = Provider(act)
    server = await asyncio.start_server(double.handle, "127.0.0.1", 0, limit=1 << 24)
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        server.close()
        await double.end()


def output_limit(seen: Seen) -> int:
    """Return the limit of output tokens in a request, as a provider reads it."""
    body = seen.body
    config = body.get("generationConfig") or {}
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    counts = [body[name] for name in names if body.get(name)]
    return int(min(counts)) if counts else int(config.get("maxOutputTokens", 10**6))


def wire_of(seen: Seen) -> WireName:
    path = seen.target.partition("?")[0]
    if "enerateContent" in path:
        return "gemini"
    wires: tuple[WireName, ...] = ("messages", "responses", "chat")
    return next(wire for wire in wires if f"/{wire}" in path)
