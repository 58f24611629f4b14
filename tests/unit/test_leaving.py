"""A dismissal and a new name: in the rows of manager and HR, in the manager's reactions, and in texts."""

from typing import Any
from uuid import UUID

import msgspec
import pytest

from agents.manager.reactor import Manager
from bus.projection import Cause, Projection
from bus.projection_rows import Rows
from director.terminal.event_text import Story
from domain import employee, task
from domain.employee import version_of
from domain.message import Event
from projections.hr import HRProjection, Person, StrikeRow
from projections.manager import EmployeeRow, ManagerProjection
from tests.unit.samples import ASSIGNED, AT, CALLING, EMPLOYEE, FIRST, ORDER, PLANNED, PROFILE, WITH_SESSIONS, happened
from tests.unit.test_projections import recorded

HIRED, DISMISSED, RENAMED = happened("employee.hired", "employee.dismissed", "employee.renamed")
CAUSE = Cause(UUID(int=77), AT)


def after(projection: Projection, *events: Event) -> Rows:
    rows = Rows(projection.tables)
    for seq, event in enumerate(events, start=1):
        projection.apply(recorded(seq, event), rows)
    return rows


def reactions(*events: Event) -> list[Any]:
    """Return the manager's reaction to the last of these events."""
    rows = after(ManagerProjection(), *events)
    return list(Manager().react(recorded(len(events), events[-1]), rows, CAUSE))


@pytest.mark.parametrize("kind", ["employee.dismissed", "employee.suspended"])
def test_an_order_whose_call_has_not_begun_is_taken_back(kind: str) -> None:
    (released,) = reactions(HIRED, *ASSIGNED, *happened(kind))
    assert isinstance(released, task.ReleaseOrder)
    assert (released.task, released.order, released.employee) == (FIRST, ORDER, EMPLOYEE)
    assert released.reason == kind.replace(".", "_")
    assert reactions(HIRED, *CALLING, *happened(kind)) == [], "a call that has begun is heard"


def test_a_dismissed_one_is_nobody_for_the_manager() -> None:
    assert [type(command) for command in reactions(*PLANNED, HIRED)] == [task.Assign] * 1, "control"
    assert reactions(*PLANNED, HIRED, DISMISSED) == []
    rows = after(ManagerProjection(), HIRED, *CALLING, DISMISSED, *happened("task.call_finished"))
    assert rows.get(EmployeeRow, EMPLOYEE, "employee") is None, "also after a late receipt"


def test_a_renamed_one_works_on_under_the_new_name() -> None:
    row = after(ManagerProjection(), HIRED, RENAMED).get(EmployeeRow, EMPLOYEE, "employee")
    assert row is not None
    assert (row.name, row.profile) == ("bea", msgspec.structs.replace(WITH_SESSIONS, name="bea"))


def test_hr_keeps_the_record_of_who_left_and_the_version_of_who_answers() -> None:
    warned = happened("employee.warned")
    rows = after(HRProjection(), HIRED, *warned, RENAMED, DISMISSED)
    person = rows.get(Person, EMPLOYEE, "employee")
    assert person is not None
    assert (person.name, person.phase, person.strikes) == ("bea", "dismissed", 1)
    assert (person.version, person.hired_at, person.dismissed_at) == (version_of(WITH_SESSIONS), AT + 1, AT + 4)
    lines = sorted(rows.of(StrikeRow, EMPLOYEE), key=lambda line: line.at)
    assert [(line.kind, line.reason) for line in lines] == [
        ("warned", "wrote x.py"),
        ("renamed", "was ada"),
        ("dismissed", "too slow"),
    ]
    other = employee.Hired(employee=EMPLOYEE, profile=msgspec.structs.replace(PROFILE, style="grammar"))
    updated = after(HRProjection(), HIRED, *warned, other).get(Person, EMPLOYEE, "employee")
    assert updated is not None
    assert (updated.strikes, updated.version) == (1, version_of(other.profile))


def test_the_story_uses_the_new_name() -> None:
    story = Story()
    for seq, event in enumerate((HIRED, RENAMED), start=1):
        story.hear(recorded(seq, event))
    assert story.tell(recorded(3, DISMISSED)) == "bea is dismissed: too slow"
