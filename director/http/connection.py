"""One connection of the HTTP server. It closes if the headers of a request do not arrive in time."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_WAIT_S = 10.0
"""A connection without a whole request is closed after this time. So idle connections cannot keep others out."""


class TimedConnection(H11Protocol):
    """A connection with a limit for the arrival of headers. uvicorn limits only the pause between two requests."""

    _header_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._begin_wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._is_answering():
            self._end_wait()
        elif self._header_timer is None:
            self._begin_wait()  # the beginning of the next request

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_wait()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        begun = self.cycle is not None  # as long as there was no request
        return begun and not self.cycle.response_complete

    def _begin_wait(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_WAIT_S, self._close)

    def _end_wait(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _close(self) -> None:
        self._header_timer = None
        if not self._is_answering():
            self.transport.close()
