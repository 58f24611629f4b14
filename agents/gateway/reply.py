"""The answer of the gateway to the agent. Its headers are an allow-list, and no write waits without a limit."""

import asyncio
import re
from collections.abc import Mapping
from http import HTTPStatus

from agents.gateway.limits import BODY_BYTES_MAX, SEND_WAIT_S
from agents.gateway.refusals import GatewayRefusal, WireName, body_of

LINGER_S = 2.0
"""Seconds in which the rest of a refused request is read and dropped, so that the agent can read the refusal."""
PASSED_HEADERS = ("retry-after", "retry-after-ms", "request-id", "x-request-id")
"""The only headers of the provider's answer that reach the agent."""
_VALUE = re.compile(r"[ -~]{1,200}")
JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream"


def passed_headers(headers: Mapping[str, str], secret: str | None) -> dict[str, str]:
    """Return the provider's headers that the agent may see. A header that repeats the key is left out."""
    passed = {name: value for name in PASSED_HEADERS if (value := headers.get(name)) and _VALUE.fullmatch(value)}
    return {name: value for name, value in passed.items() if not secret or secret not in value}


class Reply:
    """One answer on one connection. After an error of the connection, `gone` is true and further writes do nothing."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._chunked = False
        self.begun = False
        self.gone = False
        self._whole = False

    @property
    def closed_by_agent(self) -> bool:
        """Whether the agent has closed its side of the connection."""
        return self.gone or self._reader.at_eof()

    async def whole(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a complete answer."""
        self._whole = True
        await self._begin(status, {"content-type": JSON_TYPE, "content-length": str(len(body)), **(headers or {})})
        await self._send(body)

    async def refuse(self, refusal: GatewayRefusal, wire: WireName) -> None:
        """Send a refusal in the wire format of the request. If a stream has begun, cut it instead."""
        if self.begun:
            self._writer.transport.abort()
            return
        wait = {} if refusal.retry_after_s is None else {"retry-after": str(refusal.retry_after_s)}
        await self.whole(refusal.status, body_of(refusal, wire), wait)

    async def stream(self, headers: Mapping[str, str]) -> None:
        """Begin a stream of events."""
        self._chunked = True
        shown = {"content-type": STREAM_TYPE, "cache-control": "no-cache", "transfer-encoding": "chunked", **headers}
        await self._begin(200, shown)

    async def event(self, content: bytes) -> None:
        """Send one event of the stream."""
        if content:
            await self._send(b"%x\r\n%b\r\n" % (len(content), content))

    async def end(self) -> None:
        """End the stream."""
        self._whole = True
        await self._send(b"0\r\n\r\n")

    async def close(self) -> None:
        """Close the connection. An answer that was not complete is cut, so that the agent notices it."""
        try:
            if self.gone or not self._whole:
                self._writer.transport.abort()
                return
            self._writer.write_eof()
            async with asyncio.timeout(LINGER_S):
                dropped = 0
                while dropped <= BODY_BYTES_MAX and (content := await self._reader.read(65_536)):
                    dropped += len(content)
        except (OSError, TimeoutError):
            pass  # the agent is gone, or still sends: the connection ends anyway
        finally:
            self._writer.close()

    async def _begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.begun = True
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
        await self._send("\r\n".join([*lines, "connection: close", "", ""]).encode())

    async def _send(self, content: bytes) -> None:
        if self.gone:
            return
        try:
            self._writer.write(content)
            async with asyncio.timeout(SEND_WAIT_S):
                await self._writer.drain()
        except (OSError, TimeoutError):
            self.gone = True
            self._writer.transport.abort()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Answer"
