"""The fines of employees as rows. The manager and the Accountant write the same rows with the same function."""

from uuid import UUID

from msgspec.structs import replace

from bus.projection_rows import Row, Rows
from domain import employee as staff
from domain import task
from domain.message import Erased, Event

PERCENT_MAX = 900
"""The most that all fines of an employee together add to its costs in routing."""


class FineRow(Row, frozen=True, kw_only=True):
    """One fine that has not ended. The scope is the employee, the key the incident.

    `percent`: what routing adds to the costs of the employee. `tasks_left`: attempts with a result until it ends.
    """

    table = "fine"
    resident = True
    percent: int
    tasks_left: int


def result_of(event: Event | Erased) -> bool | None:
    """Return whether an attempt was verified, if the event is the result of an attempt; None for other events.

    A fault, a lease that ended and a cancelled attempt are no results.
    """
    match event:
        case task.Verified():
            return True
        case task.Rejected() | task.AttemptEnded(counts=True) | task.CallFinished(ends=True, counts=True):
            return False
    return None


def put_fines(event: Event | Erased, rows: Rows) -> UUID | None:
    """Write the rows of fines after one event. Return the employee whose fines have changed; None if nobody's have."""
    match event:
        case staff.Fined(employee=who, incident=incident, percent=percent, tasks=tasks):
            rows.put(FineRow(scope=who, key=str(incident), percent=percent, tasks_left=tasks))
            return who
        case staff.AppealDecided(employee=who, incident=incident, granted=True):
            rows.drop(FineRow, who, str(incident))
            return who
        case task.Verified() | task.Rejected() | task.AttemptEnded() | task.CallFinished():
            return _count(event.employee, rows) if result_of(event) is not None else None
    return None


def handicap_percent(employee: UUID, rows: Rows) -> int:
    """Return what routing adds to the costs of an employee, in percent."""
    return min(sum(row.percent for row in rows.of(FineRow, employee)), PERCENT_MAX)


def _count(employee: UUID, rows: Rows) -> UUID | None:
    """Count one attempt with a result for each fine of the employee. A fine without attempts left ends."""
    open_fines = rows.of(FineRow, employee)
    for row in open_fines:
        if row.tasks_left <= 1:
            rows.drop(FineRow, row.scope, row.key)
        else:
            rows.put(replace(row, tasks_left=row.tasks_left - 1))
    return employee if open_fines else None
