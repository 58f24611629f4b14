"""Reader of a run's stdout and stderr while the run lasts. One limit applies to both streams together."""

import asyncio
import os
from contextlib import suppress

from verification.sandbox.waiting import forget

READ_BYTES = 65536


class Output:
    """Reader of both streams. It stores at most `bytes_max` bytes. `overflow` is True if the run wrote more."""

    def __init__(self, bytes_max: int) -> None:
        self.overflow = False
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._left = bytes_max
        self._kept: dict[str, bytearray] = {}
        self._open: dict[int, bytearray] = {}
        self._news: asyncio.Future[None] | None = None

    async def news(self) -> None:
        """Wait for the first output, or for the end of a stream."""
        if not any(self._kept.values()) and not self.ended.done():
            self._news = asyncio.get_running_loop().create_future()
            await self._news

    def begin(self, bytes_max: int) -> None:
        """Forget all output until now, and store at most `bytes_max` bytes from now on."""
        for kept in self._kept.values():
            kept.clear()
        self._left, self.overflow = bytes_max, False

    def pipe(self, name: str) -> int:
        """Create a pipe for the stream `name` and return its write end. The caller closes the write end."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        self._open[reading] = self._kept[name] = bytearray()
        asyncio.get_running_loop().add_reader(reading, self._take, reading)
        return writing

    def of(self, name: str) -> bytes:
        return bytes(self._kept[name])

    def close(self) -> None:
        for descriptor in list(self._open):
            self._drop(descriptor)

    def _take(self, descriptor: int) -> None:
        with suppress(BlockingIOError):
            part = os.read(descriptor, READ_BYTES)
            self._open[descriptor] += part[: self._left]
            self.overflow = self.overflow or len(part) > self._left
            self._left = max(0, self._left - len(part))
            if self._news and not self._news.done():
                self._news.set_result(None)
            if not part:
                self._drop(descriptor)

    def _drop(self, descriptor: int) -> None:
        forget(descriptor)
        os.close(descriptor)
        del self._open[descriptor]
        if not self._open and not self.ended.done():
            self.ended.set_result(None)
