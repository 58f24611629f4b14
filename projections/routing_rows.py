"""The evidence of routing as rows: what all attempts so far say about each version of an employee, and what they cost.

The manager and the Accountant write the same rows with the same function from the same events. An event changes a few
rows, however many versions, skills and tasks there are. All numbers are integers (domain/routing/evidence.py).

Evidence is an attempt that was verified or rejected, or that ended without work and counts. A fault, a lease that ended
and a void event are no evidence. The attempts of a run count until the run ends.
"""

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import ClassVar, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain import employee as staff
from domain import run_messages, task
from domain.message import ORGANISATION, Event, Recorded, TaskEvent
from domain.routing import difficulty, evidence
from domain.routing.difficulty import NO_SCORES, Scores, Shape
from domain.routing.evidence import Attempt, Evidence, Posterior
from domain.routing.fixed_point import MICRO

OVERALL = "overall"
"""The key of a version's evidence about all its work. Every other key is that of a skill."""
TOTAL, EMPLOYEE = "total", "employee"


class Failure(NamedTuple):
    """A failed attempt at a task: the version, its rate at an untried task, its cost, and the cost that was expected.

    The rate is in micro-units, money in micro-dollars.
    """

    version: UUID
    rate: int
    cost: int
    expected: int


_scores_decoder = msgspec.json.Decoder(tuple[int, ...])
_failures_decoder = msgspec.json.Decoder(tuple[Failure, ...])


class EvidenceRow(Row, frozen=True, kw_only=True):
    """The evidence about a version: overall, or at one skill. The scope is the version, the key a skill or "overall".

    Counts are in micro-units, `cost` in micro-dollars, `time` in microseconds. `alarm`: the sum of change detection.
    """

    table = "routing_evidence"
    resident = True
    verified: int = 0
    failed: int = 0
    attempts: int = 0
    cost: int = 0
    cost_weight: int = 0
    time: int = 0
    alarm: int = 0

    @property
    def evidence(self) -> Evidence:
        """The numbers of the row."""
        return Evidence(
            verified=self.verified,
            failed=self.failed,
            attempts=self.attempts,
            cost=self.cost,
            cost_weight=self.cost_weight,
            time=self.time,
            alarm=self.alarm,
        )


class RoutingTotal(Row, frozen=True, kw_only=True):
    """The only row with the sums over all versions. The scope is the organisation, the key "total".

    `scores`: the score of each shape of the tasks' difficulty. `spent` and `explored`: micro-dollars, in all and for
    attempts to learn. `rates`: the sum of the smoothed rates of `versions` versions with evidence.
    """

    table = "routing_total"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"scores": _scores_decoder}
    scores: Scores = NO_SCORES
    spent: int = 0
    explored: int = 0
    rates: int = 0
    versions: int = 0

    @property
    def staff_rate(self) -> int:
        """The average rate of all versions, in micro-units. It is the prior of a version without evidence."""
        return evidence.average_rate(self.rates, self.versions)

    @property
    def shape(self) -> Shape:
        """The shape of the tasks' difficulty that predicted the results best."""
        return difficulty.best_shape(self.scores)


class VersionRow(Row, frozen=True, kw_only=True):
    """The present version of an employee. The scope is the employee, the key "employee"."""

    table = "routing_version"
    resident = True
    version: UUID


class FailedTask(Row, frozen=True, kw_only=True):
    """The failed attempts at a task that is not verified yet. The scope is its run, the key the task's id."""

    table = "routing_task"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"failures": _failures_decoder}
    failures: tuple[Failure, ...]


class OpenAttempt(Row, frozen=True, kw_only=True):
    """An attempt without a result. The scope is its run, the key its order. `ended_at`: end of its work so far.

    Rates are those that were expected at the assignment: at an untried task, and at this one. `expected`: the expected
    cost at an average task in micro-dollars, or 0 if nobody computed it. Times are microseconds UTC.
    """

    table = "routing_attempt"
    of_runs = True
    task: UUID
    version: UUID
    skill: str
    rate: int
    rate_now: int
    expected: int
    explores: bool
    assigned_at: int
    ended_at: int
    usd: Decimal = Decimal(0)


ROUTING_TABLES: tuple[type[Row], ...] = (EvidenceRow, RoutingTotal, VersionRow, FailedTask, OpenAttempt)
"""The tables of a consumer that keeps the evidence of routing."""
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
    run_messages.Ended,
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
        case run_messages.Ended():
            rows.drop_scope(FailedTask, event.run)
            rows.drop_scope(OpenAttempt, event.run)
        case staff.Hired() | staff.Rehired():
            _hire(event.employee, staff.version_of(event.profile), rows)


def total_of(rows: Rows) -> RoutingTotal:
    """Return the sums over all versions."""
    return rows.get(RoutingTotal, ORGANISATION, TOTAL) or RoutingTotal(scope=ORGANISATION, key=TOTAL)


