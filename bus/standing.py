"""Standing, loaded from the store, for readers that start in the middle of the log."""

from bus.store import Store
from domain.law import MATTERS, Standing


async def load_standing(store: Store, up_to: int, into: Standing | None = None) -> Standing:
    """Return the standing after all events up to a sequence. `into` may already contain some or later events."""
    standing = into or Standing()
    for recorded in await store.read_types(MATTERS, up_to):
        if recorded.void is None:
            standing.fold(recorded.envelope, recorded.seq)
    return standing
