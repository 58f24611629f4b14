"""The runs that wait for the manager: for their admission, or for an employee."""

from collections.abc import Iterator
from uuid import UUID

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import run_messages
from domain.message import Command
from domain.run import MINUTE_US, RunState
from projections.holds import is_held
from projections.openrun import RUN_KEY, OpenRun, open_in, open_state, ready_in


def planned_runs(rows: Rows, run: UUID | None) -> dict[UUID, RunState]:
    """Return the planned runs that may get an employee or end; only this run if one is given.

    A run that an open incident pauses is left out.
    """
    if run is None:
        return {row.scope: state for row, state in ready_in(rows, "planned") if not is_held(rows, row.scope)}
    row = rows.get(OpenRun, run, RUN_KEY)
    may_go_on = row is not None and row.phase == "planned" and not is_held(rows, run)
    return {row.scope: open_state(rows, row)} if row is not None and may_go_on else {}


def planned_at(state: RunState) -> int:
    """Return when the minutes of a run began, in microseconds UTC."""
    return state.due_at - (round(state.submitted.allowance.minutes * MINUTE_US) if state.submitted else 0)


def admissions(rows: Rows, cause: Cause) -> Iterator[Command]:
    for row, _ in open_in(rows, "submitted"):
        yield run_messages.Admit(**cause.fields("manager.admit"), run=row.scope)
