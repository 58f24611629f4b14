"""An open severe incident pauses an employee or a run: the manager assigns nothing there. Closed, it goes on."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from agents.manager.reactor import Manager
from bus.projection import Cause, fold
from bus.projection_rows import Rows
from domain import employee, incident, task
from domain.message import Command, Event
from projections.holds import HoldRow, is_held
from projections.manager import ManagerProjection
from tests.unit.samples import AT, EMPLOYEE, INCIDENT, OTHER_EMPLOYEE, PLANNED, PROFILE, RUN, happened, uuid
from tests.unit.test_projections import recorded

HIRED = employee.Hired(employee=EMPLOYEE, profile=PROFILE)
OTHER = employee.Hired(employee=OTHER_EMPLOYEE, profile=replace(PROFILE, name="ben"))
HELD = incident.Raised(
    incident=INCIDENT,
    kind="regression",
    detail="worse",
    severity="severe",
    employee=EMPLOYEE,
    run=RUN,
    follows="pause_employee",
)
RUN_HELD = replace(HELD, kind="stalled_run", follows="pause_run")
MINOR = replace(HELD, severity="minor", follows="")


def after(*events: Event) -> tuple[Rows, Sequence[Command]]:
    """Return the manager's rows after the events, and the commands that follow from the last one."""
    rows, manager = Rows(ManagerProjection().tables), Manager()
    commands: Sequence[Command] = ()
    for seq, event in enumerate(events, 1):
        commands = fold(ManagerProjection(), manager, recorded(seq, event), rows, AT)
    return rows, commands


def assigned(rows: Rows) -> list[object]:
    """Return the employees of the assignments that a manager that starts now asks for."""
    commands = Manager().dispatch(rows, Cause(uuid(7), AT))
    return [command.employee for command in commands if isinstance(command, task.Assign)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((HIRED,), [EMPLOYEE]),
        ((HIRED, HELD), []),
        ((HIRED, RUN_HELD), []),
        ((HIRED, MINOR), [EMPLOYEE]),
        ((HIRED, HELD, OTHER), [OTHER_EMPLOYEE]),
        ((HIRED, RUN_HELD, OTHER), []),
        ((HIRED, replace(RUN_HELD, run=uuid(77))), [EMPLOYEE]),
        ((HIRED, HELD, *happened("incident.acknowledged", "incident.worked")), []),
        ((HIRED, HELD, *happened("incident.closed")), [EMPLOYEE]),
        ((HIRED, HELD, *happened("incident.lapsed")), [EMPLOYEE]),
        ((HIRED, RUN_HELD, *happened("incident.closed")), [EMPLOYEE]),
        ((HIRED, HELD, replace(HELD, incident=uuid(78)), *happened("incident.closed")), []),
    ],
)
def test_what_is_paused_gets_no_order(events: tuple[Event, ...], expected: list[object]) -> None:
    rows, _ = after(*PLANNED, *events)
    assert assigned(rows) == expected


def test_work_goes_on_at_once_when_the_incident_is_closed() -> None:
    _, commands = after(*PLANNED, HELD, HIRED)
    assert commands == []
    _, commands = after(*PLANNED, HELD, HIRED, *happened("incident.closed"))
    assert [type(command) for command in commands] == [task.Assign]


def test_a_closed_incident_leaves_no_row() -> None:
    rows, _ = after(HELD, RUN_HELD)
    assert is_held(rows, EMPLOYEE)
    assert is_held(rows, RUN)
    rows, _ = after(HELD, RUN_HELD, *happened("incident.closed"))
    assert rows.all(HoldRow) == []
