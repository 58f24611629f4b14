"""The tables of routing: the evidence about each version of an employee, and the attempts that are still open.

`routing_rows` writes them. All numbers are integers (domain/routing/evidence.py).
"""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain.message import ORGANISATION
from domain.routing import difficulty, evidence
from domain.routing.difficulty import NO_SCORES, Scores, Shape
from domain.routing.evidence import Evidence, Posterior

OVERALL = "overall"
"""The key of a version's evidence about all its work. Every other key is that of a skill."""
TOTAL, EMPLOYEE, RUN = "total", "employee", "run"


class Failure(msgspec.Struct, frozen=True, array_like=True, gc=False):
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

    Rates are those that were expected at the assignment: at an untried task, and at this one. `tried`: how often this
    version had failed the task before. `expected`: the expected cost at an average task in micro-dollars, or 0 if
    nobody computed it. Times are microseconds UTC.
    """

    table = "routing_attempt"
    of_runs = True
    task: UUID
    version: UUID
    skill: str
    rate: int
    rate_now: int
    tried: int
    expected: int
    explores: bool
    assigned_at: int
    ended_at: int
    usd: Decimal = Decimal(0)


class ShadowRun(Row, frozen=True, kw_only=True):
    """A shadow run. The scope is the run, the key "run". It stays.

    `review`: its task is a review, of which no program can say whether it is right. So it is no evidence.
    """

    table = "routing_shadow"
    of_runs = True
    review: bool


ROUTING_TABLES: tuple[type[Row], ...] = (EvidenceRow, RoutingTotal, VersionRow, FailedTask, OpenAttempt, ShadowRun)
"""The tables of a consumer that keeps the evidence of routing."""
ROUTING_RESIDENT: tuple[type[Row], ...] = (EvidenceRow, RoutingTotal, VersionRow, FailedTask)
"""The tables from which a choice is made."""


def is_shadow(rows: Rows, run: UUID) -> bool:
    """Return whether a run is a shadow run."""
    return rows.get(ShadowRun, run, RUN) is not None


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


def evidence_row(version: UUID, key: str, known: Evidence) -> EvidenceRow:
    """Return the row of the evidence about a version: overall, or at one skill."""
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
