"""The command that gives a task to an employee: its order, its lease and the limits of the attempt."""

from typing import NamedTuple
from uuid import UUID

from agents.manager.choosing import Answer
from bus.projection import Cause
from domain import task
from domain.employee import Profile
from domain.message import derive
from domain.money import Amount
from domain.run import RunState
from domain.task import TaskState

SEED_MAX = 2**31
MICRO = 1_000_000


class Terms(NamedTuple):
    """The terms of an attempt. `lease_margin_s`: seconds that the order may take beyond the limit of its call."""

    profile: Profile
    reservation: Amount
    lease_margin_s: float


def assignment(
    run: UUID, state: RunState, part: TaskState, answer: Answer, terms: Terms, cause: Cause, account: str = ""
) -> task.Assign:
    """Return the assignment. A session ends at the latest when the minutes of its run end."""
    assert answer.employee is not None
    session = terms.profile.session
    lasts_us = round(terms.profile.call_wall_s * MICRO)
    if session is not None:
        lasts_us = min(round(session.minutes * 60 * MICRO), max(state.due_at - cause.now, lasts_us))
    attempt = part.attempts + 1
    return task.Assign(
        **cause.fields("manager.assign"),
        run=run,
        task=part.id,
        employee=answer.employee,
        order=derive(part.id, "order", attempt, cause.source),
        attempt=attempt,
        seed=derive(part.id, "seed", attempt).int % SEED_MAX,
        reservation=terms.reservation,
        due_at=cause.now + lasts_us + round(terms.lease_margin_s * MICRO),
        form=terms.profile.form,
        calls_max=1 if session is None else session.calls_max,
        skill=answer.skill,
        choice=answer.choice,
        account=account,
    )
