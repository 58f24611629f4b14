"""A run as of any event: its line, and its whole plan with the tasks that have not begun."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from bus.store import FAR, Search, Store
from director.services.state import Part, state_of, view_named
from director.services.views import rows
from director.terminal.event_text import NAMING_TYPES, Story
from domain import run_messages as m
from domain.errors import NotFound

PLANS_MAX = 100
NOT_BEGUN = "not started"


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The line of a run. Times are microseconds UTC."""

    title: str
    phase: str
    outcome: str | None
    reason: str | None
    submitted_at: int
    ended_at: int | None
    spent_usd: Decimal
    spent_tokens: int
    commit: str | None
    branch: str | None
    release_ref: str | None


class PlannedNode(msgspec.Struct, frozen=True, kw_only=True):
    """A task of the plan. `after`: the names of the tasks before it. A task that has not begun has no employee."""

    name: str
    phase: str
    attempts: int
    employee: str
    reason: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[str, ...]


class RunAt(msgspec.Struct, frozen=True, kw_only=True):
    """A run as of an event. `first`, `last`: the first and the last event of the run in the whole log."""

    run: UUID
    facts: RunFacts
    plan: tuple[PlannedNode, ...]
    first: int
    last: int


async def run_at(store: Store, run: UUID, seq: int | None = None) -> RunAt:
    """Return a run as of an event; None: as it is now. Raises NotFound before the run's submission."""
    span = await store.run_span(run)
    line, tasks = await (_now(store, run) if seq is None else _then(store, run, seq))
    if line is None or span is None:
        raise NotFound("The manager had not begun this run.", hint="Look at a later event, or see: aura status")
    story = await names_until(store, seq)
    planned = await store.search(Search(run=run, type="run.planned"), 0, FAR if seq is None else seq, PLANS_MAX)
    plan = planned[-1].event.tasks if planned and isinstance(planned[-1].event, m.Planned) else ()
    names, known = {part.id: part.name for part in plan}, {row["name"]: row for row in tasks}
    return RunAt(
        run=run,
        facts=RunFacts(
            title=line["title"],
            phase=line["phase"],
            outcome=line["outcome"],
            reason=line["reason"],
            submitted_at=line["submitted_at"],
            ended_at=line["ended_at"],
            spent_usd=Decimal(line["spent_usd"]),
            spent_tokens=line["spent_tokens"],
            commit=line["commit_id"],
            branch=line["branch"],
            release_ref=line["release_ref"],
        ),
        plan=tuple(_node(part, known.get(part.name, {}), names, story) for part in plan),
        first=span[0],
        last=span[1],
    )


async def names_until(store: Store, seq: int | None) -> Story:
    """Return the names of employees, tasks and users as of an event."""
    story = Story()
    for naming in await store.read_types(NAMING_TYPES, await store.recorded_up_to() if seq is None else seq):
        story.hear(naming)
    return story


def _node(part: m.PlannedTask, row: Mapping[str, Any], names: Mapping[UUID, str], story: Story) -> PlannedNode:
    attempts, employee = row.get("attempts", 0), row.get("employee")
    phase = row.get("phase", NOT_BEGUN)
    return PlannedNode(
        name=part.name,
        phase=NOT_BEGUN if phase == "waiting" and not attempts else phase,
        attempts=attempts,
        employee=story.names.get(UUID(str(employee)), "?") if employee else "",
        reason=row.get("reason") or "",
        criteria=part.criteria,
        scope=part.scope,
        after=tuple(names[each] for each in part.after if each in names),
    )


async def _now(store: Store, run: UUID) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    return next(iter(await rows(store, "door_run", run)), None), await rows(store, "door_tasks", run)


async def _then(store: Store, run: UUID, seq: int) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    part = Part(run=str(run))
    found: dict[str, list[dict[str, Any]]] = {}
    for table in ("run", "task"):
        found |= (await state_of(store, view_named(f"manager.{table}"), str(seq), part)).tables
    return next(iter(found["run"]), None), found["task"]


def differences(before: RunAt, after: RunAt) -> list[tuple[str, str, str]]:
    """Return the differences of two states of a run: the name of a value, and the value before and after."""
    old, new = _values(before), _values(after)
    return [(name, old.get(name, ""), new.get(name, "")) for name in old | new if old.get(name) != new.get(name)]


def _values(state: RunAt) -> dict[str, str]:
    found = {f"run: {name}": str(value) for name, value in msgspec.structs.asdict(state.facts).items() if value}
    for node in state.plan:
        found[f"{node.name}: phase"] = node.phase
        found[f"{node.name}: attempts"] = str(node.attempts)
        found |= {f"{node.name}: employee": node.employee} if node.employee else {}
    return found
