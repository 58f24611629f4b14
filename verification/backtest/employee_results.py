"""Results of an employee on the past fixes of a repository, as structs, and their totals."""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

import msgspec


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """The effort of one run. `work_s`: seconds from assignments to hand-ins. `verdict_s`: seconds of the verdicts.

    `hand_ins`: how often work was handed in as done. `rejected`: how often the verifier rejected it.
    """

    attempts: int = 0
    calls: int = 0
    tokens: int = 0
    usd: Decimal = Decimal(0)
    work_s: float = 0.0
    verdict_s: float = 0.0
    hand_ins: int = 0
    rejected: int = 0


class EmployeeResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One commit. `excluded`: why the employee was not asked. `reason`: why its work was not verified.

    `folder`, `branch`: the delivery. `same`: the delivered tree is the tree of the fix itself.
    """

    commit: str
    parent: str
    subject: str
    files: int = 0  # files of the parent
    excluded: str = ""
    run: UUID | None = None
    verified: bool = False
    reason: str = ""
    effort: Effort = Effort()
    folder: str = ""
    branch: str = ""
    same: bool = False


class EmployeeReport(msgspec.Struct, frozen=True, kw_only=True):
    """All results of one employee on one repository, newest commit first. `total`: the effort over all runs."""

    repo: str
    employee: str
    results: tuple[EmployeeResult, ...]
    asked: int
    verified: int
    total: Effort


def report_of(repo: str, employee: str, results: Iterable[EmployeeResult]) -> EmployeeReport:
    """Return the report with its totals."""
    listed = tuple(results)
    efforts = [result.effort for result in listed]
    return EmployeeReport(
        repo=repo,
        employee=employee,
        results=listed,
        asked=sum(not result.excluded for result in listed),
        verified=sum(result.verified for result in listed),
        total=Effort(
            attempts=sum(effort.attempts for effort in efforts),
            calls=sum(effort.calls for effort in efforts),
            tokens=sum(effort.tokens for effort in efforts),
            usd=sum((effort.usd for effort in efforts), Decimal(0)),
            work_s=round(sum(effort.work_s for effort in efforts), 1),
            verdict_s=round(sum(effort.verdict_s for effort in efforts), 1),
            hand_ins=sum(effort.hand_ins for effort in efforts),
            rejected=sum(effort.rejected for effort in efforts),
        ),
    )
