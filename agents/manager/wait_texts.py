"""The texts of the reasons why a run waits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from agents.manager.purse import Purse, with_account
from agents.manager.routing import StaffCapacity
from domain import review
from domain.run import RunState
from domain.task import TaskState
from domain.waiting import Wait
from projections.holds import HoldRow

STATUS = "See which process is missing: aura status. Start it again: aura down, then aura up."
NAMED_MAX = 3
"""The most names in one message."""
MICRO = 1_000_000


def held_by(who: str, holds: list[HoldRow]) -> Wait:
    """Return the reason if an open severe incident pauses a run, or the employees that could do its work."""
    first = holds[0]
    id = first.key[:13]
    hint = f'Look at it: aura incidents show {id}. End the pause: aura incidents close {id} --reason "…"'
    return Wait(code="held", message=f"{who}: paused by an open incident ({first.rule}).", hint=hint)


def capped(part: TaskState, purse: Purse, team: StaffCapacity, employees: Collection[UUID]) -> Wait:
    """Return the reason if the caps of all employees that may have the task have too little left."""
    keys = dict.fromkeys(key for who in employees for key in purse.keys(with_account(team, who)))
    left = ", ".join(f"{key} has {purse.left_text(key)}" for key in keys)
    hint = "Raise the cap: aura budget set --help. See what runs hold of it: aura budget"
    return Wait(code="cap", message=f"A cap is used up, so nobody can do {part.name}: {left}.", hint=hint)


def in_probation(task: str, names: Sequence[str]) -> Wait:
    """Return the reason if the employees that could do a task must pass shadow tasks first."""
    hint = f"Let them do one: aura rerun RUN --task T1 --employee {names[0]}. Or hire somebody else."
    message = f"Nobody may do {task} yet: {listed(names)} must pass shadow tasks first."
    return Wait(code="shadow_tasks", message=message, hint=hint)


def above_tier(part: TaskState, above: Mapping[UUID, str], names: Mapping[UUID, str]) -> Wait:
    """Return the reason if the tiers of all employees forbid the task. `above`: the reason for each employee."""
    each = [f"{names[who]} ({reason})" for who, reason in above.items()]
    hint = (
        f'Place an employee in a higher tier: aura tier {names[next(iter(above))]} mid --reason "…". Or hire somebody '
        "else. The task also goes on when an employee is promoted. `aura rules show` shows the ceilings."
    )
    return Wait(
        code="tier", message=f"No employee may do {part.name}, because of their tiers: {listed(each, '; ')}.", hint=hint
    )


def not_taken_up() -> Wait:
    return Wait(code="not_taken_up", message="The manager has not taken up the run yet.", hint=STATUS)


def about_to(step: str) -> Wait:
    hint = "If this takes long, the log of the manager shows the reason: aura logs"
    return Wait(code="manager", message=f"The manager is about to {step}.", hint=hint)


def nobody_may(part: TaskState, state: RunState) -> Wait:
    if review.is_review(part):
        makers = listed(sorted(review.vendors(state.tasks.values())))
        message = f"Nobody may do {part.name}: only models of {makers} are on the staff, and such models did the work."
        return Wait(code="no_reviewer", message=message, hint="Hire a model of another maker: aura hire --help")
    message = f"Nobody can do {part.name}: every employee failed too often or only repeats a rejected answer."
    last = f" The last fault: {part.failure}" if part.failure else ""
    return Wait(code="nobody_left", message=message, hint=f"Hire another employee: aura hire --help.{last}")


def listed(names: Iterable[str], separator: str = ", ") -> str:
    """Return the first NAMED_MAX names and the number of the remaining names."""
    known = list(names)
    more = f" and {len(known) - NAMED_MAX} more" if len(known) > NAMED_MAX else ""
    return separator.join(known[:NAMED_MAX]) + more


def clock(microseconds: int) -> str:
    """Return the time of day, UTC."""
    return datetime.fromtimestamp(microseconds / MICRO, UTC).strftime("%H:%M:%S")
