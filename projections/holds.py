"""The manager's rows of what open severe incidents pause: employees and runs. Routing gives them no new order."""

from uuid import UUID

from bus.projection_rows import Row, Rows
from domain import incident


class HoldRow(Row, frozen=True, kw_only=True):
    """One pause. The scope is the employee or the run, the key is the incident's id. It lasts until that is closed."""

    table = "hold"
    resident = True
    rule: str
    since: int  # microseconds UTC


def put_hold(event: incident.IncidentEvent, at: int, rows: Rows) -> None:
    """Add a pause when a severe incident is raised, and drop it when the incident is closed."""
    key = str(event.incident)
    if isinstance(event, incident.Raised):
        paused = {"pause_employee": event.employee, "pause_run": event.run}.get(event.follows)
        if paused is not None:
            rows.put(HoldRow(scope=paused, key=key, rule=event.rule, since=at))
    elif isinstance(event, incident.Closed | incident.Lapsed):
        for row in rows.all(HoldRow):
            if row.key == key:
                rows.drop(HoldRow, row.scope, key)


def is_held(rows: Rows, employee_or_run: UUID) -> bool:
    """Return whether an open severe incident pauses the employee or the run."""
    return rows.has(HoldRow, employee_or_run)


def holds_of(rows: Rows, employee_or_run: UUID) -> list[HoldRow]:
    return rows.of(HoldRow, employee_or_run)
