"""Finds the common cause of several findings, if code or tests could not start.

A finding's text may quote the code under test, so the code can fake a cause. The effect is small: a report shows some
findings together. A strike is never shown together with other findings, and the tables show every finding.
"""

import re
from typing import Literal, NamedTuple

from verification.verdict.model import Finding

CauseKind = Literal[
    "missing_module", "syntax", "import", "not_callable", "not_collected", "not_started", "service_down", "suite_down"
]

JOINED = frozenset(
    {
        "did_not_start",
        "does_not_parse",
        "no_answer",
        "timeout",
        "memory",
        "wrong_result",
        "sealed_failed",
        "property_failed",
        "suite_failed",
        "regression",
        "base_suite",
        "smoke_failed",
    }
)
"""Kinds of findings that can have a common cause with other findings."""
DETAIL_CHARS_MAX = 2000  # the judge cuts a finding's text after this length, so its last part may be incomplete

_NAME = r"No module named ['\"]?([\w.]+)"
_MISSING = re.compile(rf"(?:ModuleNotFoundError|ImportError): {_NAME}")
_MISSING_AT_RUN = re.compile(rf"(?:\braised |\n)ModuleNotFoundError: {_NAME}")
"""Matches an error that a call raised or a command wrote, but not a value that a call returned."""
_PHRASES: tuple[tuple[CauseKind, re.Pattern[str]], ...] = (
    ("syntax", re.compile(r"(?:SyntaxError|IndentationError|TabError): [^\n]*? \(([\w.-]+), line \d+\)")),
    ("import", re.compile(r"(ImportError: [^\n]*?)(?: \([^()\n]*\))?(?:\n|$)")),
    ("not_callable", re.compile(r"could not be called: ([^\n]+)")),
    ("not_collected", re.compile(r"could not be collected: ([^\n]+)")),
    ("not_started", re.compile(r"` did not start: ([^\n]+)")),
    ("service_down", re.compile(r"(the service could not be started: [^\n]+)")),
    ("service_down", re.compile(r"(the service ended with exit code \S+ before it was ready)")),
    ("service_down", re.compile(r"(the service was not ready within [^\n]+)")),
    ("suite_down", re.compile(r"(the tests (?:did not end|needed more|wrote more|made more)[^\n]*)")),
    ("suite_down", re.compile(r"(pytest ended without a complete answer[^\n]*|no test was collected(?! from))")),
    ("suite_down", re.compile(r"(the answer does not have the form that[^\n]*)")),
    ("suite_down", re.compile(r"(pytest left the box[^\n]*|the answer is none that[^\n]*)")),  # texts of release 0.1.0
)
_WEAK: frozenset[CauseKind] = frozenset({"service_down", "suite_down"})
"""Causes that are only consequences if a finding also names another cause."""
_RAN = re.compile(r"(?:sealed )?line \d+: wrong_result: ")
_CASES = re.compile(r"(?:sealed )?line \d+: ")
_BETWEEN_CASES = re.compile(r"; (?=(?:sealed )?line \d+: |it wrote: )")
_SUBMODULE = re.compile(r"; '[\w.]+' is not a package")
_FOLLOWS = re.compile(
    r"^and \d+ more$|is missing: it was not collected$|was not collected$|does not exist any more$|has vanished$"
    r"|did not run to its end$|^it wrote: "
)
"""Matches parts of a finding's text that name no cause of their own."""


class Cause(NamedTuple):
    """A fault that stopped code or tests. `subject`: a module, a file name, or the error's text."""

    kind: CauseKind
    subject: str


def cause_of(finding: Finding) -> Cause | None:
    """Return the only cause of a finding; None if there is no cause or more than one."""
    if finding.integrity or finding.kind not in JOINED:
        return None
    if finding.kind == "does_not_parse":
        return Cause("syntax", (finding.path or "").rpartition("/")[2])
    causes: set[Cause] = set()
    for part in parts_of(finding):
        cause = _cause_in(part, ran=finding.kind == "wrong_result" or bool(_RAN.match(part)))
        if cause is not None:
            causes.add(cause)
        elif not _FOLLOWS.search(part):
            return None
    causes = {cause for cause in causes if cause.kind not in _WEAK} or causes
    return causes.pop() if len(causes) == 1 else None


def parts_of(finding: Finding) -> list[str]:
    """Return the parts of a finding's text, one for each case or test. In a cut text, the last part is left out."""
    detail = _SUBMODULE.sub("", finding.detail)
    if finding.kind == "base_suite":
        detail = detail.rpartition("; ")[0]  # the last part is the remedy
    parts = (_BETWEEN_CASES.split(detail) if _CASES.match(detail) else detail.split("; ")) if detail else []
    if len(finding.detail) >= DETAIL_CHARS_MAX and len(parts) > 1:
        parts.pop()
    return parts


def _cause_in(part: str, *, ran: bool) -> Cause | None:
    if found := (_MISSING_AT_RUN if ran else _MISSING).search(part):
        return Cause("missing_module", found[1])
    for kind, pattern in () if ran else _PHRASES:
        if found := pattern.search(part):
            return Cause(kind, found[1].strip())
    return None
