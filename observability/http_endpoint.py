"""A small HTTP server: GET of a few pages, one request per connection. It uses no framework and no thread."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import NamedTuple

from domain.errors import Unavailable

LOOPBACK = "127.0.0.1"
REACHED_AT = {"0.0.0.0": LOOPBACK, "::": "::1"}
"""Wildcard bind address -> loopback address."""
REQUEST_WAIT_S = 5.0
REQUEST_BYTES_MAX = 16 * 1024
CLOSE_WAIT_S = 1.0


class Page(NamedTuple):
    """An HTTP answer."""

    status: HTTPStatus
    kind: str
    body: bytes


TEXT = "text/plain; charset=utf-8"
Pages = Mapping[str, Callable[[], Awaitable[Page]]]


class Endpoint:
    """Serves pages by path."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None

    async def open(self, port: int, host: str = LOOPBACK) -> str:
        """Listen on an IP address and return the URL on this machine. Port 0: any free port. Raises Unavailable."""
        try:
            self._server = await asyncio.start_server(self._serve, host, port, limit=REQUEST_BYTES_MAX)
        except OSError as error:
            raise Unavailable(
                f"The process cannot listen on port {port} of {host}: {error.strerror}.",
                hint="Set AURA_METRICS_PORT to another port, to 0 for any free port, or to off. "
                "AURA_METRICS_HOST must be an address of this machine.",
                code="port_taken",
            ) from error
        here = REACHED_AT.get(host, host)
        return f"http://{f'[{here}]' if ':' in here else here}:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_WAIT_S):
                    await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_WAIT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            page = await self._page(head)
            writer.write(
                f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\nContent-Type: {page.kind}\r\n"
                f"Content-Length: {len(page.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n".encode()
                + page.body
            )
            async with asyncio.timeout(REQUEST_WAIT_S):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, OSError):
            return  # a client that sends nothing, sends too much, or does not wait for the answer
        finally:
            writer.close()

    async def _page(self, head: bytes) -> Page:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0].decode("latin-1")
        if method != b"GET":
            return Page(HTTPStatus.METHOD_NOT_ALLOWED, TEXT, b"Only GET is supported.\n")
        make = self._pages.get(path)
        if make is None:
            return Page(
                HTTPStatus.NOT_FOUND, TEXT, f"There is no such page. The pages are {', '.join(self._pages)}.\n".encode()
            )
        return await make()
