"""The live log of one process: read once from the stream, marked once by the law, looked at by every consumer here.

Where the process has a recorder, that one reads and marks, and the live log hears of it.

Each consumer keeps its own position. One that is further back than what is kept in memory reads Postgres until it has
caught up.
"""

import asyncio
from collections.abc import Mapping, Sequence

from nats.aio.client import Client

from bus import codec
from bus.log_reader import RECORDER_WAIT_S, LogReader
from bus.recorder import Sliced
from bus.standing import load_standing
from bus.store import PAGE_EVENTS, Store
from domain.errors import Unavailable
from domain.law import Standing, matters
from domain.message import Recorded

KEPT_EVENTS_MAX = 20_000
IDLE_WAIT_S = 0.5
RETRY_WAIT_S = 0.3
REACH_WAIT_S = 10.0


class Live:
    """The last events of the log, in order and without a gap. `run` keeps them coming.

    fed: a recorder of this process, whose `follower` this is, brings them.
    """

    def __init__(self, client: Client, store: Store, *, fed: bool = False) -> None:
        self._store = store.apart()
        self._reader = LogReader(client, self._store)
        self._fed = fed
        self._standing = Standing()
        self._events: list[Recorded] = []
        self._first = 0  # sequence of the first event that is kept; 0: not begun
        self._waiting: set[asyncio.Future[None]] = set()
        self._ended = False

    @property
    def position(self) -> int:
        """The sequence of the last event that has come; 0 before the first."""
        return self._first + len(self._events) - 1 if self._first else 0

    @property
    def standing(self) -> Standing:
        """Return who may work after the event at `position`."""
        return self._standing if self._fed else self._reader.standing

    async def begin(self, position: int) -> None:
        """Prepare for events after a position. After a gap, whose events others have recorded, it starts anew."""
        if not self._first or position > self.position:
            self._standing = await load_standing(self._store, position)
            self._events, self._first = [], position + 1
            self._wake()  # who waits for an event that others have recorded need not wait for the next one

    def take(self, sliced: Sequence[Sliced], voids: Mapping[int, str]) -> None:
        """Hear of messages that the recorder has read and marked; those it reads again after a fault are known."""
        fresh = [_recorded(part, voids.get(part.seq)) for part in sliced if part.seq > self.position]
        for recorded in fresh:
            if recorded.void is None and matters(recorded.envelope.type):
                self._standing.fold(recorded.envelope, recorded.seq)
        self._append(fresh)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until stopped. While a server is away nothing comes; then it goes on where it was."""
        begun = False
        try:
            if self._fed:
                await stop.wait()
            while not stop.is_set():
                try:
                    if not begun:
                        await self._begin()
                        begun = True
                    self._append(await self._reader.batch(IDLE_WAIT_S))
                except Unavailable:
                    begun = False
                    await asyncio.sleep(RETRY_WAIT_S)
        finally:
            self._ended = True
            self._wake()
            await self._reader.close()

    async def _begin(self) -> None:
        position = self.position if self._first else await self._store.recorded_up_to()
        await self._reader.begin(position)
        if not self._first:
            self._first = position + 1
            self._wake()

    def _append(self, events: Sequence[Recorded]) -> None:
        if not events:
            return
        assert events[0].seq == self._first + len(self._events), "the live log has no gap"
        self._events.extend(events)
        if len(self._events) > KEPT_EVENTS_MAX:
            cut = len(self._events) - KEPT_EVENTS_MAX // 2
            del self._events[:cut]
            self._first += cut
        self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            _end(waiting)

    async def reach(self, seq: int) -> None:
        """Return once the event at `seq` has come. Raises Unavailable when it does not, or when reading has ended."""
        deadline = asyncio.get_running_loop().time() + REACH_WAIT_S
        while self.position < seq:
            wait_s = deadline - asyncio.get_running_loop().time()
            if self._ended or wait_s <= 0:
                raise Unavailable(f"Event {seq} is on the stream, but has not come back.", hint="Send the same again.")
            await self.more(wait_s)

    def after(self, position: int) -> Sequence[Recorded] | None:
        """The events after a position, at most a page; None when they are older than what is kept."""
        index = position + 1 - self._first
        if not self._first or index < 0:
            return None
        return self._events[index : index + PAGE_EVENTS]

    async def more(self, wait_s: float) -> None:
        """Wait until something new has come, or for `wait_s`."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting.add(waiting)
        late = loop.call_later(
            wait_s, _end, waiting
        )  # half the price of asyncio.timeout, and every event is waited for
        try:
            await waiting
        finally:
            late.cancel()
            self._waiting.discard(waiting)


class LiveReader:
    """One consumer's way through the log of a process: Postgres first, then what is live. As `LogReader`."""

    def __init__(self, live: Live, store: Store) -> None:
        self._live = live
        self._store = store
        self.position = 0

    async def begin(self, position: int) -> None:
        """Start after a position that the recorder has passed; waits until it has."""
        await self._store.wait_recorded(position, RECORDER_WAIT_S)
        self.position = position

    async def batch(self, wait_s: float) -> list[Recorded]:
        """The events at hand, at most a page; empty when none came within `wait_s`. Raises Unavailable."""
        found = self._live.after(self.position)
        if found is None:
            found = await self._store.read(self.position, limit=PAGE_EVENTS)
        if not found:
            await self._live.more(wait_s)
            found = self._live.after(self.position) or []
        if found:
            self.position = found[-1].seq
        return list(found)

    async def close(self) -> None:
        """Nothing of its own is open."""


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _recorded(part: Sliced, void: str | None) -> Recorded:
    if part.envelope is None:
        return codec.alien(part.seq)
    event = codec.event_of(part.envelope, part.payload if part.salt else None)
    return Recorded(seq=part.seq, envelope=part.envelope, event=event, void=void)
