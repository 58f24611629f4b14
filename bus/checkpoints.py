"""Positions of consumers, from their checkpoints in Postgres.

They do not depend on an answer of the consumers' processes.
"""

from collections.abc import Collection
from uuid import UUID

from bus.projection_rows import Parked
from bus.projection_tables import SWAPPED, Tables
from bus.store import Store


async def checkpoints(store: Store, consumers: Collection[str]) -> dict[str, int]:
    """Consumer -> sequence of its rows; those that have none, or a rebuild's at this moment, are left out.

    :raises Unavailable: when Postgres is away.
    """
    found: dict[str, int] = {}
    for name in consumers:
        tables = Tables(name, ())
        async with store.connection() as connection:
            try:
                if await tables.exists(connection):
                    found[name] = (await tables.checkpoint(connection))[0]
            except SWAPPED:
                continue
    return found


async def parked(store: Store, consumers: Collection[str]) -> dict[str, list[Parked]]:
    """Consumer -> the event at which each of its halted scopes stands still, in the order of the log.

    :raises Unavailable: when Postgres is away.
    """
    found: dict[str, list[Parked]] = {}
    for name in consumers:
        tables = Tables(name, ())
        async with store.connection() as connection:
            try:
                rows = await tables.read_all(connection, Parked) if await tables.exists(connection) else []
            except SWAPPED:
                continue
        first: dict[UUID, Parked] = {}
        for row in sorted(rows, key=lambda row: row.key):
            first.setdefault(row.scope, row)  # type: ignore[arg-type]  # the kind that was asked for
        if first:
            found[name] = list(first.values())
    return found
