"""Gate of given suites, which the author cannot see. They are evidence of grade B.

The code shares a process with the tests, so it could forge their results.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.requirements.model import Criterion
from verification.suites.given_suite import Standing, SuiteResult, run_given
from verification.verdict.model import Finding, GateOutcome

FAILURES_SHOWN_MAX = 10
DETAIL_CHARS_MAX = 2000
TOLD_MAX = 200  # maximum number of listed tests of one kind in the evidence
FORGEABLE = "evidence that code in the same process could forge"


class Suites(VerdictGate):
    """All expected tests must pass on a clean copy of the tree, and the same suite must fail on a stub."""

    name = "suites"
    grade = "B"

    async def ask(self, subject: Subject) -> GateReport:
        findings: list[Finding] = []
        evidence: dict[str, Any] = {}
        idle: set[str] = set()
        for criterion, before in _asked(subject):
            standings: set[Standing] = set()
            for sealed, suite in criterion.suites:
                given = await run_given(suite, subject.project, subject.sandbox)
                evidence[f"{criterion.id} {'sealed' if sealed else 'visible'}"] = _told(given, sealed)
                subject.suites[criterion.id, sealed] = given
                standings.add(given.standing)
                if given.standing == "failed":
                    findings.append(suite_finding(criterion.id, given, sealed=sealed, before=before))
            if "idle" in standings:
                idle.add(criterion.id)
                if standings == {"idle"} and not criterion.judged_outside and not before:
                    findings.append(_unproved(criterion.id))
        if not evidence:
            return nothing_to_do("no criterion has a given suite")
        return _report(findings, evidence, sorted(idle))


def _asked(subject: Subject) -> list[tuple[Criterion, bool]]:
    """Return the criteria of this verdict, each with False, and the criteria of earlier tasks, each with True."""
    return [(each, False) for each in subject.criteria] + [(each, True) for each in subject.earlier]


def _told(given: SuiteResult, sealed: bool) -> dict[str, Any]:
    """Return the evidence of one suite.

    Sealed tests are only counted, because evidence is delivered and a test's id may contain its arguments.
    """
    told: dict[str, Any] = msgspec.to_builtins(given) | {"expected": len(given.expected)}
    del told["took_s"]  # without the time, a repeated verdict has the same evidence
    for name in ("failures", "green_on_stub", "left_out"):
        told[name] = len(told[name]) if sealed else shortened(told[name])
    return told


def shortened(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return the first TOLD_MAX items. If there are more, add a text with the number of the missing items."""
    more = len(items) - TOLD_MAX
    return (*items[:TOLD_MAX], *([f"and {more} more"] if more > 0 else []))


def _unproved(criterion: str) -> Finding:
    """Return the finding about a suite that passes on a stub. The requirement is at fault, and no work can fix it."""
    text = f"criterion {criterion} has only a suite that passes on a stub, so nothing verifies this criterion"
    return Finding(kind="suite_failed", criterion=criterion, detail=text, for_author=text)


def suite_finding(criterion: str, given: SuiteResult, *, sealed: bool, before: bool = False) -> Finding:
    """Return the finding about a failed suite.

    `before` means that the criterion belongs to an earlier task and held until now.
    """
    lines = [f"{test}: {why}" for test, why in given.failures[:FAILURES_SHOWN_MAX]]
    more = len(given.failures) - len(lines)
    detail = "; ".join([*lines, *([f"and {more} more"] if more else [])])[:DETAIL_CHARS_MAX]
    if before:
        shown = f"criterion {criterion} of an earlier task held before your change and does not hold now"
        return Finding(kind="regression", criterion=criterion, detail=detail, for_author=shown)
    if sealed:
        shown = f"criterion {criterion} failed on tests you cannot see"
        return Finding(kind="sealed_failed", criterion=criterion, detail=detail, for_author=shown)
    return Finding(kind="suite_failed", criterion=criterion, detail=detail, for_author=detail)


def _number(told: Any) -> int:
    """Return the number of tests in `told`, which is a list or, for a sealed suite, the number itself."""
    return told if isinstance(told, int) else len(told)


def _report(findings: list[Finding], evidence: dict[str, Any], idle: list[str]) -> GateReport:
    text = f"{counted(sum(each['passed'] for each in evidence.values()), 'test')} passed ({FORGEABLE})"
    if left_out := sum(_number(each["left_out"]) for each in evidence.values()):
        text += f"; {left_out} not counted, because with any code they are skipped or expected to fail"
    if idle:
        text = f"the suite of {', '.join(idle)} passes on a stub, so it proves nothing"
    result: GateOutcome = "failed" if findings else "noted" if idle or left_out else "passed"
    return GateReport(result=result, findings=tuple(findings), text=text, evidence=evidence)
