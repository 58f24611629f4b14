"""Events that a consumer could not take, and what waits because of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from bus.checkpoints import parked
from bus.store import Store
from runtime.roles import CONSUMERS

MOVERS = ("manager", "verifier")
"""The consumers without whom a run stands still."""


async def parked_data(
    store: Store, scope: UUID | None = None, consumers: Collection[str] = tuple(CONSUMERS)
) -> list[dict[str, Any]]:
    """The event at which each run or other entity stands still in a consumer; of one run, or all."""
    return [
        {"consumer": name, "scope": row.scope, "seq": int(row.key), "error": row.error}
        for name, rows in (await parked(store, consumers)).items()
        for row in rows
        if scope in (None, row.scope)
    ]
