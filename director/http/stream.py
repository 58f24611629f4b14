"""The live stream of events (SSE): from any sequence, filtered, with heartbeats, until the reader may not read."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bus.store import FAR, Search, Store
from director.http.problems import problem
from director.services.events import event_view
from director.services.times import SEQ_MAX
from director.services.top_bar import positions
from domain.errors import Invalid, TooMany

HEARTBEAT_S = 15.0
RECHECK_S = 2.0
"""A stream ends at most this long after its session, token or role."""
PULSE_S = 0.1
PAGE_EVENTS = 200
STREAMS_MAX = 200
STREAMS_OF_USER_MAX = 8
EVENT_STREAM = "text/event-stream"
TOO_MANY = TooMany("There are too many open streams.", hint="Close another one first.", code="too_many_streams")
_UNBUFFERED: Mapping[str, str] = {"X-Accel-Buffering": "no"}


class Places:
    """The number of answers that are sent at the same time, in all and for each user."""

    def __init__(self, most: int, most_of_user: int, refusal: TooMany) -> None:
        self._most = most
        self._most_of_user = most_of_user
        self._refusal = refusal
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def take(self, user: UUID) -> Iterator[None]:
        """Take a place. Raises TooMany."""
        if self.open >= self._most or self._open[user] >= self._most_of_user:
            raise self._refusal
        self._open[user] += 1
        try:
            yield
        finally:
            self._open[user] -= 1
            self._open += Counter()  # without the users that have no place

    @property
    def open(self) -> int:
        """The number of places that are taken."""
        return self._open.total()


class Pulse:
    """Asks the store for the recorder's checkpoint, once for all streams of the process, while there is one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.places = Places(STREAMS_MAX, STREAMS_OF_USER_MAX, TOO_MANY)
        self._asked = 0.0
        self._seq = 0
        self._rows_asked = 0.0
        self._rows: dict[str, int] = {}
        self._asking = asyncio.Lock()

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

    def __init__(
        self, places: Places, user: UUID, parts: Callable[[], AsyncIterator[bytes]], media_type: str = EVENT_STREAM
    ) -> None:
        super().__init__(media_type=media_type)
        self._places = places
        self._user = user
        self._parts = parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with self._places.take(self._user):
                stream = StreamingResponse(self._parts(), media_type=self.media_type, headers=_UNBUFFERED)
                await stream(scope, receive, send)
        except TooMany as error:
            await problem(error)(scope, receive, send)


def sequence_of(text: str) -> int | None:
    """Parse the id of an event of a stream; None for an empty text. Raises Invalid."""
    if not text:
        return None
    if not text.isascii() or not text.isdecimal():
        raise Invalid("Last-Event-ID is not a sequence.", hint="Send the id of the last event that you received.")
    return min(int(text[:20]), SEQ_MAX)


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
