"""The base's own suite as a regression gate: what the base could do before the author came, it can do still."""

import msgspec

from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.suites import DETAIL_CHARS_MAX, shortened
from verification.suites.base_suite import has_tests, run_base_suite
from verification.verdict.model import Finding

LOST_SHOWN_MAX = 10


class BaseSuite(VerdictGate):
    """Tests, helpers and configuration are the base's: what the author wrote there does not count."""

    name = "base_suite"
    grade = "B"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        if not subject.base:
            return nothing_to_do("there was nothing before")
        if not has_tests(subject.base):
            return nothing_to_do("the base has no tests")
        kept = await run_base_suite(subject.base, subject.project, subject.sandbox)
        evidence = msgspec.to_builtins(kept)
        evidence |= {"lost": shortened(kept.lost), "ignored": shortened(kept.ignored)}
        if kept.problem:
            return GateReport(result="noted", text=f"the base's tests say nothing: {kept.problem}", evidence=evidence)
        findings: list[Finding] = []
        if kept.lost:
            lines = [f"{test}: {why}" for test, why in kept.lost[:LOST_SHOWN_MAX]]
            more = len(kept.lost) - len(lines)
            text = "; ".join([*lines, *([f"and {more} more"] if more else [])])[:DETAIL_CHARS_MAX]
            shown = f"tests of the base passed before your change and do not now: {text}"
            findings.append(Finding(kind="regression", detail=text, for_author=shown))
        ignored = f", {len(kept.ignored)} ignored that did not" if kept.ignored else ""
        return verdict_on(findings, text=f"{kept.passed_before} tests passed on the base{ignored}", evidence=evidence)
