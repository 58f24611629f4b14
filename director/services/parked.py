"""Parked events: a consumer could not process them, so the events after them wait."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from bus.checkpoints import parked
from bus.store import Store
from projections.consumer_names import CONSUMER_NAMES

MOVERS = ("manager", "verifier")
"""The consumers that a run needs to continue."""


async def parked_data(
    store: Store, scope: UUID | None = None, consumers: Collection[str] = CONSUMER_NAMES
) -> list[dict[str, Any]]:
    """Return the parked events of the consumers: those of one run or other entity (`scope`), or all of them.

    They are no part of the log, so there are none in a store as of an earlier event.
    """
    if store.as_of is not None:
        return []
    return [
        {"consumer": name, "scope": row.scope, "seq": int(row.key), "error": row.error}
        for name, rows in (await parked(store, consumers)).items()
        for row in rows
        if scope in (None, row.scope)
    ]
