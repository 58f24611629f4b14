"""Results of several employees on the same past fixes of a repository: the table of a backtest of staff."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import sqrt
from uuid import UUID

import msgspec

from verification.backtest.employee_results import EmployeeResult

Z_95 = 1.959964
"""The quantile of the normal distribution for an interval of 95%."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share `count` / `of` with its 95% interval (Wilson). Without any observation the interval is 0 to 1."""

    count: int
    of: int
    low: float
    high: float

    @property
    def rate(self) -> float:
        """The share itself; 0 without any observation."""
        return self.count / self.of if self.of else 0.0


def share(count: int, of: int) -> Share:
    """Return a share with its interval."""
    if not of:
        return Share(count=0, of=0, low=0.0, high=1.0)
    rate, square = count / of, Z_95**2
    centre = (rate + square / (2 * of)) / (1 + square / of)
    half = Z_95 * sqrt(rate * (1 - rate) / of + square / (4 * of * of)) / (1 + square / of)
    return Share(count=count, of=of, low=round(max(0.0, centre - half), 4), high=round(min(1.0, centre + half), 4))


class StaffLine(msgspec.Struct, frozen=True, kw_only=True):
    """One employee. `false_done`: rejected hand-ins of all hand-ins. Cost and time are averages over the asked fixes.

    `work_s`: seconds from the assignment to the hand-in.
    """

    employee: str
    version: UUID
    solved: Share
    false_done: Share
    usd_per_fix: Decimal
    work_s_per_fix: float
    attempts: int


class FixResult(msgspec.Struct, frozen=True, kw_only=True):
    """One fix, and each employee's result. `excluded`: why nobody was asked.

    `not_run`: not all employees were asked, because the budget was used up. Then the table does not count it.
    """

    commit: str
    subject: str
    excluded: str = ""
    not_run: bool = False
    results: Mapping[str, EmployeeResult] = {}


class StaffReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a backtest of staff. `staff`: the best share first. `usd`: what all its runs have cost so far."""

    repo: str
    staff: tuple[StaffLine, ...]
    fixes: tuple[FixResult, ...]
    asked: int
    not_run: int
    usd: Decimal
    usd_max: Decimal


def staff_report(repo: str, versions: Mapping[str, UUID], fixes: Sequence[FixResult], usd_max: Decimal) -> StaffReport:
    """Return the report with its table. `versions`: the employees that were asked, with their versions."""
    lines = [_line(name, version, fixes) for name, version in versions.items()]
    return StaffReport(
        repo=repo,
        staff=tuple(sorted(lines, key=lambda line: (-line.solved.rate, line.usd_per_fix, line.employee))),
        fixes=tuple(fixes),
        asked=sum(bool(fix.results) and not fix.not_run for fix in fixes),
        not_run=sum(fix.not_run for fix in fixes),
        usd=spent(fixes),
        usd_max=usd_max,
    )


def spent(fixes: Sequence[FixResult]) -> Decimal:
    """Return the cost of all runs."""
    return sum((result.effort.usd for fix in fixes for result in fix.results.values()), Decimal(0))


def _line(name: str, version: UUID, fixes: Sequence[FixResult]) -> StaffLine:
    results = [fix.results[name] for fix in fixes if name in fix.results and not fix.not_run]
    asked, efforts = len(results), [result.effort for result in results]
    usd = sum((effort.usd for effort in efforts), Decimal(0))
    return StaffLine(
        employee=name,
        version=version,
        solved=share(sum(result.verified for result in results), asked),
        false_done=share(sum(effort.rejected for effort in efforts), sum(effort.hand_ins for effort in efforts)),
        usd_per_fix=(usd / asked).quantize(Decimal("0.000001")) if asked else Decimal(0),
        work_s_per_fix=round(sum(effort.work_s for effort in efforts) / asked, 2) if asked else 0.0,
        attempts=sum(effort.attempts for effort in efforts),
    )
