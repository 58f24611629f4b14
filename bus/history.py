"""The historian of a consumer: it writes the history of the consumer's rows, in the background of the same process.

It folds the same events with the same projection as the consumer, with rows and a checkpoint of its own. It sends no
commands. It reads events only from Postgres, so the history never holds an event that the recorder has not stored.

It works when its consumer has had nothing to do for a moment, or when it is far behind. It gives way after each slice
of work, and keeps no rows in memory between two times of work. It does nothing while nothing happens.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from bus.fault_points import Fault
from bus.history_tables import Changes, HistoryTables, Position
from bus.projection import Projection, fold, scope_id
from bus.projection_rows import Row, Rows
from bus.projection_tables import rows_of
from bus.short_transaction import short_transaction
from bus.store import Store
from domain.errors import Unavailable
from domain.message import Recorded

BATCH_EVENTS_MAX = 1000
"""Events per transaction."""
SCOPES_CACHED_MAX = 512
SLICE_S = 0.003
"""The longest time of work without a pause."""
QUIET_S = 1.0
"""A consumer is quiet when it has committed nothing for this time."""
QUIET_SHARE = 0.5
"""The share of the time that the historians of a process work while their consumers are quiet."""
BUSY_SHARE = 0.1
BEHIND_EVENTS_MAX = 5000
"""A historian that is further behind works beside its busy consumer, with the share `BUSY_SHARE`."""
RETRY_WAIT_S = 3.0


class Historian:
    """Writes the history of one consumer's rows.

    turn: a lock that the historians of a process share, so that only one of them works at a time. paced=False: work
    without pauses, for measurements.
    """

    def __init__(
        self,
        store: Store,
        projection: Projection,
        *,
        turn: asyncio.Lock | None = None,
        paced: bool = True,
        fault: Fault = lambda _: None,
    ) -> None:
        self.projection = projection
        self.tables = HistoryTables(projection.name, projection.tables)
        self.position = Position(0, 0)
        self._store = store
        self._turn = turn or asyncio.Lock()
        self._paced = paced
        self._fault = fault
        self._rows: Rows | None = None
        self._loaded: dict[UUID, None] = {}
        self._woken = asyncio.Event()
        self._committed = 0  # the last event that the consumer has committed
        self._committed_at = time.monotonic()
        self._stop = asyncio.Event()

    def note(self, events: Sequence[Recorded]) -> None:
        """Take note of a batch that the consumer has committed."""
        self._committed, self._committed_at = events[-1].seq, time.monotonic()
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Write until stopped. After a failure of Postgres, or a write by another process, begin again."""
        self._stop = stop
        self._woken.set()  # events may have been left by an earlier process
        async with self._woken_by(stop):
            while await self._due():
                try:
                    await self.catch_up()
                except (Unavailable, asyncpg.PostgresError):
                    await self._wait(RETRY_WAIT_S)
                    self._woken.set()
                finally:
                    self._rows = None
                if self.position.seq < self._committed:  # the recorder has not stored the last events yet
                    self._woken.set()

    @asynccontextmanager
    async def _woken_by(self, stop: asyncio.Event) -> AsyncIterator[None]:
        stopping = asyncio.ensure_future(stop.wait())
        stopping.add_done_callback(lambda _: self._woken.set())
        try:
            yield
        finally:
            stopping.cancel()

    async def _due(self) -> bool:
        """Wait for events, and then until it is time to write them. Return False if stopped."""
        await self._woken.wait()
        while not self._stop.is_set() and not self._behind():
            quiet_in_s = self._committed_at + QUIET_S - time.monotonic()
            if quiet_in_s <= 0:
                break
            await self._wait(quiet_in_s)
        self._woken.clear()
        return not self._stop.is_set()

    def _behind(self) -> bool:
        return self._committed - self.position.seq > BEHIND_EVENTS_MAX

    async def _wait(self, wait_s: float) -> None:
        """Wait, but not longer than until the stop."""
        stopping = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait([stopping], timeout=wait_s)
        stopping.cancel()

    async def catch_up(self) -> None:
        """Write the history up to the last event that the recorder has stored, unless stopped before.

        Raises Unavailable if another process wrote at the same time.
        """
        await self._begin()
        more = True
        while more and not self._stop.is_set():
            async with self._turn:
                more = await self._batch()

    async def _begin(self) -> None:
        """Load the position and the resident rows. Create the tables if they are missing or have another form."""
        self._rows = Rows(self.projection.tables)
        self._loaded.clear()
        async with self._store.connection(durable=False) as connection:
            async with short_transaction(connection):
                self.position = await self.tables.begin(connection)
            async with short_transaction(connection, isolation="repeatable_read"):
                position = await self.tables.position(connection)
                if position != self.position:
                    raise _overtaken(self.projection.name)
                for kind in self.tables.kinds:
                    if kind.resident:
                        self._rows.load(rows_of(kind, await self.tables.open_rows(connection, kind)))

    async def _batch(self) -> bool:
        """Fold the next events and write what they have changed. Return False if there are none."""
        begun = time.monotonic()
        events = await self._store.read(self.position.seq, limit=BATCH_EVENTS_MAX)
        if not events:
            return False
        rows, changes = await self._load(events), Changes()
        await self._give_way(begun)
        begun = time.monotonic()
        for recorded in events:
            fold(self.projection, None, recorded, rows, 0)
            changes.note(recorded.seq, rows)
            if time.monotonic() - begun > SLICE_S:
                await self._give_way(begun)
                begun = time.monotonic()
        await self._commit(events[-1].seq, changes)
        await self._give_way(begun)
        return True

    async def _commit(self, last: int, changes: Changes) -> None:
        self._fault(f"{self.projection.name}-history:before-commit")
        async with self._store.connection(durable=False) as connection:
            if not await self.tables.write(connection, self.position, last, changes):
                raise _overtaken(self.projection.name)
        self.position = self.position._replace(seq=last)
        self._fault(f"{self.projection.name}-history:after-commit")
        assert self._rows is not None
        while len(self._loaded) > SCOPES_CACHED_MAX:
            oldest = next(iter(self._loaded))
            del self._loaded[oldest]
            self._rows.forget(oldest)

    async def _load(self, events: Sequence[Recorded]) -> Rows:
        """Load the open rows of the scopes of these events, and return all rows in memory."""
        assert self._rows is not None
        scopes = dict.fromkeys(map(scope_id, events))
        missing = [scope for scope in scopes if scope not in self._loaded]
        kinds: list[type[Row]] = [kind for kind in self.tables.kinds if not kind.resident]
        if missing and kinds and self.position.seq:
            async with self._store.connection(durable=False) as connection:
                for kind in kinds:
                    self._rows.load(rows_of(kind, await self.tables.open_rows(connection, kind, missing)))
        for scope in scopes:
            self._loaded.pop(scope, None)
            self._loaded[scope] = None
        return self._rows

    async def _give_way(self, begun: float) -> None:
        """Pause in proportion to the time of the work, so that the share of the work stays low."""
        if not self._paced:
            return
        quiet = time.monotonic() - self._committed_at >= QUIET_S
        share = QUIET_SHARE if quiet else BUSY_SHARE
        pause_s = (time.monotonic() - begun) * (1 / share - 1)
        if pause_s < SLICE_S / BUSY_SHARE:
            await asyncio.sleep(pause_s)
        else:
            await self._wait(pause_s)


def _overtaken(name: str) -> Unavailable:
    return Unavailable(f"Another process has changed the history of {name}.", hint="You need not do anything.")
