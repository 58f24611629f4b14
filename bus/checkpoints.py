"""How far consumers are, from their checkpoints in Postgres: whatever their processes can say of themselves."""

from collections.abc import Collection

from bus.store import Store
from bus.tables import SWAPPED, Tables


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
