"""The evidence of routing as rows: what all attempts so far say about each version of an employee, and what they cost.

The manager and the Accountant write the same rows with the same function from the same events. An event changes a few
rows, however many versions, skills and tasks there are.

Evidence is an attempt that was verified or rejected, or that ended without work and counts. A fault, a lease that ended
and a void event are no evidence. The attempts of a run count until the run ends. An attempt of a shadow run is half an
attempt (SHADOW_WEIGHT), and its cost is no part of the spending. A finding that the rate of a version fell removes what
was counted before the change.
"""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from msgspec.structs import replace

from bus.projection_rows import Rows
from bus.row_form import id_key
from domain import employee as staff
from domain import incident, run_messages, task
from domain.message import Event, Recorded, TaskEvent
from domain.routing import difficulty, evidence
from domain.routing.evidence import SHADOW_WEIGHT, Attempt, Evidence
from domain.routing.fixed_point import MICRO
from domain.routing.terms import micro_usd
from projections.routing_tables import (
    EMPLOYEE,
    OVERALL,
    RUN,
    EvidenceRow,
    FailedTask,
    Failure,
    OpenAttempt,
    ShadowRun,
    VersionRow,
    evidence_of,
    evidence_row,
    failures_of,
    is_shadow,
    posterior_of,
    total_of,
    version_at,
)

ROUTING_READS: tuple[type[Event], ...] = (
    staff.Hired,
    staff.Rehired,
    task.Assigned,
    task.CallFinished,
    task.AttemptEnded,
    task.Submitted,
    task.Verified,
    task.Rejected,
    task.Released,
    run_messages.Submitted,
    run_messages.Ended,
    incident.Raised,
)
"""The events that change the rows."""


def put_routing(recorded: Recorded, rows: Rows) -> None:
    """Write the rows of routing after one event. An event of another class changes nothing."""
    event, at = recorded.event, recorded.envelope.occurred_at
    match event:
        case task.Assigned():
            _begin(event, at, rows)
        case task.CallFinished():
            _charge(event, event.charged.usd, at, rows)
            if event.ends:
                _end_without_work(event, rows, counts=event.counts)
        case task.AttemptEnded():
            _end_without_work(event, rows, counts=event.counts)
        case task.Submitted():
            _charge(event, Decimal(0), at, rows)
        case task.Verified() | task.Rejected():
            _end(event, rows, verified=isinstance(event, task.Verified))
        case task.Released():
            _charge(event, event.charged.usd, at, rows)
            _end_without_work(event, rows, counts=False)
        case run_messages.Submitted(run=run, shadow=shadow) if shadow is not None:
            review = any(task.name == shadow.name and not task.criteria for task in event.plan)
            rows.put(ShadowRun(scope=run, key=RUN, review=review))
        case run_messages.Ended():
            rows.drop_scope(FailedTask, event.run)
            rows.drop_scope(OpenAttempt, event.run)
        case staff.Hired() | staff.Rehired():
            _hire(event.employee, staff.version_of(event.profile), rows)
        case incident.Raised(kind="regression", employee_version=UUID() as version):
            _forget_before_change(version, event.measured, rows)


def _begin(event: task.Assigned, at: int, rows: Rows) -> None:
    version, total = version_at(rows, event.employee), total_of(rows)
    rate = posterior_of(rows, version, event.skill, total.staff_rate).mean
    failures = failures_of(rows, event.run, event.task)
    choice = event.choice
    chosen = choice.of(event.employee) if choice is not None else None
    others = _rates_of_others(failures, version)
    tried = len(failures) - len(others)
    best = max((rate, *others, *(each.rate for each in (choice.candidates if choice is not None else ()))))
    rows.put(
        OpenAttempt(
            scope=event.run,
            key=id_key(event.order),
            task=event.task,
            version=version,
            skill=event.skill,
            rate=rate,
            rate_now=difficulty.rate_now(others, rate, difficulty.limited(total.shape, best), tried),
            tried=tried,
            expected=chosen.cost * MICRO // choice.size if choice is not None and chosen is not None else 0,
            explores=choice is not None and choice.reason == "explores",
            assigned_at=at,
            ended_at=at,
        )
    )


def _rates_of_others(failures: tuple[Failure, ...], version: UUID) -> tuple[int, ...]:
    """Return the rates of the failed attempts of other versions."""
    return tuple(failure.rate for failure in failures if failure.version != version)


def _open_attempt(event: TaskEvent, rows: Rows) -> OpenAttempt | None:
    order: UUID = event.order  # type: ignore[attr-defined]  # every event of an attempt names its order
    return rows.get(OpenAttempt, event.run, id_key(order))


