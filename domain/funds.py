"""The rules for the money of a run: tranches of caps above it, its warnings, and requests for a larger budget.

The decisions about tranches and about a larger budget change the organisation and the run in one batch.
"""

from typing import assert_never
from uuid import UUID

from msgspec.structs import replace

from domain import fund_messages as f
from domain import organisation as house
from domain.caps import (
    ORGANISATION_CAP,
    Limit,
    ReturnedPart,
    cap_of,
    checked_cap,
    day_key,
    is_of_day,
    keys_for,
    limit_of,
    tranche_size,
)
from domain.errors import Invalid, LimitReached, NotFound, Refused
from domain.message import Command, Event
from domain.money import NOTHING, Amount, checked, left_text
from domain.organisation import OrganisationState
from domain.reason import reason_of
from domain.run_messages import Submitted
from domain.run_state import RunState
from domain.task import Assign, TaskState
from domain.tranches import drawn, left_of, received, returned

FundsEvent = f.TrancheReceived | f.TrancheReturned | f.BudgetWarned | f.BudgetRaised | f.FundsRequested | f.FundsRefused
RUN = "run"
"""The name of the run's own budget in `warned`."""
FUNDS_WAIT_US = 24 * 3600 * 1_000_000
"""The longest wait for the Director's answer about a budget, in microseconds."""


def lend_tranche(command: Command, organisation: OrganisationState, state: RunState) -> tuple[Event, ...]:
    """Decide a loan of tranches. No event: the run has enough, or none of the caps is set.

    Raises LimitReached if a cap has too little left, and Refused if no work may begin.
    """
    assert isinstance(command, f.LendTranche)
    _known(command, state)
    house.check_running(organisation)
    if state.phase != "planned":
        raise Refused(f"The run is {state.phase}, so it needs no tranche.", hint="Only a planned run assigns tasks.")
    amounts: dict[str, Amount] = {}
    for key, needed in command.needs.items():
        limit = organisation.caps.get(checked_cap(cap_of(key)))
        if limit is None:
            continue
        if is_of_day(key) and key != day_key(command.at):
            raise Refused(f"A tranche of {key} is valid only on its day.", hint="Ask for a tranche of the present day.")
        checked(needed, f"The need of the cap {key}")
        left = left_of(state.tranches, state.tasks, key)
        if not needed.fits(left):
            amounts[key] = _loan(organisation, key, limit, needed, left)
    if not amounts:
        return ()
    lent = house.TrancheLent(for_run=command.run, amounts=amounts)
    warned = house.warnings(house.evolve(organisation, lent), command.run, amounts)
    return (lent, *warned, f.TrancheReceived(run=command.run, amounts=amounts))


def _loan(organisation: OrganisationState, key: str, limit: Limit, needed: Amount, left: Amount) -> Amount:
    """Return the amount to lend. `left`: what the run has left of its tranche."""
    lacking = Amount(max(needed.usd - left.usd, NOTHING.usd), max(needed.tokens - left.tokens, 0))
    book = organisation.books.get(key)
    room = limit.room(book.committed if book else NOTHING)
    if limit.stops or not lacking.fits(room):
        raise LimitReached(
            f"The cap {key} has {left_of_limit(limit, room)}, but the run needs {lacking.usd} USD and {lacking.tokens} "
            "tokens more.",
            hint="Raise the cap (`aura budget set`), or wait: `aura budget` shows what runs hold of it.",
            code="cap_used_up",
        )
    return tranche_size(needed, lacking, room)


def left_of_limit(limit: Limit, room: Amount) -> str:
    """Say what a cap has left, without the part that has no limit."""
    if limit.usd is None:
        return f"{max(room.tokens, 0)} tokens left"
    return left_text(room) if limit.tokens is not None else f"{max(room.usd, NOTHING.usd)} USD left"


def return_tranche(command: Command, organisation: OrganisationState, state: RunState) -> tuple[Event, ...]:
    """Decide what a run gives back of its tranches: all that no open attempt has reserved.

    A tranche of a past day, or of a removed cap, is closed: no new attempt draws on what is kept.
    """
    assert isinstance(command, f.ReturnTranche)
    _known(command, state)
    parts: dict[str, ReturnedPart] = {}
    for key in command.keys or tuple(state.tranches):
        held = state.tranches.get(key)
        if held is None:
            continue
        kept = drawn(state.tasks, key)
        closed = cap_of(key) not in organisation.caps or (is_of_day(key) and key != day_key(command.at))
        if kept != held.amount - held.spent or kept == NOTHING or closed != held.closed:
            parts[key] = ReturnedPart(spent=held.spent, kept=kept, closed=closed)
    if not parts:
        return ()
    return (
        house.TrancheReturned(for_run=command.run, parts=parts),
        f.TrancheReturned(run=command.run, parts=parts),
    )


def refuse_uncovered(command: Command, organisation: OrganisationState, state: RunState) -> None:
    """Raise LimitReached if a cap applies to an assignment and the run holds no tranche of it."""
    assert isinstance(command, Assign)
    for key in keys_for(organisation.caps, command.employee, command.account, command.at):
        held = state.tranches.get(key)
        if held is None or held.closed:
            raise LimitReached(
                f"The cap {cap_of(key)} applies to this assignment, and the run holds no tranche of {key}.",
                hint="The manager asks for a tranche first. `aura budget` shows what the cap has left.",
                code="no_tranche",
            )


