"""A task of a run: its events and rules. Its state is part of its run's state.

waiting -> assigned -> calling -> answered -> submitted -> verified. A task goes back to waiting after a call that
failed (call_finished), after a rejection (rejected), and when its lease expires (released). An open call is then
charged at its upper bound. A fault (domain/faults.py) does not use up the attempt.
"""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.errors import Invalid, Refused
from domain.faults import FAULTS_MAX, weight_of
from domain.judgement import Finding, Judgement
from domain.message import Command, Erased, Event, TaskEvent
from domain.money import NOTHING, Amount
from domain.repeats import RejectedTree, is_repeat, repeats_max
from domain.snapshot import Snapshot as Snapshot
from domain.tree import Manifest, contents_of

DECLINED = "declined"
"""Outcome of a call if the employee states that the task cannot be done. This is not a failure and not a hand-in."""
Phase = Literal["waiting", "assigned", "calling", "answered", "submitted", "verified"]


class Assigned(TaskEvent, frozen=True, kw_only=True):
    type = "task.assigned"
    order: UUID
    attempt: int
    seed: int
    reservation: Amount
    due_at: int


class CallStarted(TaskEvent, frozen=True, kw_only=True):
    type = "task.call_started"
    order: UUID


class CallFinished(TaskEvent, frozen=True, kw_only=True):
    """`counts`: the call uses up an attempt; it is not a fault. `index`: number of the call in its attempt, from 0."""

    type = "task.call_finished"
    version = 2
    order: UUID
    snapshot: Snapshot
    charged: Amount
    counts: bool = True
    index: int = 0

    def blobs(self) -> tuple[str, ...]:
        return tuple(digest for digest in (self.snapshot.prompt, self.snapshot.answer) if digest)


class Submitted(TaskEvent, frozen=True, kw_only=True):
    """`files`: the changes to the tree at the task's start. `tree`: the name of the whole tree that will be judged.

    `dropped`: paths outside the scope that the employee wrote. `files` does not contain them.
    """

    type = "task.submitted"
    version = 2
    order: UUID
    files: Manifest
    tree: str
    dropped: tuple[str, ...] = ()

    def blobs(self) -> tuple[str, ...]:
        return tuple(sorted(set(contents_of(self.files).values())))


class Verified(TaskEvent, frozen=True, kw_only=True):
    type = "task.verified"
    version = 2
    order: UUID
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class Rejected(TaskEvent, frozen=True, kw_only=True):
    type = "task.rejected"
    version = 2
    order: UUID
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class Released(TaskEvent, frozen=True, kw_only=True):
    """The order's lease ended without a hand-in. `cut_off`: a call had started, and its result is unknown."""

    type = "task.released"
    order: UUID
    reason: str
    cut_off: bool
    charged: Amount


class TaskCommand(Command, frozen=True, kw_only=True):
    """A command about one order of one task. `employee`: the employee who has the order."""

    run: UUID
    task: UUID
    employee: UUID
    order: UUID


class Assign(TaskCommand, frozen=True, kw_only=True):
    """`attempt`: the number of the attempt. If this attempt was already assigned, the command does nothing."""

    attempt: int
    seed: int
    reservation: Amount
    due_at: int


class StartCall(TaskCommand, frozen=True, kw_only=True):
    pass


class FinishCall(TaskCommand, frozen=True, kw_only=True):
    snapshot: Snapshot
    index: int = 0


class SubmitWork(TaskCommand, frozen=True, kw_only=True):
    files: Manifest
    tree: str
    dropped: tuple[str, ...] = ()


class Judge(TaskCommand, frozen=True, kw_only=True):
    judgement: Judgement


class ReleaseOrder(TaskCommand, frozen=True, kw_only=True):
    reason: str


