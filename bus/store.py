"""The event store in Postgres: the pool, and reads of the log. Only the recorder appends (bus/recorder.py)."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
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
"""Connections that the readers of the stream (recorder, live log) have to themselves."""
CONNECT_WAIT_S = 5.0
COMMAND_WAIT_S = 60.0
PAGE_EVENTS = 500
POLL_S = 0.02
POLL_FIRST_S = 0.002
"""The recorder is mostly a moment behind: waits begin short and double up to POLL_S."""
FAR = 2**62
DOWN = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # a connection that was told of the server's end and has not seen its own yet
)
"""Exceptions that asyncpg raises when the server is away, starting or stopping."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which events; what is None lets all through. Times are microseconds UTC and inclusive."""

    run: UUID | None = None
    type: str | None = None  # the type's beginning
    entity: UUID | None = None  # what it happened to, or the employee whom it concerns
    actor: str | None = None  # a role, or the beginning of a principal's id
    since: int | None = None
    until: int | None = None


class Store:
    """Reads of the log. Every method raises Unavailable when Postgres is away."""

    def __init__(self, durable: Lending, relaxed: Lending, apart: Lending, *, outages: Outages | None = None) -> None:
        self._durable = durable
        self._relaxed = relaxed
        self._apart = apart
        self._outages = outages or Outages()

    @classmethod
    async def open(cls, dsn: str, *, pool_max: int = POOL_MAX, outages: Outages | None = None) -> Self:
        """Connect and migrate."""
        durable, relaxed = await _pool(dsn, pool_max, "on"), await _pool(dsn, pool_max, "off")
        store = cls(durable, relaxed, await _pool(dsn, APART_MAX, "on"), outages=outages)
        try:
            async with store.connection() as connection:
                await migrate(connection)
        except (Unavailable, asyncpg.PostgresError) as error:
            await store.close()
            if isinstance(error, Unavailable) and error.__cause__ is None:
                raise  # a migration that does not fit
            raise Unavailable(
                f"Postgres does not answer: {said_by(error.__cause__ or error)}.",
                hint="Start it with `aura up`, or set AURA_POSTGRES_DSN to a running server.",
            ) from error
        except ValueError as error:
            raise Unavailable(
                f"AURA_POSTGRES_DSN does not read: {error}.", hint="Write postgresql://user:password@host/database."
            ) from error
        except asyncio.CancelledError:
            await store.close()
            raise
        return store

    def apart(self) -> "Store":
        """Open the same store over connections of its own, which are closed with it.

        For whom commands wait: when all commands at hand have or want the other connections, it must not queue behind.
        """
        return Store(self._apart, self._apart, self._apart, outages=self._outages)

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
        """A connection from the pool; Unavailable instead of the driver's connection errors.

        durable=False: commits do not wait for the disk. For rows that the log can give back, never for the log.
        """
        lending, asked = (self._durable if durable else self._relaxed), time.monotonic()
        try:
            async with lending.lend() as connection:
                yield connection
            self._outages.back(POSTGRES, asked)
        except DOWN as error:
            self._outages.lost(POSTGRES, said_by(error))
            raise Unavailable(
                f"Postgres does not answer: {said_by(error)}.",
                hint="Wait until it is back (`aura status`), then send the same again.",
            ) from error

    async def recorded_up_to(self) -> int:
        """The recorder's checkpoint: every event up to it is kept."""
        async with self.connection() as connection:
            return await recorded_up_to(connection)

    async def wait_recorded(self, seq: int, wait_s: float) -> None:
        """Return once the recorder has passed `seq`. Raises Unavailable after `wait_s`."""
        deadline, poll_s = asyncio.get_running_loop().time() + wait_s, POLL_FIRST_S
        while await self.recorded_up_to() < seq:
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    f"Event {seq} is on the stream, but the recorder has not stored it within {wait_s:g} s.",
                    hint="It is not lost. `aura status` shows the recorder.",
                )
            await asyncio.sleep(poll_s)
            poll_s = min(2 * poll_s, POLL_S)

    async def id_at(self, seq: int) -> UUID | None:
        async with self.connection() as connection:
            found: UUID | None = await connection.fetchval(named("event_at"), seq)
            return found

    async def seen(self, ids: Collection[UUID], before: int) -> set[UUID]:
        """Which of the ids stand in the log before a sequence."""
        async with self.connection() as connection:
            return {row["id"] for row in await connection.fetch(named("ids_seen"), list(ids), before)}

    async def read(self, after: int, up_to: int = FAR, limit: int = PAGE_EVENTS) -> list[Recorded]:
        """One page of the log, in order, void events included and marked."""
        async with self.connection() as connection:
            return await read_page(connection, after, up_to, limit)

    async def search(self, search: Search, after: int, up_to: int = FAR, limit: int = PAGE_EVENTS) -> list[Recorded]:
        """One page of the events that a search finds, in order."""
        wanted = (search.run, search.type, search.entity, search.actor, search.since, search.until)
        return await self._read("log_search", after, up_to, *wanted, limit)

    async def entities(self, beginning: str) -> list[UUID]:
        """Entities whose id begins so; two are enough to know that there are several."""
        async with self.connection() as connection:
            return [UUID(str(row["entity"])) for row in await connection.fetch(named("log_entities"), beginning)]

    async def read_types(self, types: Sequence[str], up_to: int) -> list[Recorded]:
        """Every event of some types up to a sequence."""
        return await self._read("log_read_types", list(types), up_to)

    async def read_run(self, run: UUID, after: int = 0, up_to: int = FAR) -> list[Recorded]:
        """The events of a run and its tasks."""
        return await self._read("log_read_run", run, after, up_to)

    async def run_span(self, run: UUID) -> tuple[int, int] | None:
        """The first and the last sequence of a run's events so far; None: it has none."""
        async with self.connection() as connection:
            row = await connection.fetchrow(named("log_run_span"), run)
        return (row["first"], row["last"]) if row is not None and row["first"] is not None else None

    async def read_entity(self, entity: UUID, after: int = 0, up_to: int = FAR) -> list[Recorded]:
        """The events of an employee, the organisation or an incident."""
        return await self._read("log_read_entity", entity, after, up_to)

    async def read_caused(self, cause: UUID) -> list[Recorded]:
        """The events whose cause is this one."""
        return await self._read("log_caused", str(cause))

    async def find(self, event: UUID) -> Recorded | None:
        found = await self._read("log_find", event)
        return found[0] if found else None

    async def _read(self, query: str, *parameters: object) -> list[Recorded]:
        async with self.connection() as connection:
            rows = await connection.fetch(named(query), *parameters)
        return [_recorded(row) for row in rows]


async def recorded_up_to(connection: asyncpg.Connection) -> int:
    """The recorder's checkpoint, on a connection of one's own."""
    return int(await connection.fetchval(named("recorder_checkpoint")))


async def _pool(dsn: str, pool_max: int, synchronous_commit: str) -> Lending:
    """Connections of a pool that connects when it is used."""

    async def keep(_: object) -> None:
        """Nothing here leaves state in a session, so a connection goes back without a round trip to clean it."""

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
    """One page of the log on a connection of one's own, so that it can share a snapshot with other reads."""
    return [_recorded(row) for row in await connection.fetch(named("log_read"), after, up_to, limit)]


def _recorded(row: asyncpg.Record) -> Recorded:
    if row["reason"] == codec.ALIEN:  # kept whole, and its bytes may well look like an envelope
        return codec.alien(row["seq"])
    try:
        envelope = codec.envelope_of(row["envelope"])
    except Invalid:
        return codec.alien(row["seq"])
    return Recorded(seq=row["seq"], envelope=envelope, event=codec.event_of(envelope, row["bytes"]), void=row["reason"])
