"""Lists the events of the log that pass a filter. The list ends at the end of the log, or goes on with new events."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import msgspec

from bus.store import FAR, Search, Store
from director.services.session import find_run
from director.services.times import SEQ_MAX, microseconds
from director.services.views import PEOPLE
from domain.errors import Invalid, NotFound
from domain.message import Envelope, Erased, Event, Recorded
from governance.authority import ROLES

PAGE_EVENTS = 1000
FOLLOW_POLL_S = 0.2
_ID = re.compile("[0-9a-f][0-9a-f-]{0,35}")
"""Matches an id, or the beginning of an id."""


class EventView(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the log for a reader. `void`: why the event does not count; None if it counts."""

    seq: int
    void: str | None
    envelope: Envelope
    payload: Event | Erased


class EventsPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events, the oldest first. `next`: the value of `after` for the next page; None if no page follows."""

    events: tuple[EventView, ...]
    next: int | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `aura events`. An empty option lets every event pass. Raises Invalid for a bad option.

    `kind`: the beginning of the type. `entity`: an id, the beginning of an id, or an employee's name. `actor`: a role,
    or the beginning of a principal's id. `since`, `until`: a sequence or a time, both inclusive. `after`: a sequence.
    `follow`: continue with new events. Without `since` and `after`, only new events are shown.
    """

    run: str = ""
    kind: str = ""
    entity: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    after: int | None = None
    follow: bool = False

    def __post_init__(self) -> None:
        if self.follow and self.until:
            raise Invalid("--until ends the list, but --follow never ends it.", hint="Leave one of them out.")
        _actor(self.actor)
        _bound(self.since)
        _bound(self.until)


async def events_of(
    store: Store, wanted: Filter, note: Callable[[str], None] = lambda _: None
) -> AsyncIterator[Recorded]:
    """Yield the events that pass a filter, oldest first.

    Raises NotFound if a filter names nothing on record, and Invalid if it names several things.
    """
    first, _ = _bound(wanted.since)
    last, _ = _bound(wanted.until)
    search = await search_of(store, wanted)
    after = max(wanted.after or 0, (first or 1) - 1)
    if wanted.follow and wanted.after is None and not wanted.since:
        after = await store.recorded_up_to()
        note(f"Following from event {after + 1} on. To begin with the first event: aura events --follow --after 0")
    while True:
        passed = await store.recorded_up_to()
        page = await store.search(search, after, FAR if last is None else last, PAGE_EVENTS)
        for recorded in page:
            yield recorded
        if len(page) < PAGE_EVENTS:
            if not wanted.follow:
                return
            await asyncio.sleep(FOLLOW_POLL_S)
        # Events up to `passed` are searched: the next search begins after them.
        after = max(after, page[-1].seq if page else 0, passed if len(page) < PAGE_EVENTS else 0)


async def search_of(store: Store, wanted: Filter) -> Search:
    """Return the search for a filter. Raises NotFound if it names nothing on record, Invalid if it names several."""
    return Search(
        run=await find_run(store, wanted.run) if wanted.run else None,
        type=wanted.kind or None,
        entity=await find_entity(store, wanted.entity) if wanted.entity else None,
        actor=_actor(wanted.actor),
        since=_bound(wanted.since)[1],
        until=_bound(wanted.until)[1],
    )


async def events_page(store: Store, wanted: Filter, limit: int) -> EventsPage:
    """Return the first events after `wanted.after` that pass a filter. Raises the errors of `search_of`."""
    page = await store.search(await search_of(store, wanted), wanted.after or 0, FAR, limit)
    return EventsPage(events=tuple(map(event_view, page)), next=page[-1].seq if len(page) == limit else None)


def event_view(recorded: Recorded) -> EventView:
    """Return a recorded event as an EventView."""
    return EventView(seq=recorded.seq, void=recorded.void, envelope=recorded.envelope, payload=recorded.event)


def _bound(text: str) -> tuple[int | None, int | None]:
    """Parse a sequence or a time (microseconds). Return (sequence, None) or (None, time). Raises Invalid."""
    if not text:
        return None, None
    if text.isdecimal():
        return min(int(text), SEQ_MAX), None
    return None, microseconds(text)


def _actor(text: str) -> str | None:
    """Parse a role, or the beginning of a principal's id. Raises Invalid."""
    if not text:
        return None
    if text in ROLES or _ID.fullmatch(text.lower()):
        return text.lower()
    raise Invalid(
        f"{text!r} is neither a role nor a principal's id.",
        hint=f"Roles: {', '.join(ROLES)}. `aura events --json` shows principals.",
    )


async def find_entity(store: Store, text: str) -> UUID:
    """Find an entity by its id, the beginning of its id, or an employee's name. Raises NotFound, Invalid."""
    named_so = [person for person in await PEOPLE.read(store) if person.name == text]
    if named_so:  # an employee that has the name now has priority over a dismissed employee
        return min(named_so, key=lambda person: person.phase == "dismissed").employee
    found = await store.entities(text.lower()) if _ID.fullmatch(text.lower()) else []
    if len(found) > 1:
        raise Invalid(f"Several entities begin with {text!r}.", hint="Write more of the id.")
    if not found:
        raise NotFound(f"Nothing in the log has the id or name {text!r}.", hint="`aura events` shows the ids.")
    return found[0]