class TaskState(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[UUID, ...] = ()
    phase: Phase = "waiting"
    attempts: int = 0
    attempts_before: int = 0  # attempts before the task was opened again. They do not count against attempts_max
    employee: UUID | None = None
    order: UUID | None = None
    due_at: int = 0
    tried: tuple[UUID, ...] = ()  # the employees of all attempts, in order
    seed: int = 0
    reservation: Amount = NOTHING
    spent: Amount = NOTHING
    files: Manifest = {}
    tree: str | None = None
    findings: tuple[Finding, ...] = ()  # findings of the last rejection
    model: str = ""  # the model of the last call
    evidence: str | None = None  # digest of the verdict that verified the task
    blocked: str = ""  # reason of a verified review that blocks the run
    faults: Mapping[UUID, int] = {}  # employee -> the sum of weights of its faults with this task
    failure: str = ""  # the failure of the last call, in words; empty after an answer
    answer: str | None = None  # digest of the last answer
    attempted: Manifest = {}  # the changes of the last answer
    unclear: tuple[str, ...] = ()  # for the author: parts of the last answer that were not understood, or were dropped
    rejected: Mapping[str, RejectedTree] = {}  # tree -> its last rejection that was not a repeat
    repeats: Mapping[UUID, int] = {}  # employee -> the number of its repeats in a row

    def worn_out(self, employee: UUID) -> bool:
        """Return whether the employee's faults with this task have reached FAULTS_MAX."""
        return self.faults.get(employee, 0) >= FAULTS_MAX

    def only_repeats(self, employee: UUID, attempts_max: int) -> bool:
        """Return whether the employee has repeated rejected answers, in a row, up to the limit."""
        return self.repeats.get(employee, 0) >= repeats_max(attempts_max)


def decide(command: TaskCommand, state: TaskState) -> TaskEvent:
    """Decide a command by the task's own state. `domain/run.py` checks the rules of the run first."""
    ids = {"run": command.run, "task": command.task, "employee": command.employee, "order": command.order}
    match command:
        case Assign(seed=seed, reservation=reservation, due_at=due_at):
            _expect(state, command, "waiting")
            if due_at <= command.at:
                raise Invalid("A lease must end after it begins.", hint="Give due_at later than the command's time.")
            return Assigned(**ids, attempt=state.attempts + 1, seed=seed, reservation=reservation, due_at=due_at)
        case StartCall():
            _expect(state, command, "assigned")
            return CallStarted(**ids)
        case FinishCall(snapshot=snapshot, index=index):
            _expect(state, command, "calling")
            charged, counts = _charge(snapshot, state.reservation), not weight_of(snapshot.outcome)
            return CallFinished(**ids, snapshot=snapshot, charged=charged, counts=counts, index=index)
        case SubmitWork(files=files, tree=tree, dropped=dropped):
            _expect(state, command, "answered")
            if not files:
                raise Invalid(
                    "A hand-in must change at least one path.", hint="Finish the call with a failure instead."
                )
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
            _expect(state, command, "assigned", "calling", "answered")
            cut_off = state.phase == "calling"
            return Released(**ids, reason=reason, cut_off=cut_off, charged=state.reservation if cut_off else NOTHING)
    raise TypeError(f"not a command of a task: {type(command).__name__}")


def _charge(snapshot: Snapshot, reservation: Amount) -> Amount:
    """Return the amount to charge: the cost, or the reservation if the cost is unknown.

    An estimated cost is limited to the reservation.
    """
    counted = snapshot.cost.counted() if snapshot.cost is not None else None
    if counted is None:
        return reservation
    return counted.at_most(reservation) if snapshot.estimated else counted


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


def evolve(state: TaskState, event: Event | Erased) -> TaskState:
    match event:
        case Assigned():
            return replace(
                state,
                phase="assigned",
                attempts=event.attempt,
                employee=event.employee,
                order=event.order,
                due_at=event.due_at,
                tried=(*state.tried, event.employee),
                seed=event.seed,
                reservation=event.reservation,
            )
        case CallStarted():
            return replace(state, phase="calling")
        case CallFinished(snapshot=snapshot, charged=charged, counts=counts):
            phase: Phase = "answered" if snapshot.outcome == "answered" else "waiting"
            failure = "" if phase == "answered" else f"{snapshot.outcome}: {snapshot.message}".removesuffix(": ")
            state = replace(state, phase=phase, spent=state.spent + charged, reservation=NOTHING, model=snapshot.model)
            state = replace(state, failure=failure)
            if snapshot.was_read:
                state = replace(state, answer=snapshot.answer, attempted={}, unclear=snapshot.not_understood)
            return state if counts else _after_fault(state, event.employee, snapshot.outcome)
        case Submitted(files=files, tree=tree, dropped=dropped):
            left_out = tuple(f"{path} is outside your scope, and it was left out." for path in dropped)
            unclear = (*state.unclear, *left_out)
            return replace(state, phase="submitted", files=files, tree=tree, attempted=files, unclear=unclear)
        case Verified(judgement=judgement):
            blocked = next((gate.text for gate in judgement.gates if gate.blocks), "")
            return replace(state, phase="verified", findings=(), evidence=judgement.evidence, blocked=blocked)
        case Rejected(judgement=judgement):
            state = replace(state, phase="waiting", files={}, tree=None, findings=judgement.findings)
            return _after_rejection(state, event.employee, judgement)
        case Released(charged=charged):
            return replace(state, phase="waiting", spent=state.spent + charged, reservation=NOTHING)
    return state


def _after_rejection(state: TaskState, employee: UUID, judgement: Judgement) -> TaskState:
    if is_repeat(judgement):
        return replace(state, repeats={**state.repeats, employee: state.repeats.get(employee, 0) + 1})
    judged = RejectedTree(attempt=state.attempts, evidence=judgement.evidence)
    return replace(state, rejected={**state.rejected, judgement.tree: judged}, repeats={**state.repeats, employee: 0})


def _after_fault(state: TaskState, employee: UUID, outcome: str) -> TaskState:
    """Return the state with this attempt not counted. `tried` keeps the employee, so that another employee is next."""
    faults = {**state.faults, employee: state.faults.get(employee, 0) + weight_of(outcome)}
    return replace(state, attempts=max(state.attempts_before, state.attempts - 1), faults=faults)
