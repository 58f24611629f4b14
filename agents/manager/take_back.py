"""Orders that the manager takes back: their run has ended, or their employee may not work any more."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee as staff
from domain import task
from domain.message import Command, Event
from projections import manager as manager_view
from projections.openrun import HAVE_ORDERS, RUN_KEY, OpenRun, busy_in, open_state, state_of

WHY_TAKEN_BACK: Mapping[type[Event], str] = {
    staff.Suspended: "employee_suspended",
    staff.Dismissed: "employee_dismissed",
}


def taken_back(
    rows: Rows, cause: Cause, reason: str, *, run: UUID | None = None, employee: UUID | None = None
) -> Iterator[Command]:
    """Yield the release of each order of a run or an employee that has no open call.

    An open call continues, and its cost counts. After its receipt the order is released.
    """
    if run is None:
        found = [(row, state) for row, state in busy_in(rows, *HAVE_ORDERS)]
    else:
        row_of_run = rows.get(OpenRun, run, RUN_KEY)
        found = [(row_of_run, open_state(rows, row_of_run))] if row_of_run and row_of_run.phase in HAVE_ORDERS else []
    for row, state in found:
        for part in state.tasks.in_progress():
            if part.phase != "assigned" or part.employee is None or part.order is None:
                continue
            if employee in (None, part.employee):
                yield _release(row.scope, part.id, part.employee, part.order, reason, cause)


def release_stopped(event: task.CallFinished, rows: Rows, cause: Cause) -> Iterator[Command]:
    """Yield the release of an order after the receipt of a call, if its employee or its run may not continue."""
    row = rows.get(OpenRun, event.run, RUN_KEY)
    if row is None or phase_of(event, rows) != "assigned":
        return
    member = rows.get(manager_view.EmployeeRow, event.employee, "employee")
    reason = "run_ended" if row.phase == "ended" else ""
    if member is None or member.suspended:
        reason = "employee_dismissed" if member is None else "employee_suspended"
    if reason:
        yield _release(event.run, event.task, event.employee, event.order, reason, cause)


def phase_of(event: task.CallFinished, rows: Rows) -> task.Phase | None:
    """Return the phase of the event's task if the event's order is its present order."""
    state = state_of(rows, event.run)
    part = state.tasks.get(event.task) if state is not None else None
    return part.phase if part is not None and part.order == event.order else None


def _release(run: UUID, part: UUID, employee: UUID, order: UUID, reason: str, cause: Cause) -> task.ReleaseOrder:
    return task.ReleaseOrder(
        **cause.fields("manager.take_back"), run=run, task=part, employee=employee, order=order, reason=reason
    )
