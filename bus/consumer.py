"""The consumer runner. It takes all available events as one batch, folds each, sends the commands and writes the rows.

Batches that follow closely share one transaction. After a crash before that transaction, the same events come again.
Their commands then have the same ids, so the gate answers with the first outcome. A rebuild folds events, but sends no
commands.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol
from uuid import UUID

import asyncpg
from nats.aio.client import Client

from bus import clock, hops
from bus.fault_points import Fault
from bus.log_reader import LogReader
from bus.outbox import Outbox, Send
from bus.projection import Projection, Reactor, fold, scope_id
from bus.projection_rows import Row, Rows
from bus.projection_tables import SWAPPED, Tables, rows_of
from bus.short_transaction import short_transaction
from bus.store import Store
from domain.errors import Unavailable
from domain.message import Command, Recorded
from domain.registry import RUN_BEGINS

IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.3
SCOPES_CACHED_MAX = 512
COMMIT_WAIT_S = 0.1
"""The longest time that folded events wait for their transaction while more events come."""
COMMIT_EVENTS_MAX = 500


class Reader(Protocol):
    """Reader of the log in order: bus.log_reader.LogReader, or the process's shared bus.live_log.LiveReader."""

    async def begin(self, position: int) -> None: ...

    async def batch(self, wait_s: float) -> list[Recorded]: ...

    async def close(self) -> None: ...


OnCommit = Callable[[Sequence[Recorded], Rows, float, bool], None]
"""Callback after a committed batch. Arguments: events, new rows, duration (s), and False while a rebuild catches up."""


class State(NamedTuple):
    """A consumer's stored state. `records`: the rows of each resident table, not decoded yet."""

    position: int
    commands_after: int
    records: list[tuple[type[Row], list[asyncpg.Record]]]


