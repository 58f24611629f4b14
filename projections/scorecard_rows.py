"""The Accountant's row of each attempt, for scorecards: outcome, cost, time, and the events behind each number.

Totals are SQL views over these rows, so they change with the rows of a purged run. Attempts of shadow runs have no row.
"""

from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from bus.projection_rows import Row, Rows
from bus.row_form import id_key
from domain import employee as staff
from domain import review, run_messages, task
from domain.employee import Profile, version_of
from domain.message import Event, Recorded, TaskEvent
from projections.auditor_series import CHECKABLE
from projections.routing_tables import is_shadow, version_at

AGENT = "agent"
"""The parameter of a profile that names its coding agent."""
VERSION_KEY = "version"


class TaskSize(Row, frozen=True, kw_only=True):
    """The number of criteria of a task. The scope is the run, the key the task's id."""

    table = "task_size"
    of_runs = True
    criteria: int


class ScoredAttempt(Row, frozen=True, kw_only=True):
    """One attempt. The scope is the run, the key the order's id. Times are microseconds UTC.

    `outcome`: empty while it is open. `declined`: it said honestly that it cannot do the task. `failed`: it ended
    without usable work. `fault`: of the server or the organisation, which is no result. `number`: the attempt's number
    at the task. `again`: the employee has tried the task before. `ended_at`: the end of its work. `dropped`: paths
    outside the scope. `integrity`: a finding of integrity. `false_claim`: a session handed in work as complete that
    fails a check which it could make itself. `assigned`, `ended`: ids of events.
    """

    table = "scored_attempt"
    of_runs = True
    task: UUID
    employee: UUID
    version: UUID
    skill: str
    number: int
    again: bool
    session: bool
    criteria: int
    assigned_at: int
    ended_at: int
    outcome: str = ""
    usd: Decimal = Decimal(0)
    dropped: int = 0
    integrity: bool = False
    false_claim: bool = False
    assigned: UUID
    ended: UUID | None = None


class VersionFacts(Row, frozen=True, kw_only=True):
    """The supplier of a version. The scope is the version's id. `agent`: the coding agent; empty for a model alone."""

    table = "version_facts"
    resident = True  # the scope is not that of the event
    maker: str
    model: str
    provider: str
    agent: str


SCORECARD_TABLES: tuple[type[Row], ...] = (TaskSize, ScoredAttempt, VersionFacts)
"""The tables of scorecards."""
SCORECARD_READS: tuple[type[Event], ...] = (TaskEvent, run_messages.Planned, staff.Hired, staff.Rehired)
"""The events that change the rows."""


def put_scorecard(recorded: Recorded, rows: Rows) -> None:
    """Write the rows of scorecards after one event."""
    event = recorded.event
    match event:
        case staff.Hired(profile=profile) | staff.Rehired(profile=profile):
            rows.put(_facts(profile))
        case run_messages.Planned():
            for planned in event.tasks:
                rows.put(TaskSize(scope=event.run, key=id_key(planned.id), criteria=len(planned.criteria)))
        case task.Assigned() if not is_shadow(rows, event.run):
            rows.put(_begun(recorded, event, rows))
        case TaskEvent():
            row = _row_of(event, rows)
            if row is not None:
                rows.put(_after(row, recorded, event))


def _facts(profile: Profile) -> VersionFacts:
    return VersionFacts(
        scope=version_of(profile),
        key=VERSION_KEY,
        maker="script" if profile.scripted else review.vendor_of(profile.model),
        model=profile.model,
        provider=profile.provider,
        agent=profile.parameters.get(AGENT, ""),
    )


def _begun(recorded: Recorded, event: task.Assigned, rows: Rows) -> ScoredAttempt:
    size, at = rows.get(TaskSize, event.run, id_key(event.task)), recorded.envelope.occurred_at
    earlier = (row for row in rows.of(ScoredAttempt, event.run) if row.task == event.task)
    return ScoredAttempt(
        scope=event.run,
        key=id_key(event.order),
        task=event.task,
        employee=event.employee,
        version=version_at(rows, event.employee),
        skill=event.skill,
        number=event.attempt,
        again=any(row.employee == event.employee for row in earlier),
        session=event.form == "session",
        criteria=size.criteria if size is not None else 0,
        assigned_at=at,
        ended_at=at,
        assigned=recorded.envelope.id,
    )


def _row_of(event: TaskEvent, rows: Rows) -> ScoredAttempt | None:
    order: UUID | None = getattr(event, "order", None)
    return rows.get(ScoredAttempt, event.run, id_key(order)) if order is not None else None


def _after(row: ScoredAttempt, recorded: Recorded, event: TaskEvent) -> ScoredAttempt:
    at, by = recorded.envelope.occurred_at, recorded.envelope.id
    end = task.end_without_work(event)
    if isinstance(event, task.CallFinished):
        row = replace(row, usd=row.usd + event.charged.usd, ended_at=at)
    if end is not None:
        lacks = "declined" if end.outcome == task.DECLINED else "failed"
        return replace(row, outcome=lacks if end.counts else "fault", ended_at=at, ended=by)
    match event:
        case task.Submitted(dropped=dropped):
            return replace(row, dropped=len(dropped), ended_at=at)
        case task.Verified():
            return replace(row, outcome="verified", ended=by)
        case task.Rejected(judgement=judgement):
            refuted = row.session and any(finding.kind in CHECKABLE for finding in judgement.findings)
            integrity = any(finding.integrity for finding in judgement.findings)
            return replace(row, outcome="rejected", false_claim=refuted, integrity=integrity, ended=by)
        case task.Released(charged=charged):
            return replace(row, usd=row.usd + charged.usd, outcome="fault", ended_at=at, ended=by)
    return row
