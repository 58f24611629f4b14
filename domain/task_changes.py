"""The state of a task after each of its events."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from domain import attempt as attempts
from domain.attempt import Attempt, OpenCall
from domain.faults import ACCOUNT_FAULTS, weight_of
from domain.halt import HALTED
from domain.message import Erased, Event
from domain.repeats import RejectedTree, is_repeat
from domain.task_messages import (
    Assigned,
    AttemptEnded,
    CallFinished,
    CallStarted,
    Rejected,
    Released,
    Submitted,
    Verified,
)
from domain.task_state import Phase, TaskState


def evolve(state: TaskState, event: Event | Erased) -> TaskState:
    change = _EVOLVE.get(type(event))
    return change(state, event) if change is not None else state


def _after_assignment(state: TaskState, event: Assigned) -> TaskState:
    attempt = Attempt(
        order=event.order,
        employee=event.employee,
        number=event.attempt,
        seed=event.seed,
        due_at=event.due_at,
        reservation=event.reservation,
        form=event.form,
        calls_max=event.calls_max,
        account=event.account,
    )
    return replace(
        state,
        phase="assigned",
        attempts=event.attempt,
        tried=(*state.tried, event.employee),
        answer=state.answer if event.form == "answer" else None,
        orders={event.order: attempt},
        stays_with=None,
    )


def _after_call_start(state: TaskState, event: CallStarted) -> TaskState:
    present = state.orders.get(event.order)
    if present is None:  # the payload of the assignment is erased
        return replace(state, phase="calling")
    bound = present.reservation if event.bound is None else event.bound
    call = OpenCall(bound=bound, claim=event.claim, account=event.account)
    attempt = attempts.started(present, event.index, call)
    return replace(state, phase="calling", orders={event.order: attempt})


def _after_call(state: TaskState, event: CallFinished) -> TaskState:
    """Return the state after the receipt of a call. Before version 3 a failed call was also the end of its attempt."""
    snapshot = event.snapshot
    orders = {
        order: attempts.finished(attempt, event.index, event.charged) if order == event.order else attempt
        for order, attempt in state.orders.items()
    }
    attempt = next(iter(orders.values()), None)
    answered = snapshot.outcome == "answered"
    state = replace(
        state,
        orders=orders,
        spent=state.spent + event.charged,
        model=snapshot.model,
        phase=_phase_after_call(attempt, answered=answered),
        failure="" if answered else f"{snapshot.outcome}: {snapshot.message}".removesuffix(": "),
    )
    if snapshot.was_read and (attempt is None or attempt.form == "answer"):
        state = replace(state, answer=snapshot.answer, attempted={}, unclear=snapshot.not_understood)
    if not event.ends:
        return state
    state = replace(state, orders=_ended(state), phase="waiting")
    return state if event.counts else _after_fault(state, event.employee, snapshot.outcome)


def _after_attempt(state: TaskState, event: AttemptEnded) -> TaskState:
    failure = f"{event.outcome}: {event.message}".removesuffix(": ")
    attempt = state.orders.get(event.order)
    state = replace(state, orders=_ended(state), phase="waiting", failure=failure)
    if attempt is not None and attempt.account and event.outcome in ACCOUNT_FAULTS:
        return replace(_not_counted(state), stays_with=event.employee)
    return state if event.counts else _after_fault(state, event.employee, event.outcome)


def _after_hand_in(state: TaskState, event: Submitted) -> TaskState:
    left_out = tuple(f"{path} is outside your scope, and it was left out." for path in event.dropped)
    return replace(
        state,
        orders=_ended(state),
        phase="submitted",
        failure="",
        files=event.files,
        tree=event.tree,
        attempted=event.files,
        unclear=(*state.unclear, *left_out),
    )


def _after_verification(state: TaskState, event: Verified) -> TaskState:
    blocked = next((gate.text for gate in event.judgement.gates if gate.blocks), "")
    return replace(state, phase="verified", findings=(), evidence=event.judgement.evidence, blocked=blocked)


def _after_release(state: TaskState, event: Released) -> TaskState:
    state = replace(state, orders=_ended(state), phase="waiting", spent=state.spent + event.charged)
    if event.reason != HALTED:
        return state
    return replace(_not_counted(state), tried=state.tried[:-1])  # nobody is to blame, so routing learns nothing of it


def _phase_after_call(attempt: Attempt | None, *, answered: bool) -> Phase:
    if attempt is not None and attempt.open:
        return "calling"
    return "answered" if answered and (attempt is None or attempt.form == "answer") else "assigned"


def _ended(state: TaskState) -> Mapping[UUID, Attempt]:
    """Return the orders of a task after the end of the present attempt."""
    return {order: replace(attempt, ended=True, open={}) for order, attempt in state.orders.items()}


def _after_rejection(state: TaskState, event: Rejected) -> TaskState:
    judgement, employee = event.judgement, event.employee
    state = replace(state, phase="waiting", files={}, tree=None, findings=judgement.findings)
    if is_repeat(judgement):
        return replace(state, repeats={**state.repeats, employee: state.repeats.get(employee, 0) + 1})
    judged = RejectedTree(attempt=state.attempts, evidence=judgement.evidence)
    return replace(state, rejected={**state.rejected, judgement.tree: judged}, repeats={**state.repeats, employee: 0})


def _after_fault(state: TaskState, employee: UUID, outcome: str) -> TaskState:
    """Return the state with this attempt not counted. `tried` keeps the employee, so that another employee is next."""
    faults = {**state.faults, employee: state.faults.get(employee, 0) + weight_of(outcome)}
    return replace(_not_counted(state), faults=faults)


def _not_counted(state: TaskState) -> TaskState:
    return replace(state, attempts=max(state.attempts_before, state.attempts - 1))


_EVOLVE: Mapping[type[Event | Erased], Callable[[TaskState, Any], TaskState]] = {
    Assigned: _after_assignment,
    CallStarted: _after_call_start,
    CallFinished: _after_call,
    AttemptEnded: _after_attempt,
    Submitted: _after_hand_in,
    Verified: _after_verification,
    Rejected: _after_rejection,
    Released: _after_release,
}
"""Type of an event -> function that returns the state of a task after it."""
