"""The Auditor's observations: the last outcomes, costs and times of each version of an employee, and what is open.

Rows hold observations and no decision, so a changed limit of a rule needs no rebuild. Each list has a bound.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import incident

Series = Literal["outcomes", "drift", "tokens", "time_ms", "reviews", "leases", "refusals"]
VALUES_MAX: Mapping[Series, int] = {
    "outcomes": 300,
    "drift": 21,
    "tokens": 51,
    "time_ms": 51,
    "reviews": 100,
    "leases": 10,
    "refusals": 50,
}
"""The most values of a series. The oldest value is dropped first."""
FAILED, VERIFIED, REFUTED, EMPTY = range(4)
"""Outcomes: work that was rejected; verified; rejected by a check that its author could make; an end without work."""
PASSED, BLOCKED = range(2)
"""Results of reviews."""

_values_decoder = msgspec.json.Decoder(tuple[int, ...])
_ids_decoder = msgspec.json.Decoder(tuple[UUID, ...])


class Observed(Row, frozen=True, kw_only=True):
    """The last values of one series, oldest first. `last`: the event that added the newest value.

    Scope and key: an employee and `VERSION/SERIES`; or a run or a principal and `SERIES`. `outcomes` has one value for
    each task: the first outcome of the employee. `refusals` are times in microseconds UTC. `evidence`: the events of
    the newest values that speak against the employee, the run or the principal.
    """

    table = "observed"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"seen": _values_decoder, "evidence": _ids_decoder}
    seen: tuple[int, ...]
    evidence: tuple[UUID, ...]
    last: UUID


class EmployeeVersion(Row, frozen=True, kw_only=True):
    """The present version of an employee. The key is `employee`."""

    table = "employee_version"
    resident = True
    version: UUID


class OpenFinding(Row, frozen=True, kw_only=True):
    """An open incident of a kind that lapses. The scope is its employee, or its run. The key is the incident's id."""

    table = "open_finding"
    resident = True
    kind: str
    version: UUID | None


class TriedTask(Row, frozen=True, kw_only=True):
    """The attempts of one employee at one task. The scope is the run, the key is `TASK/EMPLOYEE`.

    `observed`: its first outcome is in the series `outcomes`. `failures`: failed attempts. `repeats`: the last
    hand-ins that only repeated a rejected tree. `evidence`: the events of the newest failures.
    """

    table = "tried_task"
    of_runs = True
    json_columns: ClassVar[JsonColumns] = {"evidence": _ids_decoder}
    observed: bool
    failures: int
    repeats: int
    evidence: tuple[UUID, ...]


class CheckedReviewer(Row, frozen=True, kw_only=True):
    """The reviews of planted defects and of flawless work by one version. Scope: the employee. Key: its version.

    `last_planted` and `last_caught`: those of the newest check. They are part of `planted` and `caught`.
    """

    table = "checked_reviewer"
    resident = True
    planted: int
    caught: int
    clean: int
    objected: int
    last_planted: int
    last_caught: int


WATCH_TABLES: tuple[type[Row], ...] = (Observed, EmployeeVersion, OpenFinding, TriedTask, CheckedReviewer)


def observe(
    rows: Rows, scope: UUID, series: Series, value: int, by: UUID, *, version: UUID | None = None, against: bool = False
) -> None:
    """Add a value to a series. `by`: the event. `against`: the event is evidence."""
    key = series_key(series, version)
    row = rows.get(Observed, scope, key)
    seen, evidence = (row.seen, row.evidence) if row is not None else ((), ())
    if against:
        evidence = (*evidence, by)[-incident.EVIDENCE_MAX :]
    seen = (*seen, value)[-VALUES_MAX[series] :]
    rows.put(Observed(scope=scope, key=key, seen=seen, evidence=evidence, last=by))


def series_key(series: Series, version: UUID | None = None) -> str:
    return series if version is None else f"{version}/{series}"


def series_of(rows: Rows, scope: UUID, series: Series, by: UUID, version: UUID | None = None) -> Observed | None:
    """Return a series if this event added its newest value; None otherwise."""
    row = rows.get(Observed, scope, series_key(series, version))
    return row if row is not None and row.last == by else None


def version_at(rows: Rows, employee: UUID) -> UUID | None:
    """Return the present version of an employee; None if the employee is not known."""
    row = rows.get(EmployeeVersion, employee, "employee")
    return row.version if row is not None else None


def tried(rows: Rows, run: UUID, task: UUID, employee: UUID) -> TriedTask:
    """Return the attempts of an employee at a task."""
    key = f"{task}/{employee}"
    row = rows.get(TriedTask, run, key)
    return row or TriedTask(scope=run, key=key, observed=False, failures=0, repeats=0, evidence=())


def after_failure(row: TriedTask, by: UUID) -> TriedTask:
    """Return the row after a failure that is no outcome of the employee's work: a lost lease, or a review."""
    evidence = (*row.evidence, by)[-incident.EVIDENCE_MAX :]
    return replace(row, failures=row.failures + 1, evidence=evidence)


def after_outcome(row: TriedTask, by: UUID, *, failed: bool, repeat: bool) -> TriedTask:
    """Return the row after an outcome. `repeat`: the hand-in only repeated a rejected tree."""
    evidence = (*row.evidence, by)[-incident.EVIDENCE_MAX :] if failed else row.evidence
    repeats = row.repeats + 1 if repeat else 0
    return replace(row, observed=True, failures=row.failures + failed, repeats=repeats, evidence=evidence)
