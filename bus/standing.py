"""Standing as the store knows it, for everybody who starts folding somewhere in the middle of the log."""

from bus.store import Store
from domain.law import MATTERS, Standing


async def load_standing(store: Store, up_to: int, into: Standing | None = None) -> Standing:
    """The standing after every event up to a sequence. into: one that has folded some of them, or later ones."""
    standing = into or Standing()
    for recorded in await store.read_types(MATTERS, up_to):
        if recorded.void is None:
            standing.fold(recorded.envelope, recorded.seq)
    return standing
