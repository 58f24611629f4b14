"""A verdict as text: the verdict in one line, then each reason with its place and next step, then the tables."""

from collections.abc import Iterator

from director.reports.verdict_reasons import Reason
from director.reports.verdict_view import VerdictView
from director.terminal.escape import below, visible
from director.terminal.text import table
from domain.tree import hex_of
from domain.wording import counted
from verification.verdict.model import Finding, Verdict

TEXT_CHARS_MAX = 90
"""The maximum number of characters of a gate's text in the table."""


def verdict_text(view: VerdictView) -> str:
    """Return a verdict for people: the verdict in one line, its subject, the reasons, the tables and every finding."""
    verdict = view.verdict
    degraded = [visible(view.degraded)] if view.degraded else []
    lines = [verdict_line(view), *_about(view), *degraded, *(f"- {visible(line)}" for line in view.notes.lines)]
    for number, reason in enumerate(view.reasons, 1):
        lines += ["", *_reason(number, reason)]
    lines += ["", criteria_table(verdict)]
    if verdict.gates:
        lines += ["", gates_table(verdict)]
    if verdict.findings:
        lines += ["", "Findings:", *(_finding(finding) for finding in verdict.findings)]
    return "\n".join(lines)


def recorded_text(view: VerdictView) -> str:
    """Return a recorded verdict for people, with the command that repeats it and the key that signed it."""
    lines = [verdict_text(view), "", f"To repeat this verdict: {visible(view.again)}"]
    return "\n".join([*lines, *([f"Signed by {view.signer}"] if view.signer else [])])


def verdict_line(view: VerdictView) -> str:
    """Return the verdict in one line."""
    verdict, count = view.verdict, len(view.reasons)
    reasons = f", {counted(count, 'reason')}" if count else ""
    return (
        f"{visible(view.headline)}{reasons}: tree {hex_of(verdict.tree)[:16]}, grade {verdict.grade}, "
        f"{visible(verdict.sandbox)}, seed {verdict.seed}, {verdict.wall_s:.1f} s"
    )


def _about(view: VerdictView) -> Iterator[str]:
    """Yield the subject of a recorded verdict, and its event."""
    recorded = view.recorded
    if recorded:
        void = f", VOID: {recorded['void']}" if recorded["void"] else ""
        yield visible(f"{view.about}, event {recorded['event']} ({recorded['type']}), {recorded['at']}{void}")


def _reason(number: int, reason: Reason) -> Iterator[str]:
    strike = " (a strike)" if reason.integrity else ""
    yield f"{number}. {visible(reason.text)}{strike}"
    if reason.place:
        yield f"   Where: {visible(reason.place)}"
    yield f"   Next:  {visible(reason.next_step)}"


def criteria_table(verdict: Verdict) -> str:
    """Return the table of criteria and their results."""
    rows = [
        (
            visible(part.id),
            part.grade,
            "passed" if part.passed else "failed",
            f"{part.visible_passed}/{part.visible_total}",
            f"{part.sealed_passed}/{part.sealed_total}",
        )
        for part in verdict.criteria
    ]
    return table(("criterion", "grade", "verdict", "visible", "sealed"), rows)


def gates_table(verdict: Verdict) -> str:
    """Return the table of gates and their results, in the order in which they ran."""
    rows = [
        (gate.gate, gate.grade, gate.result.replace("_", " "), f"{gate.seconds:.2f}", _short(gate.text))
        for gate in verdict.gates
    ]
    return table(("gate", "grade", "result", "seconds", "text"), rows)


def _finding(finding: Finding) -> str:
    strike = " (integrity)" if finding.integrity else ""
    return f"{finding.kind}{strike} {visible(finding.place)}: {below(finding.detail)}"


def _short(text: str) -> str:
    line = visible(" ".join(text.split()))
    return line if len(line) <= TEXT_CHARS_MAX else f"{line[: TEXT_CHARS_MAX - 1]}…"
