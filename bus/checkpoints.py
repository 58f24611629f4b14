"""Positions of consumers, read from their checkpoints in Postgres. The processes of the consumers need not run."""

from collections.abc import Collection, Sequence
from uuid import UUID

from bus.projection_rows import Parked, Row, Rows
from bus.projection_tables import SWAPPED, Tables
from bus.store import Store


async def checkpoints(store: Store, consumers: Collection[str]) -> dict[str, int]:
    """Map each consumer to the sequence of its rows.

    A consumer is left out if it has no rows, or if a rebuild replaces its tables at this moment.
    :raises Unavailable: if Postgres cannot be reached.
    """
    positions: dict[str, int] = {}
    for name in consumers:
        tables = Tables(name, ())
        async with store.connection() as connection:
            try:
                if await tables.exists(connection):
                    positions[name] = (await tables.checkpoint(connection))[0]
            except SWAPPED:
                continue
    return positions


async def parked(store: Store, consumers: Collection[str]) -> dict[str, list[Parked]]:
    """Map each consumer to its parked events: for each blocked scope the first one, in the order of the log.

    :raises Unavailable: if Postgres cannot be reached.
    """
    halted: dict[str, list[Parked]] = {}
    for name in consumers:
        tables = Tables(name, ())
        async with store.connection() as connection:
            try:
                rows = await tables.read_all(connection, Parked) if await tables.exists(connection) else []
            except SWAPPED:
                continue
        first: dict[UUID, Parked] = {}
        for row in sorted(rows, key=lambda row: row.key):
            first.setdefault(row.scope, row)  # type: ignore[arg-type]  # the rows have the requested kind
        if first:
            halted[name] = list(first.values())
    return halted


async def read_rows(store: Store, consumer: str, kinds: Sequence[type[Row]]) -> Rows:
    """Return whole tables of a consumer.

    The result is empty before the consumer has begun, or while a rebuild swaps tables.
    :raises Unavailable: if Postgres cannot be reached.
    """
    tables, held = Tables(consumer, ()), Rows(kinds)
    async with store.connection() as connection:
        try:
            if await tables.exists(connection):
                for kind in kinds:
                    held.load(await tables.read_all(connection, kind))
        except SWAPPED:
            return Rows(kinds)
    return held
