"""The report about an employee on past fixes: a progress line for each commit, and a table."""

from decimal import Decimal

from director.terminal.escape import visible
from domain.wording import counted
from verification.backtest.employee_results import Effort, EmployeeReport, EmployeeResult

SUBJECT_CHARS_MAX = 48
_HEAD = ("commit", "change", "result", "tries", "calls", "tokens", "work s", "verdict s", "USD")


def result_line(result: EmployeeResult, number: int, count: int) -> str:
    """Return the progress line of one commit."""
    head = f"[{number}/{count}] {result.commit[:10]} {visible(result.subject)}"
    if result.excluded:
        return f"{head}: not asked, {visible(result.excluded)}"
    outcome = _outcome(result) if result.verified else f"{_outcome(result)}: {visible(result.reason)}"
    effort = result.effort
    return f"{head}: {outcome}; {counted(effort.attempts, 'attempt')}, {counted(effort.calls, 'call')}"


def trial_text(report: EmployeeReport) -> str:
    """Return the table, the reasons, and the conclusion."""
    rows = [_HEAD, *(_row(result) for result in report.results), ("", "", "", *_numbers(report.total))]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = ["", *(_aligned(row, widths) for row in rows), ""]
    for result in report.results:
        if why := result.excluded or result.reason:
            lines.append(f"{result.commit[:10]}: {visible(why)}")
    return "\n".join([*lines, _meaning(report)])


def _meaning(report: EmployeeReport) -> str:
    name = visible(report.employee)
    if not report.asked:
        return f"{name} was not asked: no commit could be judged on this machine."
    return f"{name} solved {report.verified} of {counted(report.asked, 'change')}."


def _outcome(result: EmployeeResult) -> str:
    if result.excluded:
        return "not asked"
    return "verified" if result.verified else "not verified"


def _row(result: EmployeeResult) -> tuple[str, ...]:
    subject = visible(result.subject)
    short = subject if len(subject) <= SUBJECT_CHARS_MAX else f"{subject[: SUBJECT_CHARS_MAX - 1]}…"
    numbers = ("",) * (len(_HEAD) - 3) if result.excluded else _numbers(result.effort)
    return (result.commit[:10], short, _outcome(result), *numbers)


def _numbers(effort: Effort) -> tuple[str, ...]:
    return (
        str(effort.attempts),
        str(effort.calls),
        str(effort.tokens),
        f"{effort.work_s:.1f}",
        f"{effort.verdict_s:.1f}",
        f"{effort.usd.quantize(Decimal('0.0001')):f}",
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    texts, numbers = row[:3], row[3:]
    left = [text.ljust(width) for text, width in zip(texts, widths, strict=False)]
    right = [text.rjust(width) for text, width in zip(numbers, widths[3:], strict=True)]
    return "  ".join([*left, *right]).rstrip()
