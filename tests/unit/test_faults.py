"""Faults of a server: they use no attempt, the employee pauses as long as the server asks, and there is a limit."""

from typing import Any
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from agents.auditor.reactor import Auditor
from agents.manager import routing
from agents.manager.reactor import Manager
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, run, run_messages, task
from domain.errors import LimitReached, Refused
from domain.faults import COSTLY, FAULTS_MAX, FINAL, LASTING, PASSING, WEIGHTS, rests, weight_of
from domain.message import Event
from domain.money import NOTHING
from domain.registry import UPCASTERS
from domain.run import RunState
from domain.task import AttemptEnded, CallFinished, TaskState
from projections.auditor import AuditorProjection
from projections.manager import EmployeeRow, ManagerProjection
from projections.rests import REST_MAX_S, RETRY_AFTER_MAX_S
from tests.unit.given import decide, fold, given
from tests.unit.runs import ASSIGN
from tests.unit.samples import (
    ASSIGNED,
    AT,
    CALLING,
    EMPLOYEE,
    FIRST,
    OTHER_EMPLOYEE,
    PLANNED,
    PROFILE,
    SNAPSHOT,
    happened,
)
from tests.unit.test_projections import recorded
from tests.unit.test_registry import golden
from tests.unit.test_task import END, FINISH

MICRO = 1_000_000
SAID = "http://127.0.0.1:1/v1 answered 503: model is loading"


def ended(outcome: str, **extra: Any) -> CallFinished:
    """Return the event of a call with this outcome."""
    snapshot = replace(SNAPSHOT, outcome=outcome, message=SAID, **extra)
    (finished,) = decide(replace(FINISH, snapshot=snapshot), *CALLING)
    assert isinstance(finished, CallFinished)
    return finished


def without_work(outcome: str) -> AttemptEnded:
    """The event that ends an attempt whose call ended so."""
    (end,) = decide(replace(END, outcome=outcome, message=SAID), *CALLING, ended(outcome))
    assert isinstance(end, AttemptEnded)
    return end


def first_task(*events: Event) -> TaskState:
    state: RunState = fold("run", *events)
    return state.tasks[FIRST]


def failing(outcome: str, times: int) -> tuple[Event, ...]:
    """Return a task after calls with these outcomes. The calls cost nothing."""
    (assigned, started) = ASSIGNED[-1], CALLING[-1]
    return (*PLANNED, *((assigned, started, ended(outcome, cost=NOTHING), without_work(outcome)) * times))


@pytest.mark.parametrize("outcome", WEIGHTS)
def test_a_fault_gives_the_attempt_back_and_an_answer_does_not(outcome: str) -> None:
    assert ended(outcome).counts is False
    assert without_work(outcome).counts is False
    after = first_task(*CALLING, ended(outcome), without_work(outcome))
    assert (after.phase, after.attempts, after.tried) == ("waiting", 0, (EMPLOYEE,))
    assert after.failure == f"{outcome}: {SAID}"
    for answer in ("no_code", "declined", "empty", "truncated", "blocked"):
        assert ended(answer).counts is True
        assert first_task(*CALLING, ended(answer), without_work(answer)).attempts == 1


def test_a_call_carries_its_index() -> None:
    assert ended("answered").index == 0
    given(*CALLING).when(replace(FINISH, index=3)).refused(Refused, "Call 3 of order")


def test_a_receipt_from_before_faults_were_told_apart_is_an_attempt() -> None:

    old, new = (msgspec.json.decode(golden()[f"task.call_finished/{version}"]) for version in (1, 2))
    raised = UPCASTERS["task.call_finished", 1](old)
    assert (raised["counts"], raised["index"]) == (True, 0)
    raised, new = (UPCASTERS["task.call_finished", 2](fields) for fields in (raised, new))
    assert msgspec.convert(raised, CallFinished) == msgspec.convert(new, CallFinished)
    failed = {**old, "snapshot": {**old["snapshot"], "outcome": "overloaded"}}
    released = msgspec.convert(
        UPCASTERS["task.call_finished", 2](UPCASTERS["task.call_finished", 1](failed)), CallFinished
    )
    assert first_task(*CALLING, released).attempts == 1, "a log of the former release folds as it did"


