"""Requests as bytes on a socket, for attacks that no HTTP client would send."""

import asyncio
from typing import NamedTuple

ANSWER_WAIT_S = 60


class Place(NamedTuple):
    """The address of a server."""

    host: str
    port: int

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


class RawAnswer(NamedTuple):
    """Everything that a server sent until it closed the connection."""

    data: bytes

    @property
    def statuses(self) -> list[int]:
        """The status of each answer on the connection. An interim answer (1xx) does not count."""
        lines = [line for line in self.data.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        return [status for line in lines if (status := int(line.split()[1])) >= 200]

    @property
    def status(self) -> int:
        """The status of the only answer; 0 if the server closed the connection without an answer.

        A second answer to one request is a smuggled request, and never an ordinary refusal.
        """
        statuses = self.statuses or [0]
        return statuses[0] if len(statuses) == 1 else 200

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")


async def exchange(place: Place, *parts: bytes, ended: bool = False) -> RawAnswer:
    """Send bytes, and return what the server answers until it closes the connection.

    ended: the client says that it sends no more, and waits for the answer.
    """
    async with asyncio.timeout(ANSWER_WAIT_S):
        reader, writer = await asyncio.open_connection(*place)
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            if ended:
                writer.write_eof()
            return RawAnswer(await reader.read())
        except ConnectionError:
            return RawAnswer(b"")
        finally:
            writer.close()


def request(place: Place, line: str, *headers: str, body: bytes = b"", host: str | None = None) -> bytes:
    """Return a request that asks the server to close the connection. `host`: "" leaves the header out."""
    named = [] if host == "" else [f"Host: {host or place.name}"]
    head = "\r\n".join((line, *named, *headers, "Connection: close", "", ""))
    return head.encode("latin-1") + body
