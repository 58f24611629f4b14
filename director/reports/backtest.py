"""The report of a backtest: a progress line for each commit, a table, and an HTML page."""

from html import escape

from director.reports.html_page import html_page
from director.terminal.escape import visible
from verification.backtest.model import CommitResult, Patch, Report, Summary, exclusions

_NAMES = {"parent": "parent", "fix": "fix", "mutant": "wrong patch"}


def commit_line(result: CommitResult, number: int, count: int) -> str:
    """Return the progress line of one commit."""
    head = f"[{number}/{count}] {result.commit[:10]} {visible(result.subject)}"
    if result.excluded:
        return f"{head}: excluded, {visible(result.excluded)}"
    wrong = [patch for patch in result.patches if patch.is_wrong]
    refused = sum(not patch.accepted for patch in wrong)
    fix = next(patch for patch in result.patches if patch.kind == "fix")
    tests = f"{result.files_ran} of {result.files} test files ran, the fix makes {result.turned} tests pass"
    outcome = f"fix {'accepted' if fix.accepted else 'REFUSED'}, {refused} of {len(wrong)} wrong patches refused"
    return f"{head}: {outcome}; {tests}; {result.seconds:.0f} s"


def report_text(report: Report) -> str:
    """Return the table, the wrong verdicts with their reasons, and the conclusion."""
    summary = report.summary
    lines = ["", *_table(summary)]
    if reasons := exclusions(report.results):
        lines += ["", "Excluded:", *(f"  {count} x {visible(reason)}" for reason, count in reasons.items())]
    for result in report.results:
        for patch in result.patches:
            if patch.is_wrong_verdict:
                lines += [
                    "",
                    f"WRONG VERDICT at {result.commit[:10]} ({visible(result.subject)}):",
                    *_patch_lines(patch),
                ]
    return "\n".join([*lines, "", _meaning(summary)])


def _table(summary: Summary) -> list[str]:
    strength = summary.strength
    rows = [
        ("commits that change code and tests", f"{summary.commits}, of which {summary.excluded} were excluded"),
        ("fixes accepted", f"{summary.fixes_accepted} of {summary.fixes}"),
        ("wrong patches accepted", f"{summary.wrong_accepted} of {summary.wrong}"),
        ("  those that pass the fix's own tests", f"{summary.sly_accepted} of {summary.sly}"),
        ("parents refused", f"{summary.parents_refused} of {summary.fixes}"),
        ("strength of the tests", "not known" if strength is None else f"{strength:.0%} of mutants are detected"),
        ("seconds", f"{summary.seconds:.0f}"),
    ]
    width = max(len(name) for name, _ in rows)
    return [f"{name:<{width}}  {value}" for name, value in rows]


def _meaning(summary: Summary) -> str:
    if not summary.fixes:
        return "No commit could be judged, so the backtest shows nothing about verdicts on this repository."
    if summary.trustworthy:
        return (
            "Every fix was accepted, and every wrong patch was refused. "
            "So far, verdicts on this repository can be trusted."
        )
    return "Some verdicts were wrong. Read their reasons above before you trust verdicts on this repository."


def _patch_lines(patch: Patch) -> list[str]:
    what = f"  the {_NAMES[patch.kind]} was {'accepted' if patch.accepted else 'refused'}"
    if patch.kind == "mutant":
        what += f": {patch.path}:{patch.line} {patch.before} -> {patch.after}, detected by its {patch.detected}"
    return [visible(what), *(f"  {visible(finding)}" for finding in patch.findings)]


def report_page(report: Report) -> str:
    """Return a self-contained HTML page without scripts. Every text is escaped."""
    summary = report.summary
    outcome = ("passed", "✓ No wrong verdict") if summary.trustworthy else ("failed", "✗ Wrong verdicts")
    facts = "".join(
        f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>\n"
        for name, _, value in (line.partition("  ") for line in (row.strip() for row in _table(summary)))
    )
    rows = "".join(_row(result) for result in report.results)
    heading = f"Backtest of {visible(report.repo)}"
    body = f"""<h1>{escape(heading)}</h1>
<p class="outcome {outcome[0]}">{outcome[1]}</p>
<p>{_text(_meaning(summary))}</p>
<dl>
{facts}</dl>
<table>
<thead><tr><th>commit</th><th>subject</th><th>fix</th><th>wrong patches refused</th><th>test files</th>\
<th>seconds</th></tr></thead>
<tbody>
{rows}</tbody>
</table>
"""
    return html_page(heading, body)


def _row(result: CommitResult) -> str:
    cells = [result.commit[:10], result.subject]
    if result.excluded:
        cells += [f"excluded: {result.excluded}", "", ""]
    else:
        wrong = [patch for patch in result.patches if patch.is_wrong]
        fix = next(patch for patch in result.patches if patch.kind == "fix")
        cells.append("accepted" if fix.accepted else f"refused: {'; '.join(fix.findings)}")
        cells.append(f"{sum(not patch.accepted for patch in wrong)} of {len(wrong)}")
        cells.append(f"{result.files_ran} of {result.files}")
    cells.append(f"{result.seconds:.0f}")
    return f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in cells)}</tr>\n"


def _text(value: str) -> str:
    return escape(visible(value))
