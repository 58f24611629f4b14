"""Fallback chains in routing: the first employee of a chain that can do a task gets it, and the rows say why."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from agents.manager.reactor import Manager
from agents.manager.wait_reasons import WaitReasons
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, run_messages, task
from domain.message import Event
from domain.organisation import FallbackSet, WorkRole
from projections.fallback import StandInRow, fallback_chains
from projections.manager import ManagerProjection
from projections.openrun import RUN_KEY, OpenRun, open_state
from tests.unit.samples import (
    ANSWERED,
    AT,
    EMPLOYEE,
    OTHER_EMPLOYEE,
    PLANNED,
    PROFILE,
    RUN,
    SECOND,
    happened,
    uuid,
)
from tests.unit.test_faults import LATER, MICRO, failing
from tests.unit.test_projections import recorded
from tests.unit.test_wait_reasons import ALL_HERE, REVIEW_READY

ADA, BEN, CARA = EMPLOYEE, OTHER_EMPLOYEE, uuid(40)
NAMES = {ADA: "ada", BEN: "ben", CARA: "cara"}
MODELS = {ADA: "m", BEN: "qwen", CARA: "gpt-5"}
Given = tuple[Event, ...]


def hired(who: UUID, **changes: Any) -> employee.Hired:
    profile = replace(PROFILE, **({"name": NAMES[who], "model": MODELS[who], "slots": 2} | changes))
    return employee.Hired(employee=who, profile=profile)


STAFF: Given = (hired(ADA), hired(BEN), hired(CARA))


def chain(*employees: UUID, role: WorkRole = "implementer") -> FallbackSet:
    return FallbackSet(role=role, employees=employees)


def rows_after(*events: Event) -> Rows:
    rows, projection = Rows(ManagerProjection.tables), ManagerProjection()
    for seq, event in enumerate(events, start=1):
        projection.apply(recorded(seq, event), rows)
    return rows


def assigned(rows: Rows, at: int = LATER) -> task.Assign | None:
    """Return the assignment of the manager. All tests with a chain have at most one ready task."""
    commands = list(Manager().dispatch(rows, Cause(UUID(int=77), at)))
    assert len(commands) <= 1
    assert all(isinstance(command, task.Assign | run_messages.End) for command in commands)
    return commands[0] if commands and isinstance(commands[0], task.Assign) else None


def chosen(*events: Event, at: int = LATER) -> str | None:
    """Return the name of the employee that gets the ready task."""
    command = assigned(rows_after(*events), at)
    return None if command is None else NAMES[command.employee]


def test_the_first_of_the_chain_gets_the_task() -> None:
    for first, *rest in ((ADA, BEN, CARA), (CARA, ADA, BEN), (BEN, CARA)):
        assert chosen(*STAFF, chain(first, *rest), *PLANNED) == NAMES[first]


def test_without_a_chain_the_routing_stays_as_it_is() -> None:
    usual = chosen(*STAFF, *PLANNED)
    assert usual is not None
    assert chosen(*STAFF, chain(BEN, ADA, role="reviewer"), *PLANNED) == usual, "the chain of another role"
    assert chosen(*STAFF, chain(ADA), chain(), *PLANNED) == usual, "a chain that was removed"
    assert {chosen(*STAFF, chain(who), *PLANNED) for who in NAMES} == set(NAMES.values()), "control: chains matter"


OUT: dict[str, tuple[Callable[[], Given], str]] = {
    "dismissed": (lambda: (employee.Dismissed(employee=ADA, reason="x"), *PLANNED), "dismissed"),
    "suspended": (lambda: (employee.Suspended(employee=ADA, incident=None, reason="x"), *PLANNED), "suspended"),
    "its price is not known": (lambda: (hired(ADA, call_usd_max=None, prompt_usd_max=None), *PLANNED), "no_price"),
    "its server has an outage": (lambda: failing("overloaded", 1), "resting"),
    "its quota is used up": (lambda: failing("rate_limit", 1), "resting"),
    "its calls failed too often": (lambda: failing("context_overflow", 1), "faults_max"),
    "its call does not fit the budget": (
        lambda: (hired(ADA, call_usd_max=Decimal(1000), prompt_usd_max=None), *PLANNED),
        "other",
    ),
}


@pytest.mark.parametrize("why", OUT)
def test_the_next_one_stands_in_and_the_rows_say_why(why: str) -> None:
    events, reason = OUT[why]
    given = (*STAFF, chain(ADA, BEN, CARA), *events())
    command = assigned(rows_after(*given), AT)
    assert command is not None
    assert command.employee == BEN
    rows = rows_after(*given, assignment(command))
    assert [(row.employee, row.passed_over, row.reason) for row in rows.of(StandInRow, RUN)] == [(BEN, ADA, reason)]
    (row,) = rows.of(StandInRow, RUN)
    assert (row.order_id, row.task_name, row.attempt) == (command.order, "T1", command.attempt)


def assignment(command: task.Assign) -> task.Assigned:
    return task.Assigned(
        run=RUN,
        task=command.task,
        employee=command.employee,
        order=command.order,
        attempt=command.attempt,
        seed=command.seed,
        reservation=command.reservation,
        due_at=command.due_at,
    )


def test_the_first_one_has_no_stand_in() -> None:
    given = (*STAFF, chain(ADA, BEN), *PLANNED)
    command = assigned(rows_after(*given))
    assert command is not None
    assert rows_after(*given, assignment(command)).of(StandInRow, RUN) == []


def test_each_employee_that_was_passed_over_is_noted_in_order() -> None:
    given = (*STAFF, employee.Suspended(employee=CARA, incident=None, reason="x"))
    given = (*given, chain(CARA, ADA, BEN), *failing("overloaded", 1))
    command = assigned(rows_after(*given), AT)
    assert command is not None
    noted = [row for row in rows_after(*given, assignment(command)).of(StandInRow, RUN) if row.employee == BEN]
    assert [(row.passed_over, row.reason) for row in noted] == [(CARA, "suspended"), (ADA, "resting")]


def test_the_first_one_gets_work_again_when_it_is_back() -> None:
    given = (*STAFF, chain(ADA, BEN), *failing("rate_limit", 1))
    assert chosen(*given, at=AT) == "ben", "ada rests"
    assert chosen(*given, at=AT + 2 * MICRO) == "ada", "its rest has ended"
    suspended = employee.Suspended(employee=ADA, incident=None, reason="x")
    back = employee.Reinstated(employee=ADA, reason="x")
    assert chosen(*STAFF, suspended, chain(ADA, BEN), *PLANNED) == "ben"
    assert chosen(*STAFF, suspended, back, chain(ADA, BEN), *PLANNED) == "ada"


def test_a_busy_employee_is_waited_for() -> None:
    busy = (hired(ADA, slots=1), *STAFF[1:], chain(ADA, BEN))
    other = tuple(
        replace(event, run=uuid(50)) for event in (*PLANNED, *happened("task.assigned")) if hasattr(event, "run")
    )
    rows = Rows(ManagerProjection.tables)
    for seq, event in enumerate((*busy, *other, *PLANNED), start=1):
        entry = recorded(seq, event)
        ManagerProjection().apply(replace(entry, envelope=replace(entry.envelope, run=None)), rows)
    assert assigned(rows) is None
    wait = WaitReasons(rows, ALL_HERE, LATER).of(RUN, open_run(rows))
    assert wait is not None
    assert wait.code == "no_slot"
    assert "ada works on" in wait.message


def open_run(rows: Rows) -> Any:
    row = rows.get(OpenRun, RUN, RUN_KEY)
    assert row is not None
    return open_state(rows, row)


def test_a_rejected_task_stays_with_the_first_one_of_the_chain() -> None:
    rejected = (*ANSWERED, *happened("task.submitted", "task.rejected"))
    assert chosen(*STAFF, chain(ADA, BEN), *rejected) == "ada"
    assert chosen(*STAFF, *rejected) != "ada", "control: without a chain another employee has the turn"


def test_a_run_ends_when_nobody_of_the_chain_is_left() -> None:
    given = (*STAFF, chain(ADA), *failing("context_overflow", 1))
    (end,) = Manager().dispatch(rows_after(*given), Cause(UUID(int=77), LATER))
    assert isinstance(end, run_messages.End)
    assert "faults_max" in end.reason
    assert chosen(*STAFF, *failing("context_overflow", 1)) in ("ben", "cara"), "control: without the chain it goes on"


def test_a_run_waits_while_the_whole_chain_rests() -> None:
    given = (*STAFF, chain(ADA), *failing("overloaded", 1))
    rows = rows_after(*given)
    assert list(Manager().dispatch(rows, Cause(UUID(int=77), AT))) == []
    wait = WaitReasons(rows, ALL_HERE, AT).of(RUN, open_run(rows))
    assert wait is not None
    assert (wait.code, "ada: resting" in wait.message) == ("resting", True)


@pytest.mark.parametrize(
    ("events", "code", "says"),
    [
        ((employee.Suspended(employee=ADA, incident=None, reason="x"),), "suspended", "chain of the role implementer"),
        ((employee.Dismissed(employee=ADA, reason="x"),), "no_staff", "Nobody of the fallback chain"),
        ((hired(ADA, call_usd_max=None, prompt_usd_max=None),), "no_price", "not known for ada"),
        ((), "manager", "about to assign T1"),
    ],
)
def test_a_wait_for_the_chain_has_its_reason(events: Given, code: str, says: str) -> None:
    rows = rows_after(*STAFF, chain(ADA), *events, *PLANNED)
    wait = WaitReasons(rows, ALL_HERE, LATER).of(RUN, open_run(rows))
    assert wait is not None
    assert wait.code == code
    assert says in wait.message


def test_the_authors_of_the_work_and_their_kin_are_passed_over_in_a_review() -> None:
    kin = hired(BEN, model=MODELS[ADA])
    given = (hired(ADA), kin, hired(CARA), chain(ADA, BEN, CARA, role="reviewer"), *REVIEW_READY)
    command = assigned(rows_after(*given))
    assert command is not None
    assert (NAMES[command.employee], command.task) == ("cara", SECOND)
    noted = rows_after(*given, assignment(command)).of(StandInRow, RUN)
    assert [(row.passed_over, row.reason) for row in noted] == [(ADA, "may_not_review"), (BEN, "may_not_review")]


def test_another_chain_is_followed_at_once() -> None:
    rows = rows_after(*STAFF, employee.Suspended(employee=ADA, incident=None, reason="x"), chain(ADA), *PLANNED)
    manager = Manager()
    assert list(manager.dispatch(rows, Cause(UUID(int=77), LATER))) == []
    changed = recorded(99, chain(BEN))
    ManagerProjection().apply(changed, rows)
    (command,) = manager.react(changed, rows, Cause(UUID(int=78), LATER))
    assert isinstance(command, task.Assign)
    assert command.employee == BEN


def test_rows_hold_one_chain_for_each_role() -> None:
    rows = rows_after(*happened("organisation.founded"), chain(ADA, BEN), chain(CARA, role="reviewer"))
    assert fallback_chains(rows) == {"implementer": (ADA, BEN), "reviewer": (CARA,)}
    rows = rows_after(*happened("organisation.founded"), chain(ADA, BEN), chain(CARA, role="reviewer"), chain())
    assert fallback_chains(rows) == {"reviewer": (CARA,)}