@pytest.mark.parametrize(
    ("outcome", "times"),
    [("overloaded", FAULTS_MAX), ("timeout", FAULTS_MAX // COSTLY), ("auth", 3), ("context_overflow", 1)],
)
def test_an_employee_gets_a_task_until_its_faults_are_used_up(outcome: str, times: int) -> None:
    again = replace(ASSIGN, attempt=1)
    assert decide(again, *failing(outcome, times - 1))
    given(*failing(outcome, times)).when(again).refused(
        LimitReached, f"(faults_max is {FAULTS_MAX}). Last failure: {outcome}: {SAID}"
    )
    assert decide(replace(again, employee=OTHER_EMPLOYEE), *failing(outcome, times)), "control: somebody else gets it"


def test_every_weight_is_one_of_the_four() -> None:
    assert set(WEIGHTS.values()) == {PASSING, COSTLY, LASTING, FINAL}
    assert (weight_of("answered"), weight_of("no_such_outcome")) == (0, 0)
    assert not rests("answered")
    assert not rests("context_overflow")
    assert rests("rate_limit")


def health(*calls: tuple[int, CallFinished]) -> EmployeeRow:
    """Return the employee's row after calls that ended at these microseconds."""
    rows = Rows(ManagerProjection.tables)
    projection = ManagerProjection()
    projection.apply(recorded(1, employee.Hired(employee=EMPLOYEE, profile=PROFILE)), rows)
    for at, call in calls:
        event = recorded(2, call)
        projection.apply(replace(event, envelope=replace(event.envelope, occurred_at=at)), rows)
    row = rows.get(EmployeeRow, EMPLOYEE, "employee")
    assert row is not None
    return row


@pytest.mark.parametrize(
    ("asked_s", "rest_s"),
    [
        (None, 1.0),
        (0.0, 1.0),
        (0.25, 1.0),
        (40.0, 40.0),
        (1.5, 1.5),
        (1e12, float(RETRY_AFTER_MAX_S)),
        (float("inf"), float(RETRY_AFTER_MAX_S)),
        (float("nan"), 1.0),
        (-7.0, 1.0),
    ],
)
def test_an_employee_rests_as_long_as_its_server_asks(asked_s: float | None, rest_s: float) -> None:
    row = health((AT, ended("rate_limit", retry_after_s=asked_s)))
    assert row.rest_until == AT + round(rest_s * MICRO)


def test_each_fault_in_a_row_doubles_the_rest_and_an_answer_ends_it() -> None:
    calls = [(AT, ended("overloaded")) for _ in range(80)]
    rests_s = [(health(*calls[:count]).rest_until - AT) // MICRO for count in (1, 2, 3, 6, 7, 80)]
    assert rests_s == [1, 2, 4, 32, REST_MAX_S, REST_MAX_S]
    assert health(*calls, (AT, ended("empty"))).rest_until == 0
    assert health(*calls, (AT, ended("context_overflow"))).rest_until == 0


def test_what_a_server_refuses_of_a_request_is_remembered_until_it_is_hired_anew() -> None:
    adapted = ended("answered", adaptations=("no_seed", "stream"))
    assert health((AT, adapted), (AT, ended("answered"))).adaptations == "no_seed,stream"
    rows = Rows(ManagerProjection.tables)
    for seq, event in enumerate((employee.Hired(employee=EMPLOYEE, profile=PROFILE), adapted), start=1):
        ManagerProjection().apply(recorded(seq, event), rows)
    other = employee.Hired(employee=EMPLOYEE, profile=replace(PROFILE, slots=2))
    ManagerProjection().apply(recorded(3, other), rows)
    row = rows.get(EmployeeRow, EMPLOYEE, "employee")
    assert row is not None
    assert row.adaptations == ""


def board(*events: Event, staff: tuple[UUID, ...] = (EMPLOYEE,), profile: employee.Profile = PROFILE) -> Rows:
    """Return the manager's rows after these events, with this number of employees."""
    rows = Rows(ManagerProjection.tables)
    hired = [employee.Hired(employee=who, profile=replace(profile, name=str(who))) for who in staff]
    for seq, event in enumerate((*hired, *events), start=1):
        ManagerProjection().apply(recorded(seq, event), rows)
    return rows


def dispatched(rows: Rows, at: int) -> list[Any]:
    return list(Manager().dispatch(rows, Cause(UUID(int=77), at)))


LATER = AT + 300 * MICRO


def test_a_run_ends_when_nobody_is_left_who_may_try_again() -> None:
    (end,) = dispatched(board(*failing("auth", 3)), LATER)
    assert isinstance(end, run_messages.End)
    assert end.outcome == "rejected"
    assert SAID in end.reason
    assert f"faults_max is {FAULTS_MAX}" in end.reason


def test_it_goes_on_while_somebody_may() -> None:
    (again,) = dispatched(board(*failing("auth", 2)), LATER)
    assert isinstance(again, task.Assign)
    assert (again.employee, again.attempt) == (EMPLOYEE, 1)
    (other,) = dispatched(board(*failing("auth", 3), staff=(EMPLOYEE, OTHER_EMPLOYEE)), LATER)
    assert isinstance(other, task.Assign)
    assert other.employee == OTHER_EMPLOYEE


def test_one_who_rests_is_waited_for() -> None:
    assert dispatched(board(*failing("overloaded", 1)), AT) == []
    (again,) = dispatched(board(*failing("overloaded", 1)), LATER)
    assert isinstance(again, task.Assign)


def test_worn_out_staff_is_told_from_none() -> None:
    state: RunState = fold("run", *failing("auth", 3))
    part = state.tasks[FIRST]
    assert routing.nobody_left(part, state, routing.StaffCapacity(profiles={EMPLOYEE: PROFILE}))
    assert not routing.nobody_left(part, state, routing.StaffCapacity(resting={OTHER_EMPLOYEE}))
    assert not routing.nobody_left(part, state, routing.StaffCapacity())


def incidents(outcome: str) -> int:
    """Return the incidents of three calls with this outcome."""
    rows, raised = Rows(AuditorProjection.tables), 0
    for number in range(3):
        order = UUID(int=500 + number)
        steps: tuple[Event, ...] = tuple(
            replace(event, order=order)
            for event in (*happened("task.assigned", "task.call_started"), ended(outcome), without_work(outcome))
        )
        for step in steps:
            AuditorProjection().apply(recorded(1, step), rows)
            raised += len(Auditor().react(recorded(1, step), rows, Cause(UUID(int=78), AT)))
    return raised


def test_faults_are_no_failures_of_the_employee() -> None:
    assert incidents("overloaded") == 0
    assert incidents("empty") == 1


@pytest.mark.parametrize("version", [1, 2])
def test_the_staff_of_an_older_log_is_read(version: int) -> None:
    read = msgspec.json.decode(golden()[f"employee.hired/{version}"])
    for step in range(version, employee.Hired.version):
        read = UPCASTERS[employee.Hired.type, step](read)
    hired = msgspec.convert(read, employee.Hired)
    assert (hired.profile.server, hired.profile.parameters) == ("", {})
    if version == 1:
        assert hired.profile.prompt_usd_max is None
    assert hired.profile.prompt_tokens_max == hired.profile.call_tokens_max - hired.profile.output_tokens_max
    row = board(hired).get(EmployeeRow, EMPLOYEE, "employee")
    assert row is not None
    assert row.profile == hired.profile
    assert run.initial.tasks == {}
