"""The event store in Postgres: the pool, and reads of the log. Only the recorder appends (bus/recorder.py)."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Self
from uuid import UUID

import asyncpg

from bus import codec
from bus.connection_pool import Lending
from bus.migrations import migrate
from bus.outages import POSTGRES, Outages
from domain.errors import Invalid, Unavailable, said_by
from domain.message import Recorded
from sql import named

POOL_MAX = 12
APART_MAX = 2
"""Connections reserved for the readers of the stream (recorder, live log)."""
CONNECT_WAIT_S = 5.0
COMMAND_WAIT_S = 60.0
PAGE_EVENTS = 500
STREAM_EVENTS = 250
"""Size of a page of `stream_log`. It is about as large as the buffers of a connection, so Postgres never waits long."""
POLL_S = 0.02
POLL_FIRST_S = 0.002
"""The first wait for the recorder, which is usually only a moment behind. The next waits double, up to POLL_S."""
FAR = 2**62
DOWN = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process did nothing for too long in a `short_transaction`
    asyncpg.TransactionTimeoutError,
    asyncpg.InternalClientError,  # the server has announced its end, but the connection is not closed yet
)
"""Exceptions that asyncpg raises while the server cannot be reached, starts or stops."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Filter for events. A field that is None matches all. Times are microseconds UTC and inclusive."""

    run: UUID | None = None
    type: str | None = None  # prefix of the type
    entity: UUID | None = None  # the event's entity or employee
    actor: str | None = None  # a role, or a prefix of a principal's id
    since: int | None = None
    until: int | None = None


class Store:
    """Reads of the log. Every method raises Unavailable if Postgres cannot be reached."""

    def __init__(
        self,
        durable: Lending,
        relaxed: Lending,
        apart: Lending,
        *,
        dsn: str,
        outages: Outages | None = None,
        as_of: int | None = None,
    ) -> None:
        self.dsn = dsn
        """The connection string. It may contain a password, so it is never shown."""
        self.as_of = as_of
        """The last event that the reads of this store return; None for all events."""
        self._durable = durable
        self._relaxed = relaxed
        self._apart = apart
        self._outages = outages or Outages()

    @classmethod
    async def open(cls, dsn: str, *, pool_max: int = POOL_MAX, outages: Outages | None = None) -> Self:
        """Connect and migrate. Raises Unavailable."""
        durable, relaxed = await _pool(dsn, pool_max, "on"), await _pool(dsn, pool_max, "off")
        store = cls(durable, relaxed, await _pool(dsn, APART_MAX, "on"), dsn=dsn, outages=outages)
        try:
            async with store.connection() as connection:
                await migrate(connection)
        except (Unavailable, asyncpg.PostgresError) as error:
            await store.close()
            if isinstance(error, Unavailable) and error.__cause__ is None:
                raise  # an applied migration has changed
            raise Unavailable(
                f"Postgres does not answer: {said_by(error.__cause__ or error)}.",
                hint="Start it with `aura up`, or set AURA_POSTGRES_DSN to a running server.",
            ) from error
        except ValueError as error:
            raise Unavailable(
                f"AURA_POSTGRES_DSN is not a valid connection string: {error}.",
                hint="Write postgresql://user:password@host/database.",
            ) from error
        except asyncio.CancelledError:
            await store.close()
            raise
        return store

    def apart(self) -> "Store":
        """Return a view of this store that uses the reserved connections. They are closed together with this store.

        Commands wait for the recorder and the live log. So the recorder and the live log must never wait for a
        connection that a command holds.
        """
        return Store(self._apart, self._apart, self._apart, dsn=self.dsn, outages=self._outages)

    def past(self, seq: int) -> "Store":
        """Return a view of this store that reads the log as if the event at `seq` were the last one."""
        return Store(self._durable, self._relaxed, self._apart, dsn=self.dsn, outages=self._outages, as_of=seq)

    def _end(self, up_to: int) -> int:
        return up_to if self.as_of is None else min(up_to, self.as_of)

    async def close(self) -> None:
        for lending in {self._durable, self._relaxed, self._apart}:
            try:
                async with asyncio.timeout(CONNECT_WAIT_S):
                    await lending.close()
            except (*DOWN, asyncpg.PostgresError):
                lending.terminate()
            except asyncio.CancelledError:
                self._durable.terminate()
                self._relaxed.terminate()
                raise

    @asynccontextmanager
    async def connection(self, *, durable: bool = True) -> AsyncIterator[asyncpg.Connection]:
        """Yield a connection from the pool. Raises Unavailable instead of the driver's connection errors.

        durable=False: commits do not wait for the disk. Use it only for rows that can be rebuilt, never for the log.
        """
        lending, asked_at = (self._durable if durable else self._relaxed), time.monotonic()
        try:
            async with lending.lend() as connection:
                yield connection
            self._outages.back(POSTGRES, asked_at)
        except DOWN as error:
            self._outages.lost(POSTGRES, said_by(error))
            raise Unavailable(
                f"Postgres does not answer: {said_by(error)}.",
                hint="Wait until it is back (`aura status`), then send the same command again.",
            ) from error

    async def recorded_up_to(self) -> int:
        """Return the recorder's checkpoint. Every event up to it is stored."""
        async with self.connection() as connection:
            return self._end(await recorded_up_to(connection))

    async def wait_recorded(self, seq: int, wait_s: float) -> None:
        """Wait until the recorder has stored the event at `seq`. Raises Unavailable after `wait_s`."""
        deadline, poll_s = asyncio.get_running_loop().time() + wait_s, POLL_FIRST_S
        while await self.recorded_up_to() < seq:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    f"Event {seq} is on the stream, but the recorder has not stored it within {wait_s:g} s.",
                    hint="The event is not lost. `aura status` shows the recorder.",
                )
            await asyncio.sleep(poll_s)
            poll_s = min(2 * poll_s, POLL_S)

    async def id_at(self, seq: int) -> UUID | None:
        async with self.connection() as connection:
            event_id: UUID | None = await connection.fetchval(named("event_at"), seq)
            return event_id

    async def seen(self, ids: Collection[UUID], before: int) -> set[UUID]:
        """Return the subset of these ids that are in the log before a sequence."""
        async with self.connection() as connection:
            return {row["id"] for row in await connection.fetch(named("ids_seen"), list(ids), before)}

    async def read(self, after: int, up_to: int = FAR, limit: int = PAGE_EVENTS) -> list[Recorded]:
        """Return one page of the log, in order. Void events are included and marked."""
        async with self.connection() as connection:
            return await read_page(connection, after, self._end(up_to), limit)

    async def search(self, search: Search, after: int, up_to: int = FAR, limit: int = PAGE_EVENTS) -> list[Recorded]:
        """Return one page of the matching events, in order."""
        filters = (search.run, search.type, search.entity, search.actor, search.since, search.until)
        return await self.records("log_search", after, self._end(up_to), *filters, limit)

    async def entities(self, beginning: str) -> list[UUID]:
        """Return at most two entities with this prefix of their id. Two results show that the prefix is ambiguous."""
        async with self.connection() as connection:
            return [UUID(str(row["entity"])) for row in await connection.fetch(named("log_entities"), beginning)]

    async def read_types(self, types: Sequence[str], up_to: int) -> list[Recorded]:
        """Return every event of these types up to a sequence."""
        return await self.records("log_read_types", list(types), self._end(up_to))

    async def read_run(self, run: UUID, after: int = 0, up_to: int = FAR) -> list[Recorded]:
        """Return the events of a run and its tasks."""
        return await self.records("log_read_run", run, after, self._end(up_to))

    async def run_span(self, run: UUID) -> tuple[int, int] | None:
        """Return the first and the last sequence of a run's events so far, or None if it has no events."""
        async with self.connection() as connection:
            row = await connection.fetchrow(named("log_run_span"), run)
        if row is None or row["first"] is None or row["first"] > self._end(FAR):
            return None
        return row["first"], self._end(row["last"])

    async def read_entity(self, entity: UUID, after: int = 0, up_to: int = FAR) -> list[Recorded]:
        """Return the events of an employee, the organisation or an incident."""
        return await self.records("log_read_entity", entity, after, self._end(up_to))

    async def read_caused(self, cause: UUID) -> list[Recorded]:
        """Return the events that this event has caused."""
        return await self.records("log_caused", str(cause))

    async def find(self, event: UUID) -> Recorded | None:
        events = await self.records("log_find", event)
        return events[0] if events else None

    async def records(self, query: str, *parameters: object) -> list[Recorded]:
        """Return the events of a named query on the log."""
        async with self.connection() as connection:
            rows = await connection.fetch(named(query), *parameters)
        return [_recorded(row) for row in rows if row["seq"] <= self._end(FAR)]