def raise_budget(command: Command, organisation: OrganisationState, state: RunState) -> tuple[Event, ...]:
    """Decide a larger budget of a run, which the organisation reserves, or of one task within the run's budget.

    An open request is then answered. The minutes for which the run has waited are added to its time.
    """
    assert isinstance(command, f.RaiseBudget)
    submitted = _known(command, state)
    if state.phase in ("submitted", "ended"):
        raise Refused(
            f"The run is {state.phase}, so its budget cannot be raised.",
            hint="Raise the budget of a run that is admitted and has not ended. `aura runs` lists runs.",
        )
    amount = checked(command.amount, "The raise")
    if amount == NOTHING:
        raise Invalid("A raise of 0 changes nothing.", hint="Give --usd, --tokens, or both.")
    waited = max(command.at - state.asked.at, 0) if state.asked else 0
    raised = f.BudgetRaised(
        run=command.run, task=command.task, amount=amount, due_at=state.due_at + waited, reason=command.reason.strip()
    )
    if command.task is not None:
        task = state.tasks.get(command.task)
        if task is None or task.name not in submitted.task_caps:
            raise NotFound(
                f"Run {command.run} has no task {command.task} with a budget of its own.",
                hint="Raise the run's budget: leave --task out.",
            )
        return (raised,)
    house.check_running(organisation)
    checked(submitted.allowance.amount + amount, "The run's budget")
    house.check_room(organisation, amount)
    reserved = house.BudgetRaised(for_run=command.run, amount=amount)
    warned = house.warnings(house.evolve(organisation, reserved), command.run, [ORGANISATION_CAP])
    return (reserved, *warned, raised)


def decide(command: f.RequestFunds | f.RefuseFunds, state: RunState) -> tuple[Event, ...]:
    """Decide a request for a larger budget, or its refusal."""
    match command:
        case f.RequestFunds(run=run, task=task, reason=reason):
            if state.asked is not None:
                return ()
            if state.phase != "planned":
                raise Refused(f"The run is {state.phase}, so it asks for nothing.", hint="Only a planned run spends.")
            until = command.at + FUNDS_WAIT_US
            return (f.FundsRequested(run=run, task=task, reason=reason_of(reason), at=command.at, until=until),)
        case f.RefuseFunds(run=run, reason=reason):
            if state.asked is None:
                raise Refused(
                    f"Run {run} does not ask for a larger budget.", hint="`aura inbox` lists the runs that ask."
                )
            return (f.FundsRefused(run=run, reason=reason_of(reason)),)
    assert_never(command)


def check_task_budget(command: Assign, task: TaskState, state: RunState) -> None:
    """Raise LimitReached if the reservation does not fit what the task's own budget has left."""
    limit = task_limit(state, task)
    if limit is None:
        return
    room = limit.room(task.spent)
    if limit.stops or not command.reservation.fits(room):
        raise LimitReached(
            f"The call may cost {command.reservation.usd} USD and {command.reservation.tokens} tokens, but the budget "
            f"of task {task.name} has {left_of_limit(limit, room)}.",
            hint=f"Raise it: aura budget raise {command.run} --task {task.name} --usd N",
        )


def task_limit(state: RunState, task: TaskState) -> Limit | None:
    """Return the task's own budget; None if only the run's budget limits it."""
    return state.submitted.task_caps.get(task.name) if state.submitted else None


def warnings(command: Assign, task: TaskState, state: RunState) -> tuple[f.BudgetWarned, ...]:
    """Return a warning for each budget, of the run or the task, that the assignment brings to 80%, once each."""
    assert state.submitted is not None
    allowance = state.submitted.allowance.amount
    budgets: list[tuple[UUID | None, Limit | None, Amount]] = [
        (None, limit_of(allowance), allowance - state.left + command.reservation),
        (task.id, task_limit(state, task), task.spent + command.reservation),
    ]
    return tuple(
        f.BudgetWarned(run=command.run, task=which, limit=limit, committed=committed)
        for which, limit, committed in budgets
        if limit is not None and _name(which) not in state.warned and limit.is_near(committed)
    )


def _name(task: UUID | None) -> str:
    return RUN if task is None else str(task)


def evolve(state: RunState, event: FundsEvent) -> RunState:
    """Return the run after an event about its money."""
    match event:
        case f.TrancheReceived(amounts=amounts):
            return replace(state, tranches=received(state.tranches, amounts))
        case f.TrancheReturned(parts=parts):
            return replace(state, tranches=returned(state.tranches, parts))
        case f.BudgetWarned(task=task):
            return replace(state, warned=(*state.warned, _name(task)))
        case f.BudgetRaised():
            return _raised(state, event)
        case f.FundsRequested():
            return replace(state, asked=event)
        case f.FundsRefused():
            return replace(state, asked=None)
    assert_never(event)


def _raised(state: RunState, event: f.BudgetRaised) -> RunState:
    submitted = state.submitted
    if submitted is None:
        return state
    warned = tuple(name for name in state.warned if name != _name(event.task))
    task = state.tasks.get(event.task) if event.task is not None else None
    if event.task is None:
        allowance = replace(submitted.allowance, amount=submitted.allowance.amount + event.amount)
        submitted = replace(submitted, allowance=allowance)
    elif task is not None and task.name in submitted.task_caps:
        before = submitted.task_caps[task.name]
        limit = Limit(
            usd=None if before.usd is None else before.usd + event.amount.usd,
            tokens=None if before.tokens is None else before.tokens + event.amount.tokens,
        )
        submitted = replace(submitted, task_caps={**submitted.task_caps, task.name: limit})
    return replace(state, submitted=submitted, warned=warned, asked=None, due_at=event.due_at)


def _known(command: f.LendTranche | f.ReturnTranche | f.RaiseBudget, state: RunState) -> Submitted:
    if state.submitted is None:
        raise NotFound(f"There is no run {command.run}.", hint="`aura runs` lists them.")
    return state.submitted
