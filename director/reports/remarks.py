"""Remarks of a verdict for the author of a tree, with file and line, for the formats of CI systems.

The author reads the CI log. So a remark has only text that the author may see, and nothing from a sealed case.
"""

from dataclasses import dataclass
from typing import Literal

from director.reports.places import Places, line_in
from director.reports.verdict_view import VerdictView
from director.terminal.escape import visible
from verification.verdict.model import Finding, GateResult

TEXT_CHARS_MAX = 4000  # maximum length of one remark
OPEN_TEXTS = frozenset(
    {"secrets", "stubs", "base_suite", "red_first", "shadowing", "lint", "types", "smoke", "mutation", "own_tests"}
)
"""Gates whose texts contain nothing from sealed cases."""


@dataclass(frozen=True)
class Remark:
    """One finding, or the note of one gate. `file` and `line`: its place, if it is known."""

    level: Literal["error", "note"]
    rule: str
    text: str
    criterion: str | None
    file: str
    line: int | None

    @property
    def title(self) -> str:
        """A short title."""
        return f"{self.rule} ({self.criterion})" if self.criterion else self.rule


def remarks_of(view: VerdictView, places: Places) -> tuple[Remark, ...]:
    """Return the findings, then the notes of gates."""
    found = [_of_finding(finding, places) for finding in view.verdict.findings]
    noted = [gate for gate in view.verdict.gates if gate.result == "noted"]
    return (*found, *(Remark("note", gate.gate, open_text(gate), None, places.requirement, None) for gate in noted))


def open_text(gate: GateResult) -> str:
    """Return the text of a gate if it contains nothing from sealed cases; else an empty text."""
    return _cut(gate.text) if gate.gate in OPEN_TEXTS else ""


def line_of(view: VerdictView) -> str:
    """Return the verdict in one line."""
    verdict = view.verdict
    return f"{view.headline}: tree {verdict.tree[:24]}, grade {verdict.grade}, {verdict.sandbox}, seed {verdict.seed}"


def _of_finding(finding: Finding, places: Places) -> Remark:
    text = _cut(finding.for_author or finding.kind)
    file = places.requirement if finding.path is None else places.of(finding.path)
    return Remark("error", finding.kind, text, finding.criterion, safe(file), line_in(finding.for_author, finding.path))


def safe(text: str) -> str:
    """Escape characters that hide or move text, and characters that XML does not allow."""
    return visible(text).replace("\ufffe", "<U+FFFE>").replace("\uffff", "<U+FFFF>")


def _cut(text: str) -> str:
    said = safe(text)
    return said if len(said) <= TEXT_CHARS_MAX else f"{said[: TEXT_CHARS_MAX - 1]}…"