async def recorded_up_to(connection: asyncpg.Connection) -> int:
    """Return the recorder's checkpoint, read on the given connection."""
    return int(await connection.fetchval(named("recorder_checkpoint")))


async def _pool(dsn: str, pool_max: int, synchronous_commit: str) -> Lending:
    """Return the connections of a new pool. It connects at first use."""

    async def keep(_: object) -> None:
        """Skip the reset of a returned connection, to save a round trip: statements here leave no session state."""

    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=pool_max,
        timeout=CONNECT_WAIT_S,
        command_timeout=COMMAND_WAIT_S,
        server_settings={"synchronous_commit": synchronous_commit},
        reset=keep,
    )
    return Lending(pool, CONNECT_WAIT_S)


async def read_page(
    connection: asyncpg.Connection, after: int, up_to: int = FAR, limit: int = PAGE_EVENTS
) -> list[Recorded]:
    """Return one page of the log, read on the given connection, so that it can share a snapshot with other reads."""
    return [_recorded(row) for row in await connection.fetch(named("log_read"), after, up_to, limit)]


class Page(NamedTuple):
    """Events of the log. `may_have_nul`: whether a text of one of them has a NUL character."""

    events: list[Recorded]
    may_have_nul: bool


async def stream_log(connection: asyncpg.Connection, after: int, up_to: int) -> AsyncIterator[Page]:
    """Yield the log in order, in pages, by a cursor of the connection's transaction.

    While the caller uses a page, the next page is on its way. So the caller must not use the connection itself until
    the last page.
    """
    cursor = await connection.cursor(named("log_stream"), after, up_to)
    following = asyncio.ensure_future(cursor.fetch(STREAM_EVENTS))
    try:
        while rows := await following:
            following = asyncio.ensure_future(cursor.fetch(STREAM_EVENTS))
            await asyncio.sleep(0)  # the request for the next page leaves now
            yield Page([_recorded(row) for row in rows], any(map(_may_have_nul, rows)))
    finally:
        if not following.done():
            following.cancel()
            await asyncio.wait([following])


def _may_have_nul(row: asyncpg.Record) -> bool:
    return codec.NUL in row["envelope"] or codec.NUL in (row["bytes"] or b"")


def _recorded(row: asyncpg.Record) -> Recorded:
    if row["reason"] == codec.ALIEN:  # the message is stored whole, and may look like an envelope
        return codec.alien(row["seq"])
    try:
        envelope = codec.envelope_of(row["envelope"])
    except Invalid:
        return codec.alien(row["seq"])
    return Recorded(seq=row["seq"], envelope=envelope, event=codec.event_of(envelope, row["bytes"]), void=row["reason"])
