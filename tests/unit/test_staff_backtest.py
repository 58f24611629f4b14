"""The parts of a backtest of staff that run no code: its shares, its table, its text and its limits."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.backtest_priors import book_of, measure, table_of_family
from director.reports.staff_backtest import fix_line, staff_text
from director.routing_bench.world import Conditions, World
from director.services.staff_backtest import STAFF_MAX, StaffBacktest, _check
from domain.errors import Invalid
from domain.routing.evidence import SHADOW_WEIGHT
from domain.routing.fixed_point import MICRO
from tests.unit.samples import uuid
from verification.backtest.employee_results import Effort, EmployeeResult
from verification.backtest.staff_results import FixResult, share, staff_report

VERSIONS = {"bert": uuid(1), "anna": uuid(2)}


def result(*, verified: bool, usd: str, hand_ins: int = 1) -> EmployeeResult:
    effort = Effort(attempts=1, usd=Decimal(usd), work_s=2.0, hand_ins=hand_ins, rejected=hand_ins - verified)
    return EmployeeResult(commit="c", parent="p", subject="s", verified=verified, effort=effort)


FIXES = (
    FixResult(
        commit="a" * 40,
        subject="One",
        results={"anna": result(verified=True, usd="0.10"), "bert": result(verified=False, usd="0.01")},
    ),
    FixResult(
        commit="b" * 40,
        subject="Two",
        results={"anna": result(verified=True, usd="0.30"), "bert": result(verified=False, usd="0", hand_ins=0)},
    ),
    FixResult(commit="c" * 40, subject="Three", excluded="it changes no code"),
    FixResult(commit="d" * 40, subject="Four", not_run=True),
)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 0, 0.0, 1.0), (1, 1, 0.2065, 1.0), (0, 10, 0.0, 0.2775), (10, 20, 0.2993, 0.7007), (20, 20, 0.8389, 1.0)],
)
def test_a_share_has_its_wilson_interval(count: int, of: int, low: float, high: float) -> None:
    """The expected ends are those of the published formula, rounded to four digits."""
    part = share(count, of)
    assert (part.low, part.high) == (low, high)


def test_the_table_has_the_best_first_and_counts_false_claims_among_hand_ins() -> None:
    report = staff_report("repo", VERSIONS, FIXES, Decimal(5))
    anna, bert = report.staff
    assert (anna.employee, anna.solved.count, anna.solved.of) == ("anna", 2, 2)
    assert (anna.usd_per_fix, anna.work_s_per_fix) == (Decimal("0.200000"), 2.0)
    assert (bert.solved.count, bert.false_done.count, bert.false_done.of) == (0, 1, 1)
    assert (report.asked, report.not_run, report.usd) == (2, 1, Decimal("0.41"))


def test_the_text_says_what_was_not_run_and_how_to_go_on() -> None:
    text = staff_text(staff_report("repo", VERSIONS, FIXES, Decimal(5)))
    assert "2/2" in text
    assert "1 commit is no fair question" in text
    assert "dddddddddd" in text
    assert "larger --usd-max" in text
    assert fix_line(FIXES[0], 1, 4).endswith("solved by anna")
    assert "not run" in fix_line(FIXES[3], 4, 4)
    whole = staff_text(staff_report("repo", VERSIONS, FIXES[:2], Decimal(5)))
    assert "Not run" not in whole, "control"


def test_a_budget_that_is_too_small_for_one_fix_is_refused() -> None:
    def wanted(usd_max: str, staff: tuple[str, ...] = ("anna", "bert")) -> StaffBacktest:
        return StaffBacktest(repo=Path(), staff=staff, usd_max=Decimal(usd_max))

    def check(asked: StaffBacktest) -> Any:
        return _check(asked, asked.staff)

    for asked in (wanted("1.99"), wanted("99", ()), wanted("99", tuple(map(str, range(STAFF_MAX + 1))))):
        with pytest.raises(Invalid):
            check(asked)
    assert check(wanted("2.00")) is None


def test_the_evidence_of_a_backtest_is_half_an_attempt_for_each_fix() -> None:
    world = World(table_of_family("small_staff", 0), Conditions(value=4 * MICRO, tasks=50), 0)
    book = book_of(world, range(20))
    assert {known.attempts for known in book.overall.values()} == {20}
    assert all(known.verified + known.failed < 20 * SHADOW_WEIGHT for known in book.overall.values())
    assert book.spent == 0, "the router pays its exploration from its own spending"


@pytest.mark.slow
def test_priors_of_a_backtest_beat_no_priors_over_the_first_tasks() -> None:
    """The interval of the paired gain is above 0. docs/workforce.md has the numbers of 60 seeds."""
    for family in ("issues", "specialists"):
        measured = measure(family, seeds=20)
        print(measured)
        assert measured.gain.low > 0, measured