class Runner:
    """Runs one consumer: its projection and, for a member of the staff, its reactor and `send`.

    A commit does not wait for the disk. If Postgres crashes, rows and checkpoint both return to an earlier state, and
    the events come again. So the side effects of commands and duties must be ones that may be repeated.

    `on_rows` is called after each batch, with False while a rebuilt version catches up with the previous version. When
    the rebuilt version has caught up, `on_rows` is called again with the same rows and True. The duties then start.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        projection: Projection,
        *,
        reactor: Reactor | None = None,
        send: Send | None = None,
        on_rows: Callable[[Rows, bool], None] = lambda _rows, _live: None,
        on_commit: OnCommit = lambda *_: None,
        commit_wait_s: float = COMMIT_WAIT_S,
        reader: Reader | None = None,
        fault: Fault = lambda _: None,
    ) -> None:
        self.projection = projection
        self.tables = Tables(projection.name, projection.tables)
        self.position = 0
        self.rows = Rows(projection.tables)
        self._store = store
        self._reader: Reader = reader or LogReader(client, store)
        self._reactor = reactor
        self._outbox = Outbox(send) if send is not None else None
        self._commands_after = 0  # last sequence for which the previous schema version sent commands
        self._on_rows = on_rows
        self._on_commit = on_commit
        self._commit_wait_s = commit_wait_s
        self._fault = fault
        self._loaded: dict[UUID, bool] = {}  # scopes with rows in memory, and whether tables of runs were read, too
        self._folded: list[Recorded] = []  # folded, but not committed yet
        self._fold_s = 0.0
        self._commit_at = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until stopped. All folded events are committed before this returns."""
        begun = False
        try:
            while True:
                try:
                    if not begun:
                        await self._begin()
                        begun = True
                    batch = await self._reader.batch(self._wait_s())
                    for part in self._parts(batch):
                        await self._take(part)
                    if self._folded and (not batch or self._wait_s() <= 0):
                        await self._commit()
                    elif not batch and stop.is_set():
                        return
                except (Unavailable, *SWAPPED):
                    begun = False
                    await self._close_outbox()
                    if stop.is_set():
                        return  # nothing is lost: the next start continues at the checkpoint
                    await asyncio.sleep(RETRY_WAIT_S)
        finally:
            await self._close_outbox()
            await self._reader.close()

    async def _close_outbox(self) -> None:
        if self._outbox is not None:
            await self._outbox.close()

    async def _begin(self) -> None:
        """Load position and resident rows. Create the schema if it is missing. Rebuild it if its version differs."""
        async with self._store.connection() as connection:
            state = await self._state(connection)
            if state is None:
                await self._make_schema(connection)
                state = await self._state(connection)
        if state is None:
            raise Unavailable(
                f"A process of another release changes the rows of {self.projection.name}.",
                hint="Run processes of only one release: stop those of the other release.",
            )
        self.position, commands_after, records = state
        self._commands_after = max(self._commands_after, commands_after)
        self.rows = Rows(self.projection.tables)
        self._loaded.clear()
        self._folded = []
        for kind, found in records:
            self.rows.load(rows_of(kind, found))
        await self._reader.begin(self.position)
        self._on_rows(self.rows, self.position >= self._commands_after)

    async def _state(self, connection: asyncpg.Connection) -> State | None:
        """Return the stored state from one snapshot, or None if the schema is missing or has another version."""
        async with short_transaction(connection, isolation="repeatable_read"):
            if not await self.tables.exists(connection):
                return None
            position, version = await self.tables.checkpoint(connection)
            if version != self.tables.version():
                return None
            commands_after = await self.tables.commands_after(connection)
            resident = [kind for kind in Rows(self.projection.tables).tables.values() if kind.resident]
            return State(
                position, commands_after, [(kind, await self.tables.records(connection, kind)) for kind in resident]
            )

    async def _make_schema(self, connection: asyncpg.Connection) -> None:
        """Create or rebuild the schema, unless another process did it while this process waited for the lock."""
        async with short_transaction(connection):
            await self.tables.begin(connection)
            if not await self.tables.exists(connection):
                await self.tables.create(connection)
                return
            former, version = await self.tables.checkpoint(connection)
            if version != self.tables.version():
                await self.tables.drop(connection)
                await self.tables.create(connection, commands_after=former)

    def _parts(self, batch: Sequence[Recorded]) -> Iterator[Sequence[Recorded]]:
        """Split a batch at the end of the previous schema version, so that no duty treats older events as new."""
        former = sum(recorded.seq <= self._commands_after for recorded in batch)
        yield from (part for part in (batch[:former], batch[former:]) if part)

    def _wait_s(self) -> float:
        """Return the longest wait (s) for the next batch."""
        if not self._folded:
            return IDLE_WAIT_S
        return 0.0 if len(self._folded) >= COMMIT_EVENTS_MAX else max(0.0, self._commit_at - time.monotonic())

    async def _take(self, batch: Sequence[Recorded]) -> None:
        began = time.monotonic()
        await self._load(batch)
        now = clock.now()
        commands: list[Command] = []
        for recorded in batch:
            commands.extend(fold(self.projection, self._reactor_at(recorded.seq), recorded, self.rows, now))
        self._fault(f"{self.projection.name}:before-send")
        if self._outbox is not None:
            self._outbox.put(commands)
        if hops.tracer is not None:
            hops.tracer.hop([recorded.seq for recorded in batch], hops.folded(self.projection.name))
        if not self._folded:
            self._commit_at = began + self._commit_wait_s
        self._folded.extend(batch)
        self._fold_s += time.monotonic() - began
        last = batch[-1].seq
        self._on_rows(self.rows, last > self._commands_after)
        if last == self._commands_after:
            self._on_rows(self.rows, True)

    async def _commit(self) -> None:
        """Write rows and checkpoint for all folded events in one transaction, after all their commands were sent."""
        if self._outbox is not None:
            await self._outbox.empty()
        began, folded = time.monotonic(), self._folded
        self._fault(f"{self.projection.name}:before-commit")
        async with self._store.connection(durable=False) as connection:
            if not await self.tables.commit(connection, self.rows, self.position, folded[-1].seq):
                raise Unavailable("Another process runs this consumer and is ahead.", hint="You need not do anything.")
        self.rows.settle()
        self.position, self._folded = folded[-1].seq, []
        if hops.tracer is not None:
            hops.tracer.hop([recorded.seq for recorded in folded], hops.committed(self.projection.name))
        self._fault(f"{self.projection.name}:after-commit")
        took, self._fold_s = self._fold_s + time.monotonic() - began, 0.0
        self._on_commit(folded, self.rows, took, self.position > self._commands_after)
        while len(self._loaded) > SCOPES_CACHED_MAX:
            oldest = next(iter(self._loaded))
            del self._loaded[oldest]
            self.rows.forget(oldest)

    def _reactor_at(self, seq: int) -> Reactor | None:
        return self._reactor if self._outbox is not None and seq > self._commands_after else None

    async def _load(self, batch: Sequence[Recorded]) -> None:
        """Load the rows of the batch's scopes. A run that begins in the batch has no rows yet.

        A table of runs is read only for runs. So an event without a run often needs no read at all.
        """
        begin = {recorded.seq: recorded.envelope.type == RUN_BEGINS and not recorded.void for recorded in batch}
        scopes = {scope_id(recorded): begin[recorded.seq] for recorded in reversed(batch)}
        runs = {recorded.envelope.run for recorded in batch}
        missing = [scope for scope, begins in scopes.items() if scope not in self._loaded and not begins]
        missing_runs = [
            scope
            for scope, begins in scopes.items()
            if scope in runs and not begins and not self._loaded.get(scope, False)
        ]
        kinds = [kind for kind in self.rows.tables.values() if not kind.resident]
        wanted = {kind: missing_runs if kind.of_runs else missing for kind in kinds}
        if any(wanted.values()):
            async with self._store.connection() as connection:
                for kind, of_scopes in wanted.items():
                    if of_scopes:
                        self.rows.load(await self.tables.read_scopes(connection, kind, of_scopes))
        for scope in scopes:
            self._loaded[scope] = self._loaded.pop(scope, False) or scope in runs
