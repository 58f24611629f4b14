"""The consumer runner: all events at hand as one batch; fold each, send its commands, then write the rows at once.

A crash before the transaction means that the same events come again: the commands have the same ids, so the gate
answers with what they caused the first time. A rebuild folds and sends nothing.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypedDict
from uuid import UUID

from nats.aio.client import Client

from bus import clock
from bus.fault import Fault
from bus.reader import LogReader
from bus.rows import Parked, Row, Rows
from bus.store import Store
from bus.tables import SWAPPED, Tables
from domain.errors import AuraError, Contention, Unavailable
from domain.incident import Raise
from domain.message import Command, Recorded, Unreadable, derive
from domain.registry import scope_of

APPLY_ATTEMPTS_MAX = 3
IDLE_WAIT_S = 0.5
RETRY_WAIT_S = 0.3
SCOPES_CACHED_MAX = 512


class Projection(Protocol):
    """Events to rows. `apply` is pure: same events, same rows."""

    @property
    def name(self) -> str: ...
    @property
    def tables(self) -> Sequence[type[Row]]: ...

    def apply(self, recorded: Recorded, rows: Rows) -> None: ...


class Reader(Protocol):
    """A way through the log: bus.reader.LogReader, or a process's shared bus.live.LiveReader."""

    async def begin(self, position: int) -> None: ...

    async def batch(self, wait_s: float) -> list[Recorded]: ...

    async def close(self) -> None: ...


class Stamp(TypedDict):
    """The fields that every command has."""

    id: UUID
    at: int
    cause: UUID | None


class Cause:
    """What a reaction needs to make commands: ids derived from the cause, and the time at which the runner sends.

    of_event=False: the cause is a deadline or another id of its own, and no event of the log.
    """

    def __init__(self, source: UUID, now: int, *, of_event: bool = True) -> None:
        self.source = source
        self.now = now
        self._event = source if of_event else None
        self._counts: dict[str, int] = {}

    def fields(self, handler: str) -> Stamp:
        """id, at and cause of the handler's next command. Handler names never change."""
        index = self._counts.get(handler, 0)
        self._counts[handler] = index + 1
        return Stamp(id=derive(self.source, handler, index), at=self.now, cause=self._event)


class Reactor(Protocol):
    """A member of the staff: what it asks for when something happened. Pure, on the rows of its own projection."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]: ...

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]: ...


Send = Callable[[Command], Awaitable[object]]
Taken = Callable[[Sequence[Recorded], Rows, float, bool], None]
"""Told of a committed batch: events, the rows after it, how long it took (s), and False while a rebuild catches up."""


def scope_id(recorded: Recorded) -> UUID:
    """The scope of an event's rows: its run, otherwise its entity."""
    return recorded.envelope.run or recorded.envelope.entity_id


