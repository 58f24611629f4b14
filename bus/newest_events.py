"""Reads of the log from its end: the newest events that pass a filter, with bounded work for each page."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.store import FAR, Store
from domain.message import Recorded

WINDOW_EVENTS = 20_000
"""The most events that one page reads if no index has its filter."""

PERSONS = frozenset({"director", "user"})
"""The roles of people. Their events have an index (sql/migrations/0004_acts_of_people.sql)."""


class Newest(msgspec.Struct, frozen=True, kw_only=True):
    """A filter for the newest events. A field that is None matches all. `before`: only events before this sequence.

    `entity`: the event's entity or employee. `roles`: roles of principals.
    """

    before: int = FAR
    types: Sequence[str] | None = None
    run: UUID | None = None
    entity: UUID | None = None
    roles: Sequence[str] | None = None


class NewestPage(msgspec.Struct, frozen=True, kw_only=True):
    """The newest events, the newest one first. `next`: the value of `before` for older events; None if there are none.

    A page can have fewer events than asked for, and still a `next`: it searched WINDOW_EVENTS events.
    """

    events: tuple[Recorded, ...]
    next: int | None


async def newest(store: Store, wanted: Newest, limit: int) -> NewestPage:
    """Return one page."""
    before = min(wanted.before, await store.recorded_up_to() + 1)
    types, roles = _list(wanted.types), _list(wanted.roles)
    begin = 1
    if wanted.run is not None and wanted.entity is None:
        events = await store.records("log_newest_run", before, wanted.run, types, roles, limit)
    elif wanted.entity is None and roles and PERSONS.issuperset(roles):
        mark = f'"role":"{roles[0]}"' if len(set(roles)) == 1 else '"role":"'
        events = await store.records("log_newest_acts", before, types, mark.encode(), limit)
    elif wanted.entity is None and roles is None and types is not None:
        events = await store.records("log_newest_types", before, types, limit)
    else:
        begin = max(1, before - WINDOW_EVENTS)
        events = await store.records("log_newest", before, begin, types, wanted.entity, roles, limit)
    following = events[-1].seq if len(events) == limit else begin
    events = [each for each in events if wanted.run in (None, each.envelope.run)]
    return NewestPage(events=tuple(events), next=following if following > 1 else None)


def _list(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)
