"""A task of a run: its events and rules. Its state is part of its run's state.

waiting -> assigned -> calling -> assigned -> ... -> submitted -> verified. A task is calling while a permitted call has
no receipt. A task goes back to waiting after an attempt without work (attempt_ended), after a rejection (rejected), and
when its lease expires (released). Each open call is then charged at its upper bound. A fault (domain/faults.py) does
not use up the attempt.
"""

from typing import Any

from msgspec.structs import replace

from domain.attempt import CALLS_MAX, Attempt
from domain.errors import Invalid, LimitReached, Refused
from domain.faults import weight_of
from domain.message import TaskEvent
from domain.money import Amount, checked
from domain.snapshot import Snapshot as Snapshot
from domain.task_changes import evolve as evolve
from domain.task_messages import Assign as Assign
from domain.task_messages import Assigned as Assigned
from domain.task_messages import AttemptEnded as AttemptEnded
from domain.task_messages import CallFinished as CallFinished
from domain.task_messages import CallStarted as CallStarted
from domain.task_messages import EndAttempt as EndAttempt
from domain.task_messages import FinishCall as FinishCall
from domain.task_messages import Judge as Judge
from domain.task_messages import Rejected as Rejected
from domain.task_messages import Released as Released
from domain.task_messages import ReleaseOrder as ReleaseOrder
from domain.task_messages import StartCall as StartCall
from domain.task_messages import Submitted as Submitted
from domain.task_messages import SubmitWork as SubmitWork
from domain.task_messages import TaskCommand as TaskCommand
from domain.task_messages import Verified as Verified
from domain.task_messages import end_without_work as end_without_work
from domain.task_state import Phase as Phase
from domain.task_state import TaskState as TaskState

DECLINED = "declined"
"""Outcome of a call if the employee states that the task cannot be done. It is neither a failure nor a hand-in."""


def decide(command: TaskCommand, state: TaskState) -> TaskEvent:
    """Decide a command by the task's own state. `domain/run.py` checks the rules of the run first."""
    ids: dict[str, Any] = {
        "run": command.run,
        "task": command.task,
        "employee": command.employee,
        "order": command.order,
    }
    match command:
        case Assign():
            return _assigned(command, state)
        case StartCall():
            return _call_started(command, state)
        case FinishCall(snapshot=snapshot, index=index, prompt=prompt):
            attempt = _present_attempt(state, command, "calling")
            if index not in attempt.open:
                raise Refused(
                    f"Call {index} of order {command.order} is not open.", hint="A call has one permit and one receipt."
                )
            charged, counts = _charge(snapshot, attempt.open[index].bound), not weight_of(snapshot.outcome)
            snapshot = replace(snapshot, account=attempt.open[index].account)  # the permit decides, not the worker
            return CallFinished(**ids, snapshot=snapshot, charged=charged, counts=counts, index=index, prompt=prompt)
        case EndAttempt(outcome=outcome, message=message):
            _no_open_call(state, command)
            return AttemptEnded(**ids, outcome=outcome, message=message, counts=not weight_of(outcome))
        case SubmitWork(files=files, tree=tree, dropped=dropped):
            if not _no_open_call(state, command).calls:
                raise Refused(
                    f"Order {command.order} has had no call, so it has no work to hand in.",
                    hint="Ask for a permit before each call.",
                )
            if not files:
                raise Invalid("A hand-in must change at least one path.", hint="End the attempt with a reason instead.")
            return Submitted(**ids, files=files, tree=tree, dropped=dropped)
        case Judge(judgement=judgement):
            _expect(state, command, "submitted")
            if judgement.tree != state.tree:
                raise Refused("The verdict is about another tree.", hint="Judge the tree that was handed in.")
            if judgement.verified and judgement.findings:
                raise Invalid(
                    "A verdict with findings cannot verify work.", hint="Reject the work, or drop the findings."
                )
            return Verified(**ids, judgement=judgement) if judgement.verified else Rejected(**ids, judgement=judgement)
        case ReleaseOrder(reason=reason):
            attempt = _present_attempt(state, command, "assigned", "calling", "answered")
            return Released(**ids, reason=reason, cut_off=bool(attempt.open), charged=attempt.committed)
    raise TypeError(f"not a command of a task: {type(command).__name__}")


