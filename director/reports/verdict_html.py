"""A verdict as one self-contained HTML file: no scripts, no other files, every text escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import msgspec

from director.reports.html_page import html_page
from director.reports.verdict_reasons import Reason
from director.reports.verdict_view import VerdictView
from director.terminal.escape import visible
from verification.verdict.model import Finding, GateResult

EVIDENCE_CHARS_MAX = 20_000
"""The maximum number of shown characters of one gate's evidence. `--json` has the whole evidence."""
_CRITERIA = ("criterion", "grade", "result", "visible", "sealed", "what it says")
_OUTCOMES = {"passed": "✓ passed", "failed": "✗ failed", "noted": "! noted", "not_run": "- not run"}


def verdict_page(view: VerdictView) -> str:
    """Return the page. It has details of sealed cases, so it is for the Director and not for employees."""
    outcome = ("passed", "✓") if view.verdict.verified else ("failed", "✗")
    said = f"{outcome[1]} {view.headline}"
    body = "".join(
        (
            _reasons(view.reasons),
            _facts(view),
            _criteria(view),
            _gates(view.verdict.gates),
            _findings(view),
            _again(view),
        )
    )
    notes = _notes(view)
    page = f"""<h1>{_told(view.requirement.title)}</h1>
<p class="outcome {outcome[0]}">{_text(said)}</p>
{notes}<p class="quiet">{_told(view.about)}. This page quotes sealed cases that failed: it is not for employees.</p>
{body}"""
    return html_page(f"{said}: {view.requirement.title}", page)


def _notes(view: VerdictView) -> str:
    """Return the notes about the base as a list."""
    items = "".join(f"<li>{_told(line)}</li>\n" for line in view.notes.lines)
    return f"<ul>\n{items}</ul>\n" if items else ""


def _reasons(reasons: Sequence[Reason]) -> str:
    """Return the reasons of a rejection: each as a sentence, with its place and the next step."""
    if not reasons:
        return ""
    return "<h2>Why</h2>\n<ol>\n" + "".join(map(_reason, reasons)) + "</ol>\n"


def _reason(reason: Reason) -> str:
    strike = ' <span class="failed">a strike</span>' if reason.integrity else ""
    place = f'<p class="quiet">{_told(reason.place)}</p>' if reason.place else ""
    return f"<li><p>{_told(reason.text)}{strike}</p>{place}<p>Next: {_told(reason.next_step)}</p></li>\n"


def _facts(view: VerdictView) -> str:
    verdict = view.verdict
    facts: list[tuple[str, object]] = [("tree", verdict.tree)]
    facts += [(each.name, digest) for each in view.rested_on() for digest in each.digest.values()]
    facts += [("seed", verdict.seed), ("grade", verdict.grade), ("sandbox", verdict.sandbox)]
    facts.append(("not held", ", ".join(verdict.not_held) or "none: the sandbox held every limit"))
    facts.append(("seconds", f"{verdict.wall_s:.1f}"))
    facts += [(name.replace("_", " "), value) for name, value in view.recorded.items() if value not in (None, "")]
    facts.append(("signed by", view.signer or "nobody"))
    rows = "".join(f'<dt>{_text(name)}</dt><dd class="digest">{_told(value)}</dd>\n' for name, value in facts)
    return f"<h2>What was judged, and where</h2>\n<dl>\n{rows}</dl>\n"


def _criteria(view: VerdictView) -> str:
    rows = [
        (
            _told(part.id),
            _text(part.grade),
            _outcome("passed" if part.passed else "failed"),
            f"{part.visible_passed} of {part.visible_total}",
            f"{part.sealed_passed} of {part.sealed_total}",
            _told(view.says(part.id)),
        )
        for part in view.verdict.criteria
    ]
    return "<h2>Criteria</h2>\n" + _table(_CRITERIA, rows)


def _gates(gates: Iterable[GateResult]) -> str:
    rows, evidence = [], []
    for gate in gates:
        seconds = f"{gate.seconds:.2f}"
        rows.append((_told(gate.gate), _text(gate.grade), _outcome(gate.result), seconds, _told(gate.text)))
        if gate.evidence:
            evidence.append(_evidence(gate))
    if not rows:
        return ""
    grades = (
        "Grade C: the judged code cannot influence the result. Grade B: results of given suites, which the code could "
        "forge. Grade A: statements of the author, which are only advice."
    )
    return (
        f'<h2>Gates</h2>\n<p class="quiet">{grades}</p>\n'
        + _table(("gate", "grade", "result", "seconds", "what it found"), rows)
        + "<h2>Evidence</h2>\n"
        + "".join(evidence)
    )


def _evidence(gate: GateResult) -> str:
    content = msgspec.json.format(msgspec.json.encode(gate.evidence, order="sorted"), indent=2).decode()
    if len(content) > EVIDENCE_CHARS_MAX:
        content = f"{content[:EVIDENCE_CHARS_MAX]}\n… cut here: --json has all {len(content)} characters"
    return f"<details><summary>{_told(gate.gate)}</summary><pre>{_told(content)}</pre></details>\n"


def _findings(view: VerdictView) -> str:
    if not view.verdict.findings:
        return "<h2>Findings</h2>\n<p>None.</p>\n"
    return "<h2>Findings</h2>\n" + "".join(_finding(finding) for finding in view.verdict.findings)


def _finding(finding: Finding) -> str:
    strike = ' <span class="failed">integrity: a strike</span>' if finding.integrity else ""
    told = f'<p class="quiet">Shown to the author: {_told(finding.for_author)}</p>' if finding.for_author else ""
    return (
        f"<article><h3>{_text(finding.kind)} {_told(finding.place)}{strike}</h3>"
        f"<pre>{_told(finding.detail)}</pre>{told}</article>\n"
    )


def _again(view: VerdictView) -> str:
    return (
        f"<h2>Repeat this verdict</h2>\n<pre>{_told(view.again)}</pre>\n"
        '<p class="quiet">With the same requirement, tree and seed, each gate gives the same result.</p>\n'
    )


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return an HTML table. The cells are already HTML."""
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _outcome(result: str) -> str:
    return f'<span class="{_text(result)}">{_text(_OUTCOMES.get(result, result))}</span>'


def _text(value: Any) -> str:
    return escape(visible(str(value)), quote=True)


def _told(value: Any) -> str:
    """Return escaped text from outside Aura. It cannot change the direction of the text around it."""
    return f"<bdi>{_text(value)}</bdi>"
