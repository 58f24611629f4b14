"""The record as of an earlier event: a store that every service reads as if that event were the last one."""

from bus.store import Store
from director.services.times import SEQ_MAX
from domain.errors import Invalid, NotFound


async def store_as_of(store: Store, as_of: str) -> Store:
    """Return the store as of a sequence; the store itself for an empty text. Raises Invalid, NotFound.

    Rights are never read from it: who may read the past is decided by the roles of today.
    """
    if not as_of:
        return store
    seq, last = sequence_in(as_of), await store.recorded_up_to()
    if seq > last:
        raise NotFound(f"There is no event {seq}: the log ends at {last}.", hint=f"Write a sequence up to {last}.")
    return store.past(seq)


def sequence_in(text: str) -> int:
    """Parse the sequence that an address names. Raises Invalid."""
    if not text.isascii() or not text.isdecimal() or len(text) > len(str(SEQ_MAX)):
        raise Invalid(f"{text[:40]!r} is not a sequence.", hint="Write the number of an event: ?as_of=120")
    return int(text)
