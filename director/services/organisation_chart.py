"""The organisation as a chart: the posts with their powers, and the employees with their work of now."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.store import Store
from director.services.career_view import Career, careers_in
from director.services.page_views import WORK_NOW, WorkNow
from director.services.views import ORGANISATION, PEOPLE, Person
from director.settings import Settings
from governance.authority import MATRIX, Role

POSTS: Sequence[tuple[Role, Role | None, str]] = (
    ("director", None, "decides about requirements, deliveries, money and staff"),
    ("manager", "director", "plans the runs and gives tasks to employees"),
    ("verifier", "director", "judges all work; nobody else can"),
    ("auditor", "director", "finds anomalies and raises incidents"),
    ("accountant", "director", "counts costs, and promotes, demotes and fines"),
    ("hr", "director", "enforces the rules about employees"),
)
"""Post, the post above it, and what it does."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post of the organisation. `above`: the post that it serves. `powers`: the types of events that it may cause."""

    role: str
    above: str | None
    about: str
    powers: tuple[str, ...]


class Colleague(Person, frozen=True, kw_only=True):
    """An employee in the chart. `work`: the tasks on which it works now."""

    career: Career | None
    work: tuple[WorkNow, ...]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation. `phase`: running, paused or halted; unfounded before its founding."""

    phase: str
    posts: tuple[Post, ...]
    employees: tuple[Colleague, ...]


async def chart(store: Store, settings: Settings, *, dismissed: bool = False) -> Chart:
    """Return the chart. `dismissed`: include dismissed employees."""
    line = await ORGANISATION.first(store)
    work: dict[UUID, list[WorkNow]] = {}
    for each in await WORK_NOW.read(store):
        work.setdefault(each.employee, []).append(each)
    careers = await careers_in(store, settings)
    return Chart(
        phase=line.phase if line is not None else "unfounded",
        posts=tuple(
            Post(role=role, above=above, about=about, powers=tuple(sorted(MATRIX[role])))
            for role, above, about in POSTS
        ),
        employees=tuple(
            Colleague(
                **msgspec.structs.asdict(person),
                career=careers.get(person.employee),
                work=tuple(work.get(person.employee, ())),
            )
            for person in await PEOPLE.read(store)
            if dismissed or person.phase != "dismissed"
        ),
    )
