"""The Auditor's read model: one row per attempt with prompt, answer and findings, one row per incident, and the
observations of its rules (`auditor_watch`).
"""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain import employee, incident, refusal, run_messages, task
from domain.message import Recorded, TaskEvent
from projections import auditor_watch as watch
from projections.auditor_attempts import Attempt as Attempt
from projections.auditor_attempts import attempt_after, attempt_of
from projections.auditor_series import observe_task

_ids_decoder = msgspec.json.Decoder(tuple[UUID, ...])
_numbers_decoder = msgspec.json.Decoder(dict[str, int])


class Incident(Row, frozen=True, kw_only=True):
    """One incident. The scope is the id of its run, or its own id if it has no run. The key is the incident's id.

    `event`: the event that raised it. `phase`: open, acknowledged, worked or closed. `changed_at`, `changed_by` (a
    role) and `reason` are those of its last change.
    """

    table = "incident"
    json_columns: ClassVar[JsonColumns] = {
        "evidence": _ids_decoder,
        "limits": _numbers_decoder,
        "measured": _numbers_decoder,
    }
    kind: str
    detail: str
    strike: bool
    task: UUID | None
    employee: UUID | None
    raised_at: int
    event: UUID
    rule: str
    severity: str
    evidence: tuple[UUID, ...]
    limits: Mapping[str, int]
    measured: Mapping[str, int]
    follows: str
    version: UUID | None
    phase: str
    changed_at: int
    changed_by: str
    reason: str


_PHASES: Mapping[type[incident.IncidentEvent], str] = {
    incident.Acknowledged: "acknowledged",
    incident.Worked: "worked",
    incident.Closed: "closed",
    incident.Lapsed: "closed",
}


def attempt_in(rows: Rows, event: TaskEvent) -> Attempt | None:
    """Return the row of the attempt that an event belongs to; None if there is none."""
    order: UUID = event.order  # type: ignore[attr-defined]  # every event of a task names its order
    return rows.get(Attempt, event.run, id_key(order))


class AuditorProjection:
    """Turns events of tasks, incidents, employees and refusals into the Auditor's rows."""

    name = "auditor"
    tables: ClassVar[tuple[type[Row], ...]] = (Attempt, Incident, *watch.WATCH_TABLES)
    reads: ClassVar[tuple[type, ...]] = (
        TaskEvent,
        incident.IncidentEvent,
        employee.Hired,
        employee.ReviewerChecked,
        refusal.CommandRefused,
        run_messages.Ended,
    )

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        if isinstance(event, task.Assigned):
            rows.put(attempt_of(recorded, event, watch.version_at(rows, event.employee)))
        elif isinstance(event, TaskEvent):
            row = attempt_in(rows, event)
            if row is not None:
                moved = attempt_after(row, recorded, event)
                rows.put(moved)
                observe_task(recorded, event, moved, rows)
        elif isinstance(event, incident.IncidentEvent):
            _incident(recorded, event, rows)
        elif isinstance(event, employee.Hired):
            version = employee.version_of(event.profile)
            rows.put(watch.EmployeeVersion(scope=event.employee, key="employee", version=version))
        elif isinstance(event, employee.ReviewerChecked):
            _checked(event, rows)
        elif isinstance(event, refusal.CommandRefused):
            at = recorded.envelope.occurred_at
            for index in range(min(event.count, watch.VALUES_MAX["refusals"])):
                watch.observe(rows, event.principal, "refusals", at, recorded.envelope.id, against=not index)
        elif isinstance(event, run_messages.Ended):
            rows.drop(watch.Observed, event.run, watch.series_key("leases"))


def _checked(event: employee.ReviewerChecked, rows: Rows) -> None:
    key = str(event.employee_version)
    row = rows.get(watch.CheckedReviewer, event.employee, key)
    rows.put(
        watch.CheckedReviewer(
            scope=event.employee,
            key=key,
            planted=event.planted + (row.planted if row else 0),
            caught=event.caught + (row.caught if row else 0),
            clean=event.clean + (row.clean if row else 0),
            objected=event.objected + (row.objected if row else 0),
            last_planted=event.planted,
            last_caught=event.caught,
        )
    )


def _incident(recorded: Recorded, event: incident.IncidentEvent, rows: Rows) -> None:
    at, key = recorded.envelope.occurred_at, str(event.incident)
    scope = event.run or event.incident
    if isinstance(event, incident.Raised):
        rows.put(_raised(recorded, event))
        paused = event.run if event.follows == "pause_run" else event.employee
        if event.kind in incident.LAPSES and paused is not None:
            rows.put(watch.OpenFinding(scope=paused, key=key, kind=event.kind, version=event.employee_version))
        return
    row = rows.get(Incident, scope, key)
    if row is None:
        return
    reason = getattr(event, "reason", "")
    phase, role = _PHASES[type(event)], recorded.envelope.role
    rows.put(replace(row, phase=phase, changed_at=at, changed_by=role, reason=reason))
    if phase == "closed":
        for paused in filter(None, (row.employee, event.run)):
            rows.drop(watch.OpenFinding, paused, key)


def _raised(recorded: Recorded, event: incident.Raised) -> Incident:
    at = recorded.envelope.occurred_at
    return Incident(
        scope=event.run or event.incident,
        key=str(event.incident),
        kind=event.kind,
        detail=event.detail,
        strike=event.strike,
        task=event.task,
        employee=event.employee,
        raised_at=at,
        event=recorded.envelope.id,
        rule=event.rule,
        severity=event.severity,
        evidence=event.evidence,
        limits=event.limits,
        measured=event.measured,
        follows=event.follows,
        version=event.employee_version,
        phase="open",
        changed_at=at,
        changed_by=recorded.envelope.role,
        reason="",
    )
