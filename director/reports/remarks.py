"""Remarks of a verdict for the author of a tree, with file and line, for formats that CI systems read.

A CI log is read by the author. So a remark holds what an author may be told: never what a sealed case asks.
"""

from dataclasses import dataclass
from typing import Literal

from director.reports.places import Places, line_in
from director.reports.verdict_view import VerdictView
from director.terminal.escape import visible
from verification.verdict.model import Finding, GateResult

TEXT_CHARS_MAX = 4000  # of one remark
OPEN_TEXTS = frozenset(
    {"secrets", "stubs", "base_suite", "red_first", "shadowing", "lint", "types", "smoke", "mutation", "own_tests"}
)
"""Gates whose texts rest on nothing sealed."""


@dataclass(frozen=True)
class Remark:
    """One finding, or what one gate has noted. `file` and `line` say where, as far as it is known."""

    level: Literal["error", "note"]
    rule: str
    text: str
    criterion: str | None
    file: str
    line: int | None

    @property
    def title(self) -> str:
        """One line that tells it from others."""
        return f"{self.rule} ({self.criterion})" if self.criterion else self.rule


def remarks_of(view: VerdictView, places: Places) -> tuple[Remark, ...]:
    """The findings, and after them what gates have noted."""
    found = [_of_finding(finding, places) for finding in view.verdict.findings]
    noted = [gate for gate in view.verdict.gates if gate.result == "noted"]
    return (*found, *(Remark("note", gate.gate, open_text(gate), None, places.requirement, None) for gate in noted))


def open_text(gate: GateResult) -> str:
    """Return the text of a gate, if it rests on nothing sealed."""
    return _cut(gate.text) if gate.gate in OPEN_TEXTS else ""


def line_of(view: VerdictView) -> str:
    """The verdict in one line."""
    verdict = view.verdict
    return f"{view.headline}: tree {verdict.tree[:24]}, grade {verdict.grade}, {verdict.sandbox}, seed {verdict.seed}"


def _of_finding(finding: Finding, places: Places) -> Remark:
    text = _cut(finding.for_author or finding.kind)
    file = places.requirement if finding.path is None else places.of(finding.path)
    return Remark("error", finding.kind, text, finding.criterion, safe(file), line_in(finding.for_author, finding.path))


def safe(text: str) -> str:
    """Text that hides and moves nothing, and that XML can hold: other signs are shown as what they are."""
    return visible(text).replace("\ufffe", "<U+FFFE>").replace("\uffff", "<U+FFFF>")


def _cut(text: str) -> str:
    said = safe(text)
    return said if len(said) <= TEXT_CHARS_MAX else f"{said[: TEXT_CHARS_MAX - 1]}…"