def _assigned(command: Assign, state: TaskState) -> Assigned:
    _expect(state, command, "waiting")
    if command.due_at <= command.at:
        raise Invalid("A lease must end after it begins.", hint="Give due_at later than the command's time.")
    most = CALLS_MAX if command.form == "session" else 1
    if not 1 <= command.calls_max <= most:
        raise Invalid(
            f"An attempt of the form {command.form} cannot have {command.calls_max} calls.",
            hint=f"Give calls_max from 1 to {most}.",
        )
    return Assigned(
        run=command.run,
        task=command.task,
        employee=command.employee,
        order=command.order,
        attempt=state.attempts + 1,
        seed=command.seed,
        reservation=command.reservation,
        due_at=command.due_at,
        form=command.form,
        calls_max=command.calls_max,
        skill=command.skill,
        choice=command.choice,
        account=command.account,
    )


def _call_started(command: StartCall, state: TaskState) -> CallStarted:
    """Permit one call if its upper bound fits the rest of the attempt's reservation."""
    attempt = _present_attempt(state, command, "assigned", "calling")
    if command.index != attempt.calls:
        raise Refused(
            f"Call {command.index} is not the next call of this attempt, which is call {attempt.calls}.",
            hint="Ask for one permit after the other.",
            code="not_next_call",
        )
    if command.at >= attempt.due_at:
        raise LimitReached("The lease of the order has ended.", hint="The task gets a new attempt.", code="lease_ended")
    if attempt.calls >= attempt.calls_max:
        raise LimitReached(
            f"The attempt has had its {attempt.calls_max} calls (calls_max).",
            hint="Hand in what there is, or end the attempt.",
            code="calls_used_up",
        )
    bound = checked(command.bound, "The upper bound of a call")
    if not bound.fits(attempt.left):
        raise LimitReached(
            f"The call may cost {bound.usd} USD and {bound.tokens} tokens; the attempt has {attempt.left.usd} USD and "
            f"{attempt.left.tokens} tokens left.",
            hint="Hand in what there is, or end the attempt.",
            code="reservation_used_up",
        )
    return CallStarted(
        run=command.run,
        task=command.task,
        employee=command.employee,
        order=command.order,
        index=command.index,
        bound=bound,
        claim=command.claim,
        account=command.account,
    )


def _no_open_call(state: TaskState, command: TaskCommand) -> Attempt:
    """Return the present attempt. Raise Refused if it has a call without a receipt: the receipt must come first."""
    attempt = _present_attempt(state, command, "assigned", "calling", "answered")
    if attempt.open:
        raise Refused(
            f"{len(attempt.open)} calls of order {command.order} have no receipt yet.",
            hint="Send the receipts of all calls first.",
            code="calls_open",
        )
    return attempt


def _charge(snapshot: Snapshot, bound: Amount) -> Amount:
    """Return the amount to charge: the cost, or the bound if the cost is unknown. The bound caps an estimate."""
    counted = snapshot.cost.counted() if snapshot.cost is not None else None
    if counted is None:
        return bound
    return counted.at_most(bound) if snapshot.estimated else counted


def _expect(state: TaskState, command: TaskCommand, *phases: Phase) -> None:
    if state.phase not in phases:
        raise Refused(
            f"Task {state.name} is {state.phase}, but {type(command).__name__} needs a task that is "
            f"{' or '.join(phases)}.",
            hint="See `aura run show`. Another process was faster, or this command came too late.",
        )
    if state.phase != "waiting" and (state.order, state.employee) != (command.order, command.employee):
        raise Refused(
            f"Order {command.order} of this employee is not the present order of task {state.name}.",
            hint="Only the present order of a task can be worked on.",
        )


def _present_attempt(state: TaskState, command: TaskCommand, *phases: Phase) -> Attempt:
    _expect(state, command, *phases)
    return state.orders[command.order]