def version_at(rows: Rows, employee: UUID) -> UUID:
    """Return the present version of an employee. An employee that nobody hired is its own version."""
    row = rows.get(VersionRow, employee, EMPLOYEE)
    return row.version if row is not None else employee


def evidence_of(rows: Rows, version: UUID, key: str = OVERALL) -> Evidence:
    """Return the evidence about a version: overall, or at one skill."""
    row = rows.get(EvidenceRow, version, key)
    return row.evidence if row is not None else evidence.NONE


def posterior_of(rows: Rows, version: UUID, skill: str, staff_rate: int) -> Posterior:
    """Return the posterior of a version at a skill. An empty skill is not known."""
    at_skill = evidence_of(rows, version, skill) if skill else evidence.NONE
    return evidence.posterior(staff_rate, evidence_of(rows, version), at_skill)


def failures_of(rows: Rows, run: UUID, task_id: UUID) -> tuple[Failure, ...]:
    """Return the failed attempts at a task of an open run."""
    row = rows.get(FailedTask, run, id_key(task_id))
    return row.failures if row is not None else ()


def _begin(event: task.Assigned, at: int, rows: Rows) -> None:
    version, total = version_at(rows, event.employee), total_of(rows)
    rate = posterior_of(rows, version, event.skill, total.staff_rate).mean
    failures = failures_of(rows, event.run, event.task)
    choice = event.choice
    chosen = choice.of(event.employee) if choice is not None else None
    rows.put(
        OpenAttempt(
            scope=event.run,
            key=id_key(event.order),
            task=event.task,
            version=version,
            skill=event.skill,
            rate=rate,
            rate_now=difficulty.rate_now(tuple(_rates(failures, version, rate)), rate, total.shape),
            expected=chosen.cost * MICRO // choice.size if choice is not None and chosen is not None else 0,
            explores=choice is not None and choice.reason == "explores",
            assigned_at=at,
            ended_at=at,
        )
    )


def _rates(failures: tuple[Failure, ...], version: UUID, rate: int) -> Iterator[int]:
    """Yield the rates of the failed attempts. A failure of the same version says more, so it counts twice."""
    yield from (failure.rate for failure in failures)
    yield from (rate for failure in failures if failure.version == version)


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
        total, cost = total_of(rows), micro_usd(attempt.usd)
        rows.put(replace(total, spent=total.spent + cost, explored=total.explored + cost * attempt.explores))


def _end(event: TaskEvent, rows: Rows, *, verified: bool) -> None:
    open_attempt = _open_attempt(event, rows)
    if open_attempt is None:
        return
    rows.drop(OpenAttempt, open_attempt.scope, open_attempt.key)
    version, rate, cost = open_attempt.version, open_attempt.rate, micro_usd(open_attempt.usd)
    time = max(0, open_attempt.ended_at - open_attempt.assigned_at)
    ended = Attempt(verified=verified, rate=rate, rate_now=open_attempt.rate_now, cost=cost, time=time)
    before = evidence_of(rows, version)
    after = _put_evidence(rows, version, OVERALL, evidence.after(before, ended))
    if open_attempt.skill:
        at_skill = evidence_of(rows, version, open_attempt.skill)
        _put_evidence(rows, version, open_attempt.skill, evidence.after(at_skill, ended))
    failures, total = failures_of(rows, event.run, event.task), total_of(rows)
    earlier = tuple(_rates(failures, version, rate))
    rows.put(
        replace(
            total,
            scores=difficulty.scored(total.scores, earlier, rate, solved=verified),
            spent=total.spent + cost,
            explored=total.explored + cost * open_attempt.explores,
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
    rows.put(_row(version, key, known))
    return known


def _row(version: UUID, key: str, known: Evidence) -> EvidenceRow:
    return EvidenceRow(
        scope=version,
        key=key,
        verified=known.verified,
        failed=known.failed,
        attempts=known.attempts,
        cost=known.cost,
        cost_weight=known.cost_weight,
        time=known.time,
        alarm=known.alarm,
    )


def _hire(employee: UUID, version: UUID, rows: Rows) -> None:
    """Note the version of an employee. A version without evidence begins with half of that of the version before it."""
    before = rows.get(VersionRow, employee, EMPLOYEE)
    if before is not None and before.version != version and not rows.has(EvidenceRow, version):
        for row in rows.of(EvidenceRow, before.version):
            rows.put(_row(version, row.key, evidence.inherited(row.evidence)))
    rows.put(VersionRow(scope=employee, key=EMPLOYEE, version=version))


def micro_usd(usd: Decimal) -> int:
    """Return an amount of dollars in micro-dollars."""
    return int((usd * MICRO).to_integral_value(ROUND_HALF_UP))
