"""The tranches that a run holds of caps above it. Its attempts draw on them, so an assignment stays one event."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from domain.caps import ReturnedPart, covers, day_key, is_of_day
from domain.errors import LimitReached, Refused
from domain.message import TaskEvent
from domain.money import NOTHING, Amount, left_text
from domain.task_messages import Assign, Assigned, CallFinished, Released
from domain.task_state import TaskState
from domain.tasks import Tasks


class Tranche(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A part of a cap that a run holds. `spent`: charges of attempts that drew on it, since the last return.

    `closed`: no new attempt draws on it.
    """

    amount: Amount = NOTHING
    spent: Amount = NOTHING
    closed: bool = False


Tranches = Mapping[str, Tranche]
"""Key of a tranche (domain/caps.py) -> the tranche."""
NO_TRANCHE = Tranche()


def drawn(tasks: Tasks, key: str) -> Amount:
    """Return what open attempts may still spend of a tranche."""
    total = NOTHING
    for task in tasks.in_progress():
        if task.attempt is not None and key in task.attempt.draws:
            total = total + task.reserved
    return total


def left_of(tranches: Tranches, tasks: Tasks, key: str) -> Amount:
    """Return what further attempts may draw on a tranche; nothing without one, or if it is closed."""
    tranche = tranches.get(key)
    if tranche is None or tranche.closed:
        return NOTHING
    return tranche.amount - tranche.spent - drawn(tasks, key)


def draws_of(tranches: Tranches, assigned: Assign | Assigned) -> tuple[str, ...]:
    """Return the tranches that an attempt draws on: all that the run holds and that cover it."""
    account = assigned.account
    return tuple(key for key, held in tranches.items() if not held.closed and covers(key, assigned.employee, account))


def check_draws(tranches: Tranches, tasks: Tasks, command: Assign) -> None:
    """Raise LimitReached if a tranche has too little left for the reservation, or Refused if its day is over."""
    for key in draws_of(tranches, command):
        if is_of_day(key) and key != day_key(command.at):
            raise Refused(
                f"The run still holds its tranche of {key}, and that day is over.",
                hint="The manager gives it back in a moment, and then assigns the task.",
                code="tranche_expired",
            )
        left = left_of(tranches, tasks, key)
        if not command.reservation.fits(left):
            raise LimitReached(
                f"The call may cost {command.reservation.usd} USD and {command.reservation.tokens} tokens, but the "
                f"run's tranche of the cap {key} has only {left_text(left)}.",
                hint="The manager asks for a further tranche. `aura budget` shows what the cap has left.",
            )


def received(tranches: Tranches, amounts: Mapping[str, Amount]) -> Tranches:
    """Return the tranches after further ones were lent."""
    after = dict(tranches)
    for key, amount in amounts.items():
        held = after.get(key, NO_TRANCHE)
        after[key] = replace(held, amount=held.amount + amount, closed=False)
    return after


def returned(tranches: Tranches, parts: Mapping[str, ReturnedPart]) -> Tranches:
    """Return the tranches after parts of them went back."""
    after = dict(tranches)
    for key, part in parts.items():
        held = after.pop(key, None)
        if held is not None and part.kept != NOTHING:
            after[key] = Tranche(amount=part.kept, spent=held.spent - part.spent, closed=part.closed)
    return after


def charged(tranches: Tranches, task: TaskState | None, event: TaskEvent) -> Tranches:
    """Return the tranches after a charge. `task`: the state before the event, whose attempt knows what it draws on."""
    if not tranches or task is None or not isinstance(event, CallFinished | Released):
        return tranches
    attempt = task.orders.get(event.order)
    if attempt is None or not attempt.draws:
        return tranches
    after = dict(tranches)
    for key in attempt.draws:
        held = after.get(key)
        if held is not None:
            after[key] = replace(held, spent=held.spent + event.charged)
    return after


def with_draws(tasks: Tasks, tranches: Tranches, event: TaskEvent) -> Tasks:
    """Return the tasks after an assignment, with the tranches that its attempt draws on."""
    if not tranches or not isinstance(event, Assigned) or event.task not in tasks:
        return tasks
    task = tasks[event.task]
    attempt = task.orders.get(event.order)
    draws = draws_of(tranches, event)
    if attempt is None or not draws:
        return tasks
    return tasks.with_task(replace(task, orders={**task.orders, event.order: replace(attempt, draws=draws)}))
