"""A task: assigned, called, handed in, judged. Only the present order counts, and every returned order is paid."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain.errors import Invalid, NotFound, Refused
from domain.message import Event, TaskEvent
from domain.money import NOTHING, Amount
from domain.run import RunState
from domain.snapshot import REASONS_BETWEEN
from domain.task import (
    Assign,
    CallFinished,
    EndAttempt,
    FinishCall,
    Judge,
    Released,
    ReleaseOrder,
    StartCall,
    Submitted,
    SubmitWork,
    TaskCommand,
    TaskState,
    evolve,
)
from domain.tree import from_version_1
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN
from tests.unit.samples import (
    ANSWERED,
    ASSIGNED,
    AT,
    BAD,
    BLOB,
    CALL,
    CALLING,
    CHOICE,
    CLAIM,
    COMMAND,
    COST,
    EMPLOYEE,
    EVIDENCE,
    FILES,
    FIRST,
    GOOD,
    ORDER,
    OTHER_EMPLOYEE,
    OTHER_ORDER,
    OTHER_TREE,
    PLANNED,
    PROMPT,
    RUN,
    SAMPLES,
    SNAPSHOT,
    SUBMITTED,
    TREE,
    happened,
)

ASSIGN_WITH_CHOICE = replace(ASSIGN, skill="python/python/small/answer/normal", choice=CHOICE)
START = StartCall(
    id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, index=0, bound=CALL, claim=CLAIM
)
END = EndAttempt(
    id=COMMAND,
    at=AT,
    run=RUN,
    task=FIRST,
    employee=EMPLOYEE,
    order=ORDER,
    outcome="no_code",
    message="The answer has no code.",
)
FINISH = FinishCall(
    id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, snapshot=SNAPSHOT, prompt=PROMPT
)
HAND_IN = SubmitWork(
    id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, files=FILES, tree=TREE, dropped=("b.py",)
)
JUDGE = Judge(id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, judgement=GOOD)
RELEASE = ReleaseOrder(
    id=COMMAND, at=AT, run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, reason="the lease ran out"
)
VERIFIED = (*SUBMITTED, *happened("task.verified"))
REJECTED = (*SUBMITTED, *happened("task.rejected"))
PHASES = {
    "waiting": PLANNED,
    "assigned": ASSIGNED,
    "calling": CALLING,
    "answered": ANSWERED,
    "submitted": SUBMITTED,
    "verified": VERIFIED,
}
COMMANDS = (ASSIGN, START, FINISH, END, HAND_IN, JUDGE, RELEASE)
LEGAL: dict[type[TaskCommand], tuple[str, ...]] = {
    Assign: ("waiting",),
    StartCall: ("assigned",),
    FinishCall: ("calling",),
    EndAttempt: ("assigned", "answered"),
    SubmitWork: ("answered",),
    Judge: ("submitted",),
    ReleaseOrder: ("assigned", "calling", "answered"),
}
OTHER_REASONS = {
    (StartCall, "calling"): "not the next call",
    (EndAttempt, "calling"): "have no receipt",
    (SubmitWork, "calling"): "have no receipt",
    (SubmitWork, "assigned"): "has had no call",
}
"""Refusals that depend on the attempt's calls, not only on the task's phase."""


def first_task(*events: Event) -> TaskState:
    state: RunState = fold("run", *events)
    return state.tasks[FIRST]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_each_command_has_its_phases(command: TaskCommand, phase: str) -> None:
    assert first_task(*PHASES[phase]).phase == phase
    if isinstance(command, Assign):
        command = replace(command, attempt=2)
    if phase in LEGAL[type(command)]:
        assert len(decide(command, *PHASES[phase])) == 1
    else:
        why = OTHER_REASONS.get((type(command), phase), f"Task T1 is {phase}")
        given(*PHASES[phase]).when(command).refused(Refused, why)


@pytest.mark.parametrize("command", COMMANDS[1:], ids=lambda command: type(command).__name__)
def test_only_the_present_order_of_its_employee_counts(command: TaskCommand) -> None:
    events = PHASES[LEGAL[type(command)][-1]]
    given(*events).when(replace(command, order=OTHER_ORDER)).refused(Refused, "is not the present order")
    given(*events).when(replace(command, employee=OTHER_EMPLOYEE)).refused(Refused, "is not the present order")
    assert decide(command, *events)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_a_task_that_the_plan_does_not_name_takes_nothing(command: TaskCommand) -> None:
    events = PHASES[LEGAL[type(command)][0]]
    given(*events).when(replace(command, task=RUN)).refused(NotFound, "has no task")
    assert decide(command, *events)


def test_the_way_to_verified() -> None:
    given(*PLANNED).when(ASSIGN_WITH_CHOICE).then(*happened("task.assigned"))
    given(*ASSIGNED).when(START).then(*happened("task.call_started"))
    given(*CALLING).when(FINISH).then(*happened("task.call_finished"))
    given(*ANSWERED).when(HAND_IN).then(*happened("task.submitted"))
    given(*SUBMITTED).when(JUDGE).then(*happened("task.verified"))
    task = first_task(*VERIFIED)
    assert (task.phase, task.attempts, task.spent, task.reserved) == ("verified", 1, COST, NOTHING)
    assert task.files == FILES


def test_a_lease_ends_after_it_begins() -> None:
    given(*PLANNED).when(replace(ASSIGN, due_at=AT)).refused(Invalid, "lease must end after")
    assert decide(replace(ASSIGN, due_at=AT + 1), *PLANNED)


def test_a_rejected_task_waits_with_its_findings_and_without_its_files() -> None:
    verdict = replace(JUDGE, judgement=BAD)
    given(*SUBMITTED).when(verdict).then(*happened("task.rejected"))
    task = first_task(*REJECTED)
    assert (task.phase, task.findings, task.files, task.tree) == ("waiting", BAD.findings, {}, None)
    (again,) = decide(replace(ASSIGN, attempt=2), *REJECTED)
    task = first_task(*REJECTED, again)
    assert (task.attempts, task.tried) == (2, (EMPLOYEE, EMPLOYEE))


def test_an_attempt_is_assigned_once() -> None:
    for events in (ASSIGNED, SUBMITTED, VERIFIED, REJECTED):
        given(*events).when(ASSIGN).then()
    given(*PLANNED).when(ASSIGN_WITH_CHOICE).then(*happened("task.assigned"))


def test_a_verdict_is_about_the_tree_that_was_handed_in() -> None:
    given(*SUBMITTED).when(replace(JUDGE, judgement=replace(GOOD, tree=OTHER_TREE))).refused(Refused, "another tree")
    given(*SUBMITTED).when(JUDGE).then(*happened("task.verified"))


def test_a_hand_in_has_files() -> None:
    given(*ANSWERED).when(replace(HAND_IN, files={})).refused(Invalid, "at least one path")
    given(*ANSWERED).when(HAND_IN).then(*happened("task.submitted"))


def test_a_failed_call_costs_and_the_end_of_its_attempt_gives_the_task_back() -> None:
    snapshot = replace(SNAPSHOT, outcome="rate_limited", answer=None)
    (finished,) = decide(replace(FINISH, snapshot=snapshot), *CALLING)
    task = first_task(*CALLING, finished)
    assert (task.phase, task.spent, task.reserved, task.attempts) == ("assigned", COST, NOTHING, 1)
    given(*CALLING, finished).when(END).then(*happened("task.attempt_ended"))
    task = first_task(*CALLING, finished, *happened("task.attempt_ended"))
    assert (task.phase, task.spent, task.reserved, task.attempts) == ("waiting", COST, NOTHING, 1)
    assert task.failure == "no_code: The answer has no code."
    assert finished.blobs() == (BLOB, TREE)


@pytest.mark.parametrize(
    ("cost", "charged"),
    [
        (None, CALL),
        (NOTHING, NOTHING),
        (COST, COST),
        (CALL + CALL, CALL + CALL),
        (Amount(Decimal("1E-13"), 1), Amount(Decimal("1E-12"), 1)),
        (Amount(Decimal("-5"), 10), CALL),
        (Amount(Decimal(0), -10), CALL),
        (Amount(Decimal("NaN"), 10), CALL),
        (Amount(Decimal("Infinity"), 10), CALL),
    ],
)
def test_a_call_is_charged_what_it_cost_and_at_its_bound_when_nobody_knows(
    cost: Amount | None, charged: Amount
) -> None:
    (finished,) = decide(replace(FINISH, snapshot=replace(SNAPSHOT, cost=cost)), *CALLING)
    assert isinstance(finished, CallFinished)
    assert finished.charged == charged


@pytest.mark.parametrize(
    ("cost", "charged"),
    [
        (COST, COST),
        (CALL + CALL, CALL),
        (Amount(CALL.usd * 3, 7), Amount(CALL.usd, 7)),
        (Amount(Decimal(0), CALL.tokens * 3), Amount(Decimal(0), CALL.tokens)),
        (None, CALL),
    ],
)
def test_an_estimate_is_charged_at_most_at_the_bound(cost: Amount | None, charged: Amount) -> None:
    estimated = replace(SNAPSHOT, cost=cost, estimated=True)
    (finished,) = decide(replace(FINISH, snapshot=estimated), *CALLING)
    assert isinstance(finished, CallFinished)
    assert finished.charged == charged


@pytest.mark.parametrize(("phase", "cut_off"), [("assigned", False), ("calling", True), ("answered", False)])
def test_a_release_settles_an_open_call_at_its_bound(phase: str, cut_off: bool) -> None:
    before = first_task(*PHASES[phase])
    (released,) = decide(RELEASE, *PHASES[phase])
    assert isinstance(released, Released)
    assert (released.cut_off, released.charged) == (cut_off, CALL if cut_off else NOTHING)
    after = first_task(*PHASES[phase], released)
    assert (after.phase, after.reserved) == ("waiting", NOTHING)
    assert after.spent == before.spent + released.charged


@pytest.mark.parametrize("command", [ASSIGN, START, HAND_IN, JUDGE], ids=lambda command: type(command).__name__)
def test_after_the_run_s_end_no_work_goes_on(command: TaskCommand) -> None:
    events = PHASES[LEGAL[type(command)][0]]
    if isinstance(command, Assign):
        assert first_task(*events).attempts < command.attempt
    given(*events, *happened("run.ended")).when(command).refused(Refused, "The run has ended")
    assert decide(command, *events)


@pytest.mark.parametrize("command", [FINISH, RELEASE], ids=lambda command: type(command).__name__)
def test_after_the_run_s_end_what_was_spent_still_counts(command: TaskCommand) -> None:
    assert decide(command, *CALLING, *happened("run.ended")) == decide(command, *CALLING)


def test_an_event_names_the_blobs_of_its_payload() -> None:
    named = {event.type: event.blobs() for event in SAMPLES if isinstance(event, TaskEvent)}
    assert named == {
        "task.assigned": (),
        "task.call_started": (),
        "task.call_finished": (SNAPSHOT.prompt, SNAPSHOT.answer, TREE),
        "task.attempt_ended": (),
        "task.submitted": (BLOB, EVIDENCE),
        "task.verified": (GOOD.evidence, GOOD.attestation),
        "task.rejected": (BAD.evidence,),
        "task.released": (),
    }
    (submitted,) = happened("task.submitted")
    assert isinstance(submitted, Submitted)
    files = from_version_1({"b.py": BLOB, "a.py": TREE, "c.py": BLOB})
    assert replace(submitted, files=files).blobs() == (TREE, BLOB)


def test_a_verdict_with_findings_does_not_verify() -> None:
    mixed = replace(GOOD, findings=BAD.findings)
    given(*SUBMITTED).when(replace(JUDGE, judgement=mixed)).refused(Invalid, "cannot verify work")
    given(*SUBMITTED).when(JUDGE).then(*happened("task.verified"))


def test_what_of_an_answer_was_unclear_or_left_out_is_kept_for_the_next_attempt() -> None:
    """Until another answer is read; a call that failed before that changes nothing of it."""
    read = replace(SNAPSHOT, outcome="no_code", answer=BLOB, message=f"One reason.{REASONS_BETWEEN}Another one.")
    finished = CallFinished(run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, snapshot=read, charged=COST)
    state = fold("run", *CALLING, finished).tasks[FIRST]
    assert (state.answer, state.unclear, dict(state.attempted)) == (BLOB, ("One reason.", "Another one."), {})
    answered = evolve(state, replace(finished, snapshot=SNAPSHOT))
    handed_in = Submitted(
        run=RUN, task=FIRST, employee=EMPLOYEE, order=ORDER, files=FILES, tree=TREE, dropped=("b.py",)
    )
    submitted = evolve(answered, handed_in)
    assert submitted.unclear == ("b.py is outside your scope, and it was left out.",)
    assert submitted.attempted == FILES
    failed = evolve(state, replace(finished, snapshot=replace(SNAPSHOT, outcome="timeout", message="slow")))
    assert (failed.answer, failed.unclear) == (state.answer, state.unclear)
