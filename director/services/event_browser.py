"""The newest events of the log, filtered, and one event as it is stored: its bytes, its hash, its commands."""

import msgspec

from bus.newest_events import Newest, newest
from bus.store import FAR, Store
from bus.stream import STREAM
from director.services.events import EventView, find_entity
from director.services.importance import LEVELS, Importance, importance_of, types_at_least
from director.services.log_check import bodies, commitment_fits, leaf_hash
from director.services.session import find_event, find_run
from domain.errors import Invalid
from domain.message import Recorded
from governance.authority import ROLES
from sql import named

EVENTS_MAX = 500
"""The most events of a page."""


class BrowseWanted(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the newest events. An empty filter lets every event pass. Raises Invalid for an unknown word.

    `before`: only events before this sequence. `kind`: the beginning of a type. `importance`: this one or a higher one.
    `entity`: an id, the beginning of an id, or the name of an employee. `role`: the role of the principal.
    """

    before: int = FAR
    kind: str = ""
    importance: str = ""
    run: str = ""
    entity: str = ""
    role: str = ""
    limit: int = 100

    def __post_init__(self) -> None:
        if self.importance and self.importance not in LEVELS:
            raise Invalid(f"There is no importance {self.importance!r}.", hint=f"Write one of: {', '.join(LEVELS)}.")
        if self.role and self.role not in (*ROLES, USER):
            raise Invalid(f"There is no role {self.role!r}.", hint=f"Write one of: {', '.join((*ROLES, USER))}.")
        if not 1 <= self.limit <= EVENTS_MAX:
            raise Invalid(f"A page has 1 to {EVENTS_MAX} events.", hint="Ask for less.")

    @property
    def types(self) -> list[str] | None:
        """The types that pass; None for all."""
        if not self.kind and self.importance in ("", LEVELS[-1]):
            return None
        level: Importance = next((each for each in LEVELS if each == self.importance), LEVELS[-1])
        return [type for type in types_at_least(level) if type.startswith(self.kind)]


USER = "user"
"""The role of a signed-in person in an envelope."""


class BrowsedEvent(EventView, frozen=True, kw_only=True):
    """An event of the list, with its importance."""

    importance: Importance


class Browsed(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the newest events. `next`: the value of `before` for older events; None if there are none.

    A page can be short, and still have a `next`: a page reads a limited part of the log.
    """

    events: tuple[BrowsedEvent, ...]
    next: int | None


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event as it is stored. `envelope`: its text. `hash`: SHA-256 of the byte 0 and the envelope's bytes.

    `previous`: the hash of the event before; None for the first event. The hashes are computed now: no signature covers
    them yet. `commitment_fits`: the payload is the one of the envelope; None if the payload was erased.
    """

    event: BrowsedEvent
    envelope: str
    hash: str
    previous: str | None
    commitment_fits: bool | None
    blobs: tuple[str, ...]
    commands: tuple[str, ...]


async def browse(store: Store, wanted: BrowseWanted) -> Browsed:
    """Return a page of the newest events that pass a filter. Raises NotFound, Invalid."""
    chosen = Newest(
        before=wanted.before,
        types=wanted.types,
        run=await find_run(store, wanted.run) if wanted.run else None,
        entity=await find_entity(store, wanted.entity) if wanted.entity else None,
        roles=(wanted.role,) if wanted.role else None,
    )
    page = await newest(store, chosen, wanted.limit)
    return Browsed(events=tuple(map(browsed, page.events)), next=page.next)


def browsed(recorded: Recorded) -> BrowsedEvent:
    """Return an event of the list."""
    return BrowsedEvent(
        seq=recorded.seq,
        void=recorded.void,
        envelope=recorded.envelope,
        payload=recorded.event,
        importance=importance_of(recorded.envelope.type),
    )


async def stored_event(store: Store, text: str) -> StoredEvent:
    """Return one event as it is stored. `text`: its sequence or id. Raises NotFound, Invalid."""
    recorded = await find_event(store, text)
    rows = {row["seq"]: row for row in await bodies(store, max(0, recorded.seq - 2), 2)}
    row, before = rows[recorded.seq], rows.get(recorded.seq - 1)
    return StoredEvent(
        event=browsed(recorded),
        envelope=bytes(row["envelope"]).decode(errors="replace"),
        hash=leaf_hash(row["envelope"]),
        previous=leaf_hash(before["envelope"]) if before is not None else None,
        commitment_fits=commitment_fits(row),
        blobs=tuple(row["blobs"] or ()),
        commands=(
            f"nats stream get {STREAM} {recorded.seq}",
            named("shown_envelope").format(seq=recorded.seq).strip(),
            f"aura why {recorded.seq}",
        ),
    )
