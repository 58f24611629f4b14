"""Gate of a criterion's tests that replace or extend the base's own tests."""

import time
from typing import Any

from domain.tree import Tree
from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.suites import FORGEABLE, shortened, suite_finding
from verification.requirements.model import BaseTestChange
from verification.suites.base_outcome import PASSED, BaseOutcome, Comparison, file_of
from verification.suites.base_suite import BaseSuite
from verification.suites.given_suite import SuiteResult
from verification.verdict.model import Finding

SHOWN_MAX = 10


class ChangedTests(VerdictGate):
    """The tests in `must_pass` fail on the base and must pass on the tree. All other tests must keep passing."""

    name = "changed_tests"
    grade = "B"

    async def ask(self, subject: Subject) -> GateReport:
        findings: list[Finding] = []
        evidence: dict[str, Any] = {}
        turned = 0
        for criterion in subject.criteria:
            for sealed, change in criterion.changes:
                holds_already = subject.requirement.may_hold(criterion)
                result = await run_change(change, subject, holds_already=holds_already)
                subject.suites[criterion.id, sealed] = result
                turned += result.passed
                evidence[f"{criterion.id} {'sealed' if sealed else 'visible'}"] = {
                    "turned": result.passed,
                    "failures": len(result.failures) if sealed else shortened(result.failures),
                }
                if result.failures:
                    findings.append(suite_finding(criterion.id, result, sealed=sealed))
        if not evidence:
            return nothing_to_do("no criterion changes tests of the base")
        text = f"{counted(turned, 'test')} failed on the base and now passed ({FORGEABLE})"
        return verdict_on(findings, text=text, evidence=evidence)


async def run_change(change: BaseTestChange, subject: Subject, *, holds_already: bool) -> SuiteResult:
    """Run the changed test files on the base and on the tree.

    In the result, `passed` is the number of tests that pass on the tree and did not pass on the base. Raises
    Unavailable if no sandbox can be made.
    """
    started = time.monotonic()
    suite = laid_over(change, subject)
    files = test_files_in(change, suite)
    before = await suite.on_base(files)
    after = await suite.compare(before, subject.tree, files)
    turned = [test for test, how in after.outcomes.items() if how == PASSED and before.outcomes.get(test) != PASSED]
    failures = tuple(_failures(change, before, after, holds_already=holds_already))
    return SuiteResult(
        expected=change.must_pass,
        passed=len(turned),
        failures=failures,
        passes_on_stub=not failures and not turned and not holds_already,
        green_on_stub=(),
        left_out=after.flaky,
        ids_from="base",
        took_s=time.monotonic() - started,
    )


def laid_over(change: BaseTestChange, subject: Subject) -> BaseSuite:
    """Return the base's own tests after the criterion's test files are added to them or replace them."""
    laid = Tree.of(subject.origin.files).with_files(change.files)
    return BaseSuite(laid, subject.project, subject.sandbox, store=subject.outcomes)


def test_files_in(change: BaseTestChange, suite: BaseSuite) -> tuple[str, ...]:
    """Return the test files of a change, and the files of the tests that the change names."""
    named = {file_of(test) for test in (*change.must_pass, *change.keep_passing)}
    return tuple(sorted(named | {path for path in change.files if suite.options.is_test_file(path)}))


def _failures(
    change: BaseTestChange, before: BaseOutcome, after: Comparison, *, holds_already: bool
) -> list[tuple[str, str]]:
    failures = [(test, why) for test, why in after.lost if test not in change.must_pass]
    for test in change.must_pass:
        if before.outcomes.get(test) == PASSED and not holds_already:
            failures.append((test, "already passes on the base, so it proves nothing"))
        elif after.outcomes.get(test) != PASSED:
            failures.append((test, after.reasons.get(test) or after.outcomes.get(test) or "was not collected"))
    failures += [
        (test, after.reasons.get(test) or "does not pass")
        for test in change.keep_passing
        if after.outcomes.get(test) != PASSED and test not in after.flaky
    ]
    if before.problem and not after.outcomes:
        failures.append(("the changed tests", before.problem))
    return list(dict(failures).items())
