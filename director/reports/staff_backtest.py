"""The report about several employees on the same past fixes: a progress line for each fix, and a table."""

from director.terminal.escape import visible
from director.terminal.tables import money, table
from domain.wording import counted
from verification.backtest.staff_results import FixResult, Share, StaffLine, StaffReport

STAFF_COLUMNS = (
    "employee",
    "solved",
    "share",
    "95% interval",
    "false done",
    "95% interval",
    "USD a fix",
    "work a fix",
    "tries",
)


def fix_line(fix: FixResult, number: int, count: int) -> str:
    """Return the progress line of one fix."""
    head = f"[{number}/{count}] {fix.commit[:10]} {visible(fix.subject)}"
    if fix.excluded:
        return f"{head}: not asked, {visible(fix.excluded)}"
    if fix.not_run:
        return f"{head}: not run, the rest of --usd-max is too small"
    solved = [visible(name) for name, result in fix.results.items() if result.verified]
    return f"{head}: solved by {', '.join(solved) or 'nobody'}"


def staff_text(report: StaffReport) -> str:
    """Return the table, and what was not run."""
    lines = ["", table(STAFF_COLUMNS, [_row(line) for line in report.staff]), ""]
    excluded = sum(bool(fix.excluded) for fix in report.fixes)
    lines.append(f"{counted(report.asked, 'fix was', 'fixes were')} asked, for {money(report.usd)} in all.")
    if excluded:
        lines.append(f"{counted(excluded, 'commit is', 'commits are')} no fair question on this machine.")
    if report.not_run:
        names = ", ".join(fix.commit[:10] for fix in report.fixes if fix.not_run)
        lines.append(
            f"Not run, because the rest of --usd-max {money(report.usd_max)} is less than their budgets: {names}. "
            "To continue, run the same command with a larger --usd-max."
        )
    if report.asked:
        lines.append("Nothing was delivered. Each verdict counts as half an attempt for routing: aura routing show")
    return "\n".join(lines)


def _row(line: StaffLine) -> tuple[object, ...]:
    solved, false_done = line.solved, line.false_done
    return (
        visible(line.employee),
        f"{solved.count}/{solved.of}",
        f"{solved.rate:.2f}",
        interval_text(solved),
        f"{false_done.rate:.2f}" if false_done.of else "-",
        interval_text(false_done),
        f"{line.usd_per_fix:.4f}",
        f"{line.work_s_per_fix:.1f} s",
        line.attempts,
    )


def interval_text(part: Share) -> str:
    """Return the 95% interval of a share; a dash without any observation."""
    return f"{part.low:.2f} to {part.high:.2f}" if part.of else "-"
