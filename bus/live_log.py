"""The live log of one process. All consumers of the process share it, so the stream is read and marked only once.

In a process with a recorder, the recorder reads and marks the events and passes them to the live log.

Each consumer has its own position. A consumer that is behind the events in memory reads Postgres until it has caught
up.
"""

import asyncio
from collections.abc import Mapping, Sequence

from nats.aio.client import Client

from bus import codec, hops
from bus.log_reader import RECORDER_WAIT_S, LogReader
from bus.signals import end, wait_at_most
from bus.sliced import Sliced
from bus.standing import load_standing
from bus.store import PAGE_EVENTS, Store
from domain.errors import Unavailable
from domain.law import Standing, matters
from domain.message import Recorded

KEPT_EVENTS_MAX = 20_000
IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.3
REACH_WAIT_S = 10.0


class Live:
    """The last events of the log, in order and without a gap. `run` reads further events.

    fed: a recorder of this process passes the events to this object, which is its `follower`.
    """

    def __init__(self, client: Client, store: Store, *, fed: bool = False) -> None:
        self._store = store.apart()
        self._reader = LogReader(client, self._store)
        self._fed = fed
        self._standing = Standing()
        self._events: list[Recorded] = []
        self._first = 0  # sequence of the first event in memory; 0 before `begin`
        self._waiting: set[asyncio.Future[None]] = set()
        self._ended = False

    @property
    def position(self) -> int:
        """The sequence of the last event that has arrived; 0 before the first."""
        return self._first + len(self._events) - 1 if self._first else 0

    @property
    def standing(self) -> Standing:
        """The standing after the event at `position`."""
        return self._standing if self._fed else self._reader.standing

    async def begin(self, position: int) -> None:
        """Prepare for the events after a position. If another recorder has stored events, start again after them."""
        if not self._first or position > self.position:
            self._standing = await load_standing(self._store, position)
            self._events, self._first = [], position + 1
            self._wake()  # a waiter may wait for an event that another process has recorded

    def take(self, sliced: Sequence[Sliced], voids: Mapping[int, str]) -> None:
        """Append messages that the recorder has read and marked. Skip messages that it reads again after a fault."""
        fresh = [_recorded(message, voids.get(message.seq)) for message in sliced if message.seq > self.position]
        for recorded in fresh:
            if recorded.void is None and matters(recorded.envelope.type):
                self._standing.fold(recorded.envelope, recorded.seq)
        self._append(fresh)

    async def run(self, stop: asyncio.Event) -> None:
        """Read until stopped. If a server cannot be reached, wait, then continue at the same position."""
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
        if hops.tracer is not None:
            hops.tracer.passed_on(events)
        self._events.extend(events)
        if len(self._events) > KEPT_EVENTS_MAX:
            cut = len(self._events) - KEPT_EVENTS_MAX // 2
            del self._events[:cut]
            self._first += cut
        self._wake()

    def _wake(self) -> None:
        for waiting in self._waiting:
            end(waiting)

    async def reach(self, seq: int) -> None:
        """Wait until the event at `seq` has arrived. Raises Unavailable after REACH_WAIT_S or if reading has ended."""
        deadline = asyncio.get_running_loop().time() + REACH_WAIT_S
        while self.position < seq:
            wait_s = deadline - asyncio.get_running_loop().time()
            if self._ended or wait_s <= 0:
                raise Unavailable(
                    f"Event {seq} is on the stream, but did not arrive here within {REACH_WAIT_S:.0f} s.",
                    hint="Send the same command again.",
                )
            await self.more(wait_s)

    def after(self, position: int) -> Sequence[Recorded] | None:
        """Return the events after a position, at most one page, or None if they are no longer in memory."""
        index = position + 1 - self._first
        if not self._first or index < 0:
            return None
        return self._events[index : index + PAGE_EVENTS]

    async def more(self, wait_s: float) -> None:
        """Wait until a new event has arrived, at most `wait_s`."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        try:
            await wait_at_most(waiting, wait_s)
        finally:
            self._waiting.discard(waiting)


class LiveReader:
    """Reader of one consumer: Postgres first, then the process's live log. It has the methods of `LogReader`."""

    def __init__(self, live: Live, store: Store, *, gather_s: float = 0.0) -> None:
        """`gather_s`: after the first new event, wait so long for further ones, and return them together."""
        self._live = live
        self._store = store
        self._gather_s = gather_s
        self.position = 0

    async def begin(self, position: int) -> None:
        """Start after a position. Wait until the recorder has passed it. Raises Unavailable after RECORDER_WAIT_S."""
        await self._store.wait_recorded(position, RECORDER_WAIT_S)
        self.position = position

    async def batch(self, wait_s: float) -> list[Recorded]:
        """Return the next events, at most one page; an empty list if none came within `wait_s`. Raises Unavailable."""
        events = self._live.after(self.position)
        if events is None:
            events = await self._store.read(self.position, limit=PAGE_EVENTS)
        if not events:
            await self._live.more(wait_s)
            if self._gather_s and self._live.position > self.position:
                await asyncio.sleep(self._gather_s)
            events = self._live.after(self.position) or []
        if events:
            self.position = events[-1].seq
        return list(events)

    async def close(self) -> None:
        """Do nothing: this reader holds nothing open."""


def _recorded(message: Sliced, void: str | None) -> Recorded:
    if message.envelope is None:
        return codec.alien(message.seq)
    event = codec.event_of(message.envelope, message.payload if message.salt else None)
    return Recorded(seq=message.seq, envelope=message.envelope, event=event, void=void)