def _charge(event: TaskEvent, usd: Decimal, at: int, rows: Rows) -> None:
    attempt = _open_attempt(event, rows)
    if attempt is not None:
        rows.put(replace(attempt, usd=attempt.usd + usd, ended_at=max(at, attempt.ended_at)))


def _end_without_work(event: TaskEvent, rows: Rows, *, counts: bool) -> None:
    """End an attempt without work. If it does not count, only its cost is added to the spending."""
    if counts:
        _end(event, rows, verified=False)
        return
    attempt = _open_attempt(event, rows)
    if attempt is not None:
        rows.drop(OpenAttempt, attempt.scope, attempt.key)
        if is_shadow(rows, attempt.scope):
            return
        total, cost = total_of(rows), micro_usd(attempt.usd)
        rows.put(replace(total, spent=total.spent + cost, explored=total.explored + cost * attempt.explores))


def _end(event: TaskEvent, rows: Rows, *, verified: bool) -> None:
    open_attempt = _open_attempt(event, rows)
    if open_attempt is None:
        return
    rows.drop(OpenAttempt, open_attempt.scope, open_attempt.key)
    version, rate, cost = open_attempt.version, open_attempt.rate, micro_usd(open_attempt.usd)
    time = max(0, open_attempt.ended_at - open_attempt.assigned_at)
    shadow = rows.get(ShadowRun, event.run, RUN)
    if shadow is not None and shadow.review:
        return
    weight = SHADOW_WEIGHT if shadow else MICRO
    ended = Attempt(verified=verified, rate=rate, rate_now=open_attempt.rate_now, cost=cost, time=time, weight=weight)
    before = evidence_of(rows, version)
    after = _put_evidence(rows, version, OVERALL, evidence.after(before, ended))
    if open_attempt.skill:
        at_skill = evidence_of(rows, version, open_attempt.skill)
        _put_evidence(rows, version, open_attempt.skill, evidence.after(at_skill, ended))
    failures, total = failures_of(rows, event.run, event.task), total_of(rows)
    if not shadow:
        # A second attempt of the same version says little about what other versions find difficult.
        earlier = () if open_attempt.tried else _rates_of_others(failures, version)
        total = replace(
            total,
            scores=difficulty.scored(total.scores, earlier, rate, solved=verified),
            spent=total.spent + cost,
            explored=total.explored + cost * open_attempt.explores,
        )
    rows.put(
        replace(
            total,
            rates=total.rates + evidence.smoothed_rate(after) - _share(before),
            versions=total.versions + (not before.attempts),
        )
    )
    if verified:
        rows.drop(FailedTask, event.run, id_key(event.task))
    else:
        failures = (*failures, Failure(version, rate, cost, open_attempt.expected))
        rows.put(FailedTask(scope=event.run, key=id_key(event.task), failures=failures))


def _share(before: Evidence) -> int:
    """Return the part of a version in the sum of the rates. A version without attempts has none."""
    return evidence.smoothed_rate(before) if before.attempts else 0


def _put_evidence(rows: Rows, version: UUID, key: str, known: Evidence) -> Evidence:
    rows.put(evidence_row(version, key, known))
    return known


def _forget_before_change(version: UUID, measured: Mapping[str, int], rows: Rows) -> None:
    """Keep only the evidence since the change that a finding measured. Its skills begin anew from that rate."""
    tasks, verified = measured.get("after_tasks", 0), measured.get("after_verified", 0)
    if not 0 <= verified <= tasks or not tasks:
        return
    before, total = evidence_of(rows, version), total_of(rows)
    for row in rows.of(EvidenceRow, version):
        _put_evidence(rows, version, row.key, evidence.skill_since_regression(row.evidence))
    after = _put_evidence(rows, version, OVERALL, evidence.since_regression(before, verified, tasks))
    if before.attempts:
        share = evidence.smoothed_rate(after) - evidence.smoothed_rate(before)
        rows.put(replace(total, rates=total.rates + share))


def _hire(employee: UUID, version: UUID, rows: Rows) -> None:
    """Note the version of an employee. A version without evidence begins with half of that of the version before it."""
    before = rows.get(VersionRow, employee, EMPLOYEE)
    if before is not None and before.version != version and not rows.has(EvidenceRow, version):
        for row in rows.of(EvidenceRow, before.version):
            rows.put(evidence_row(version, row.key, evidence.inherited(row.evidence)))
    rows.put(VersionRow(scope=employee, key=EMPLOYEE, version=version))
