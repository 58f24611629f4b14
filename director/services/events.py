"""Behind events: the log through filters, as lines for people and as data for machines."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from bus.store import FAR, Search, Store
from director.services.session import archive, find_run, rows
from director.services.times import SEQ_MAX, microseconds
from director.settings import Settings
from director.terminal.output import Door
from director.terminal.text import clock
from domain.errors import Invalid, NotFound
from domain.message import Recorded
from governance.authority import ROLES

PAGE_EVENTS = 1000
FOLLOW_POLL_S = 0.2
_ID = re.compile("[0-9a-f][0-9a-f-]{0,35}")
"""The beginning of an id."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """The filter options as text; an empty one lets all through. `kind`: the type's beginning. `after`: a sequence."""

    run: str = ""
    kind: str = ""
    entity: str = ""
    actor: str = ""
    since: str = ""
    until: str = ""
    after: int | None = None


async def show_events(settings: Settings, door: Door, wanted: Filter, *, follow: bool) -> None:
    """Print the log; with follow, what comes from now on, or from where the filter begins.

    Raises Invalid, and NotFound for a filter that names nothing.
    """
    if follow and wanted.until:
        raise Invalid("--until ends the list, and --follow never does.", hint="Leave one of them out.")
    actor = _actor(wanted.actor)
    first, since = _bound(wanted.since)
    last, until = _bound(wanted.until)
    async with archive(settings) as store:
        search = Search(
            run=await find_run(store, wanted.run) if wanted.run else None,
            type=wanted.kind or None,
            entity=await _entity(store, wanted.entity) if wanted.entity else None,
            actor=actor,
            since=since,
            until=until,
        )
        after = max(wanted.after or 0, (first or 1) - 1)
        if follow and wanted.after is None and not wanted.since:
            after = await store.recorded_up_to()
            door.note(f"Following from event {after + 1} on. From the first one: aura events --follow --after 0")
        while True:
            passed = await store.recorded_up_to()
            page = await store.search(search, after, FAR if last is None else last, PAGE_EVENTS)
            for recorded in page:
                door.line(event_data(recorded), event_line(recorded))
            if len(page) < PAGE_EVENTS:
                if not follow:
                    return
                await asyncio.sleep(FOLLOW_POLL_S)
            # What is recorded and was not found need not be searched again.
            after = max(after, page[-1].seq if page else 0, passed if len(page) < PAGE_EVENTS else 0)


def _bound(text: str) -> tuple[int | None, int | None]:
    """A sequence, or a time in microseconds; the other is None. Raises Invalid."""
    if not text:
        return None, None
    if text.isdecimal():
        return min(int(text), SEQ_MAX), None
    return None, microseconds(text)


def _actor(text: str) -> str | None:
    """A role, or the beginning of a principal's id. Raises Invalid."""
    if not text:
        return None
    if text in ROLES or _ID.fullmatch(text.lower()):
        return text.lower()
    raise Invalid(
        f"{text!r} is neither a role nor a principal's id.",
        hint=f"Roles: {', '.join(ROLES)}. `aura events --json` shows principals.",
    )


async def _entity(store: Store, text: str) -> UUID:
    """An entity by id, the beginning of it, or an employee's name. Raises NotFound, Invalid."""
    for person in await rows(store, "door_people"):
        if person["name"] == text:
            return UUID(str(person["employee"]))
    found = await store.entities(text.lower()) if _ID.fullmatch(text.lower()) else []
    if len(found) > 1:
        raise Invalid(f"Several entities begin with {text!r}.", hint="Write more of the id.")
    if not found:
        raise NotFound(f"Nothing in the log has the id or name {text!r}.", hint="`aura events` shows the ids of all.")
    return found[0]


def event_data(recorded: Recorded) -> dict[str, Any]:
    """An event for machines."""
    return {
        "seq": recorded.seq,
        "void": recorded.void,
        "envelope": msgspec.to_builtins(recorded.envelope),
        "payload": msgspec.to_builtins(recorded.event),
    }


def event_line(recorded: Recorded) -> str:
    """An event for people: sequence, time, who, what, about whom."""
    envelope = recorded.envelope
    void = f"  VOID: {recorded.void}" if recorded.void else ""
    about = ""
    if envelope.employee and envelope.employee != envelope.entity_id:
        about = f" employee {str(envelope.employee)[:8]}"
    return (
        f"{recorded.seq:>6}  {clock(envelope.occurred_at)}  {envelope.role:<10} {envelope.type:<28} "
        f"{envelope.entity} {str(envelope.entity_id)[:8]}{about}  {envelope.id}{void}"
    )
