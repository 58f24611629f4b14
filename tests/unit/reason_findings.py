"""Findings about code and tests that could not start, in the judge's own words."""

from verification.verdict.model import Finding, FindingKind

MISSING = "could not be called: ModuleNotFoundError: No module named 'slug'"
_COLLECTED = "could not be collected: ModuleNotFoundError: No module named 'slug'"
BROKEN = f"test_slug.py: {_COLLECTED}; test_slug.py::test_a: is missing: it was not collected; and 7 more"
LOST = "tests/test_slug.py::test_a: ModuleNotFoundError: No module named 'slug'; and 30 more"


def case(line: int, text: str, *, kind: FindingKind = "did_not_start", criterion: str = "A1") -> Finding:
    """Return the finding of a failed visible case."""
    return Finding(kind=kind, criterion=criterion, detail=f"line {line}: slug:slug('a') {text}", for_author="told")


def sealed(*texts: str, criterion: str = "A1") -> Finding:
    """Return findings of failed sealed cases, one for each text, from line 4 on."""
    detail = "; ".join(
        f"sealed line {line}: did_not_start: slug:slug('s') {text}" for line, text in enumerate(texts, 4)
    )
    return Finding(kind="sealed_failed", criterion=criterion, detail=detail, for_author="told")


def suite(detail: str, criterion: str = "A2", kind: FindingKind = "suite_failed") -> Finding:
    """Return a finding of a test suite."""
    return Finding(kind=kind, criterion=criterion, detail=detail, for_author="told")
