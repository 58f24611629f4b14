"""The events of a run in pages, in words, each with its importance."""

from uuid import UUID

import msgspec

from bus.newest_events import Newest, newest
from bus.store import FAR, Search, Store
from director.services.importance import importance_of
from director.services.run_at import names_until

PAGE_EVENTS = 100
MARKS_MAX = 200
KEY: frozenset[str] = frozenset(
    {
        "incident.raised", "organisation.halted", "organisation.paused", "organisation.resumed", "refusal.refused",
        "run.approved", "run.commented", "run.delivered", "run.ended", "run.overridden", "run.rejected", "run.returned",
        "run.submitted", "run.verified", "task.rejected", "task.verified",
    }
)  # fmt: skip
"""Types of events that decide something. They are the marks of the slider."""
LEVELS = ("key", "normal", "all")


class TimelineLine(msgspec.Struct, frozen=True, kw_only=True):
    """One event. `level`: key, normal or routine. `role`: of its principal."""

    seq: int
    at: int
    type: str
    level: str
    role: str
    words: str
    void: bool


class TimelinePage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events. `next`: for `after`, to get the events that follow; None if no events follow."""

    lines: list[TimelineLine]
    next: int | None


def level_of(type: str) -> str:
    """Return the importance of a type of events."""
    return "key" if type in KEY else "routine" if importance_of(type) == "low" else "normal"


async def timeline(
    store: Store, run: UUID, *, up_to: int | None = None, after: int = 0, type: str = "", level: str = "normal"
) -> TimelinePage:
    """Return a page of the events of a run. `type`: the beginning of a type. `level`: key, normal (and key), or all."""
    last = FAR if up_to is None else up_to
    wanted = {"key": ("key",), "all": ("key", "normal", "routine")}.get(level, ("key", "normal"))
    story = await names_until(store, up_to)
    lines: list[TimelineLine] = []
    while True:
        page = await store.search(Search(run=run, type=type or None), after, last, PAGE_EVENTS)
        for recorded in page:
            story.hear(recorded)
            after, kind = recorded.seq, recorded.envelope.type
            if level_of(kind) in wanted:
                words = story.tell(recorded) or story.about(recorded)
                at, role = recorded.envelope.occurred_at, recorded.envelope.role
                lines.append(
                    TimelineLine(
                        seq=after, at=at, type=kind, level=level_of(kind), role=role, words=words,
                        void=recorded.void is not None,
                    )
                )  # fmt: skip
            if len(lines) == PAGE_EVENTS:
                return TimelinePage(lines=lines, next=after)
        if len(page) < PAGE_EVENTS:
            return TimelinePage(lines=lines, next=None)


async def marks(store: Store, run: UUID | None) -> list[tuple[int, str]]:
    """Return the last MARKS_MAX decisions of the log, or the first page of a run's decisions: (sequence, type)."""
    if run is None:
        types = sorted(KEY - {"task.rejected", "task.verified"})
        found = (await newest(store, Newest(types=types), MARKS_MAX)).events
        return [(each.seq, each.envelope.type) for each in reversed(found)]
    page = await timeline(store, run, level="key")
    return [(line.seq, line.type) for line in page.lines]
