"""The live stream of events (SSE): from any sequence, filtered, with heartbeats, until the reader may not read."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bus.store import FAR, Search, Store
from director.http.problems import problem
from director.services.events import event_view
from director.services.top_bar import positions
from domain.errors import TooMany

HEARTBEAT_S = 15.0
RECHECK_S = 2.0
"""A stream ends at most this long after its session, token or role."""
PULSE_S = 0.1
PAGE_EVENTS = 200
STREAMS_MAX = 200
STREAMS_OF_USER_MAX = 8
EVENT_STREAM = "text/event-stream"
_UNBUFFERED: Mapping[str, str] = {"X-Accel-Buffering": "no"}


class Pulse:
    """Asks the store for the recorder's checkpoint, once for all streams of the process, while there is one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[UUID, int] = {}
        self._asked = 0.0
        self._seq = 0
        self._rows_asked = 0.0
        self._rows: dict[str, int] = {}
        self._asking = asyncio.Lock()

    @asynccontextmanager
    async def place(self, user: UUID) -> AsyncIterator[None]:
        """Take a place for a stream. Raises TooMany."""
        if self.open >= STREAMS_MAX or self._open.get(user, 0) >= STREAMS_OF_USER_MAX:
            raise TooMany("There are too many open streams.", hint="Close another one first.", code="too_many_streams")
        self._open[user] = self._open.get(user, 0) + 1
        try:
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]

    @property
    def open(self) -> int:
        """The number of open streams."""
        return sum(self._open.values())

    async def recorded(self) -> int:
        """Return the recorder's checkpoint, at most PULSE_S old."""
        async with self._asking:
            if time.monotonic() - self._asked > PULSE_S:
                self._seq, self._asked = await self._store.recorded_up_to(), time.monotonic()
            return self._seq

    async def rows(self) -> dict[str, int]:
        """Return the position of the rows of each consumer, at most PULSE_S old."""
        async with self._asking:
            if time.monotonic() - self._rows_asked > PULSE_S:
                self._rows, self._rows_asked = await positions(self._store), time.monotonic()
            return self._rows


class LiveAnswer(Response):
    """An answer that is a stream. It has a place while it is sent, and gives the place back however it ends.

    The place is taken at the first moment of the answer, so that a refusal is a problem and no broken stream. A client
    that leaves before the first byte takes no place away from others.
    """

    def __init__(self, pulse: Pulse, user: UUID, parts: Callable[[], AsyncIterator[bytes]]) -> None:
        super().__init__()
        self._pulse = pulse
        self._user = user
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._pulse.place(self._user):
                stream = StreamingResponse(self._parts(), media_type=EVENT_STREAM, headers=_UNBUFFERED)
                await stream(scope, receive, send)
        except TooMany as error:
            await problem(error)(scope, receive, send)


async def events_stream(
    store: Store, pulse: Pulse, search: Search, after: int, may_read: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    """Yield the events after a sequence as server-sent events. The id of each is its sequence."""
    yield b"retry: 2000\n\n"
    checked = beaten = time.monotonic()
    while True:
        at = time.monotonic()
        if at - checked >= RECHECK_S:
            if not await may_read():
                yield b'event: end\ndata: {"code":"signed_out"}\n\n'
                return
            checked = at
        passed = await pulse.recorded()
        if passed > after:
            page = await store.search(search, after, FAR, PAGE_EVENTS)
            for recorded in page:
                data = msgspec.json.encode(event_view(recorded), enc_hook=str)
                yield b"id: %d\nevent: %s\ndata: %s\n\n" % (recorded.seq, recorded.envelope.type.encode(), data)
            full = len(page) == PAGE_EVENTS
            after = page[-1].seq if full else max(passed, page[-1].seq if page else 0)
            if page:
                beaten = at
            if full:
                continue
        if at - beaten >= HEARTBEAT_S:
            beaten = at
            yield b": %d\n\n" % after
        await asyncio.sleep(PULSE_S)
