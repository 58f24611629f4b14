"""The result of a check of reviewers as text for people."""

from collections.abc import Sequence

from director.reports.staff_backtest import interval_text
from director.services.reviewers import ReviewerResult
from director.terminal.escape import visible
from director.terminal.tables import money, table
from verification.backtest.staff_results import Share


def reviewers_text(results: Sequence[ReviewerResult]) -> str:
    """Return one line for each reviewer, and what was not run."""
    header = ("reviewer", "caught", "95% interval", "objected to flawless work", "95% interval", "unusable", "cost")
    lines = [
        (
            visible(result.employee),
            _count(result.catch_rate),
            interval_text(result.catch_rate),
            _count(result.false_objections),
            interval_text(result.false_objections),
            result.unusable,
            money(result.usd),
        )
        for result in results
    ]
    text = [table(header, lines)]
    text += [
        f"{visible(result.employee)}: {result.not_run} reviews were not run, because --usd-max is used up."
        for result in results
        if result.not_run
    ]
    return "\n".join(text)


def _count(part: Share) -> str:
    return f"{part.count}/{part.of}"