class Runner:
    """One consumer: its projection, and for staff its reactor and `send`.

    durable=False: a commit does not wait for the disk. A crash of Postgres then takes the rows and the checkpoint back
    together, and the events come again; right for all whose side effects may be done again.

    `committed` is called after each batch, with False while a rebuilt version catches up on its former one.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        projection: Projection,
        *,
        reactor: Reactor | None = None,
        send: Send | None = None,
        committed: Callable[[Rows, bool], None] = lambda _rows, _live: None,
        taken: Taken = lambda *_: None,
        durable: bool = True,
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
        self._send = send
        self._commands_after = 0  # while a rebuilt version catches up: where its former one was
        self._committed = committed
        self._taken = taken
        self._durable = durable
        self._fault = fault
        self._loaded: dict[UUID, None] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until stopped; what is at hand then has been committed."""
        begun = False
        try:
            while True:
                try:
                    if not begun:
                        await self._begin()
                        begun = True
                    batch = await self._reader.batch(IDLE_WAIT_S)
                    if batch:
                        await self._take(batch)
                    elif stop.is_set():
                        return
                except (Unavailable, *SWAPPED):
                    begun = False
                    if stop.is_set():
                        return  # nothing is lost: it goes on from its checkpoint at the next start
                    await asyncio.sleep(RETRY_WAIT_S)
        finally:
            await self._reader.close()

    async def _begin(self) -> None:
        """Load position and resident rows; create or rebuild the schema when it is missing or of another form."""
        async with self._store.connection() as connection, connection.transaction():
            await self.tables.begin(connection)
            if not await self.tables.exists(connection):
                await self.tables.create(connection)
            self.position, version = await self.tables.checkpoint(connection)
            if version != self.tables.version():
                former = self.position
                await self.tables.drop(connection)
                await self.tables.create(connection, commands_after=former)
                self.position = 0
            self._commands_after = max(self._commands_after, await self.tables.commands_after(connection))
            self.rows = Rows(self.projection.tables)
            self._loaded.clear()
            for kind in self.rows.tables.values():
                if kind.resident:
                    self.rows.load(await self.tables.read_all(connection, kind))
        await self._reader.begin(self.position)
        self._committed(self.rows, self.position > self._commands_after)

    async def _take(self, batch: Sequence[Recorded]) -> None:
        began = time.monotonic()
        await self._load({scope_id(recorded) for recorded in batch})
        now = clock.now()
        commands: list[Command] = []
        for recorded in batch:
            commands.extend(fold(self.projection, self._reactor_at(recorded.seq), recorded, self.rows, now))
        self._fault(f"{self.projection.name}:before-send")
        if self._send is not None:
            await self._send_all(commands)
        self._fault(f"{self.projection.name}:before-commit")
        async with self._store.connection(durable=self._durable) as connection:
            if not await self.tables.commit(connection, self.rows, self.position, batch[-1].seq):
                raise Unavailable("Another process runs this consumer and is ahead.", hint="Nothing to do.")
        self.rows.settle()
        self.position = batch[-1].seq
        self._fault(f"{self.projection.name}:after-commit")
        live = self.position > self._commands_after
        self._taken(batch, self.rows, time.monotonic() - began, live)
        self._committed(self.rows, live)

    def _reactor_at(self, seq: int) -> Reactor | None:
        return self._reactor if self._send is not None and seq > self._commands_after else None

    async def _load(self, scopes: set[UUID]) -> None:
        missing = [scope for scope in scopes if scope not in self._loaded]
        kinds = [kind for kind in self.rows.tables.values() if not kind.resident]
        if missing and kinds:
            async with self._store.connection() as connection:
                for kind in kinds:
                    self.rows.load(await self.tables.read_scopes(connection, kind, missing))
        for scope in scopes:
            self._loaded.pop(scope, None)
            self._loaded[scope] = None
        while len(self._loaded) > max(SCOPES_CACHED_MAX, len(scopes)):
            oldest = next(iter(self._loaded))
            del self._loaded[oldest]
            self.rows.forget(oldest)

    async def _send_all(self, commands: Sequence[Command]) -> None:
        """Those of one run or entity in order, those of different ones at the same time."""
        queues: dict[UUID, list[Command]] = {}
        for command in commands:
            scope = scope_of(command)
            queues.setdefault(scope.run or scope.id, []).append(command)
        async with asyncio.TaskGroup() as group:
            for queue in queues.values():
                group.create_task(self._send_queue(queue))

    async def _send_queue(self, queue: Sequence[Command]) -> None:
        assert self._send is not None
        for command in queue:
            while True:
                try:
                    await self._send(command)
                except (Contention, Unavailable):
                    await asyncio.sleep(RETRY_WAIT_S)
                    continue
                except AuraError:
                    pass  # a refusal is an event by now; what follows from it is decided on the events that caused it
                break


def fold(
    projection: Projection, reactor: Reactor | None, recorded: Recorded, rows: Rows, now: int
) -> Sequence[Command]:
    """One event into the rows, and the commands that follow. What cannot be taken is parked, live and in a rebuild."""
    cause = Cause(recorded.envelope.id, now)
    if recorded.void is not None:
        return reactor.react_void(recorded, rows, cause) if reactor else ()
    scope = scope_id(recorded)
    if rows.of(Parked, scope):
        rows.put(Parked(scope=scope, key=f"{recorded.seq:020}", error="an earlier event of this scope is parked"))
        return ()
    mark = rows.mark()
    error = ""
    for _ in range(APPLY_ATTEMPTS_MAX):
        try:
            if isinstance(recorded.event, Unreadable):
                raise ValueError(recorded.event.error)
            projection.apply(recorded, rows)
            return reactor.react(recorded, rows, cause) if reactor else ()
        except Exception as problem:  # a process edge: what a consumer cannot take must not stop the others' events
            error = f"{type(problem).__name__}: {problem}".replace("\0", "\N{REPLACEMENT CHARACTER}")
            rows.back(mark)
    rows.put(Parked(scope=scope, key=f"{recorded.seq:020}", error=error))
    return (_incident(projection.name, recorded, error, cause),) if reactor else ()


def _incident(consumer: str, recorded: Recorded, error: str, cause: Cause) -> Raise:
    return Raise(
        incident=derive(recorded.envelope.id, consumer, "parked"),
        kind="parked_event",
        detail=f"{consumer} cannot take event {recorded.seq} ({recorded.envelope.type}): {error}",
        run=recorded.envelope.run,
        **cause.fields(f"{consumer}.parked"),
    )
