"""The base's own tests as a regression gate: a test that passed on the base must still pass on the tree."""

from collections.abc import Collection, Mapping
from itertools import islice

from domain.wording import counted
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.gates.base_problems import BaseProblem, changes_without_effect, finding_of, too_few
from verification.gates.suites import DETAIL_CHARS_MAX, TOLD_MAX, shortened
from verification.suites.base_outcome import BaseOutcome, Comparison
from verification.suites.base_suite import BaseSuite, test_files_of
from verification.suites.test_files import reached_by
from verification.verdict.model import Finding

LOST_SHOWN_MAX = 10
TASK_WHOLE_S = 60.0
"""If the base's tests took at most this many seconds on the base, the verdict about a task runs all of them."""


class BaseTests(VerdictGate):
    """This gate takes tests, helpers and test configuration from the base, so the author's changes have no effect."""

    name = "base_suite"
    grade = "B"
    needs_sound = True

    async def ask(self, subject: Subject) -> GateReport:
        policy, base = subject.requirement.base_suite, subject.origin.files
        if not base:
            return nothing_to_do("there is no base")
        suite = own_suite(subject)
        if not test_files_of(base, suite.options):
            return nothing_to_do("the base has no tests")
        if policy.run == "none":
            text = f"the base's tests did not run, as the requirement says: {policy.reason}"
            files = len(test_files_of(base, suite.options))
            evidence = {"reason": policy.reason, "files": files, "files_ran": 0}
            return GateReport(result="noted", text=text, evidence=evidence)
        before = await suite.on_base()
        if problems := base_problems(before, subject):
            faults = [finding_of(problem) for problem in problems]
            return verdict_on(faults, text=files_line(before), evidence=_evidence(before, Comparison()))
        only = () if subject.whole else await _of_task(subject, before)
        if only is None:
            return GateReport(result="passed", text="no test file of the base imports a changed module")
        after = await suite.compare(before, subject.tree, only)
        findings = [_regression(after)] if after.lost else []
        lines = (files_line(before), *_lines(before, after), *_unguarded(subject), policy.reason)
        text = ", ".join(line for line in lines if line)
        return verdict_on(findings, text=text, evidence=_evidence(before, after, only))


def own_suite(subject: Subject) -> BaseSuite:
    """Return the base's own tests, without the tests that `may_change` names."""
    return BaseSuite(
        subject.origin.files,
        subject.project,
        subject.sandbox,
        store=subject.outcomes,
        without=frozenset(change.test for change in subject.requirement.may_change),
    )


def base_problems(before: BaseOutcome, subject: Subject) -> list[BaseProblem]:
    """Return the requirement's wrong statements about the base's own tests."""
    requirement, base = subject.requirement, subject.origin.files
    few = too_few(before, base, requirement.scope, subject.project.environment.paths)
    refused = [few] if few is not None and requirement.base_suite.run == "whole" else []
    return refused + changes_without_effect(requirement, before)


def files_line(before: BaseOutcome) -> str:
    """Return a text with the number of test files that ran and the number of all test files."""
    return f"{len(before.ran)} of {len(before.files)} test files ran"


async def _of_task(subject: Subject, before: BaseOutcome) -> Collection[str] | None:
    """Return the test files for a task's verdict: () means all files, None means that no test reaches the change."""
    if sum(before.seconds.values()) <= TASK_WHOLE_S:
        return ()
    changed = set(subject.changed)
    reached = reached_by(before.ran, subject.origin.files, subject.project.environment.paths)
    return tuple(test for test, files in reached.items() if files & changed) or None


def _regression(after: Comparison) -> Finding:
    lines = [f"{test}: {why}" for test, why in after.lost[:LOST_SHOWN_MAX]]
    more = len(after.lost) - len(lines)
    text = "; ".join([*lines, *([f"and {more} more"] if more else [])])[:DETAIL_CHARS_MAX]
    shown = f"tests of the base passed before your change and do not pass now: {text}"
    return Finding(kind="regression", detail=text, for_author=shown)


def _lines(before: BaseOutcome, after: Comparison) -> list[str]:
    passed, failed = len(before.passed), sum(outcome == "failed" for outcome in before.outcomes.values())
    lines = [f"{counted(passed, 'test')} passed on the base"]
    lines += [f"{failed} failed on the base and are ignored"] if failed else []
    lines += [f"{len(after.lost)} do not pass any more"] if after.lost else []
    lines += [f"{len(after.flaky)} are flaky on the base"] if after.flaky else []
    lines += [f"{len(after.renamed)} have changed ids"] if after.renamed else []
    lines += [f"without {', '.join(before.dropped)}"] if before.dropped else []
    return lines


def _unguarded(subject: Subject) -> list[str]:
    """Return a line with the number of tests that may change, and a line with the tests that no other test replaces."""
    changes = subject.requirement.may_change
    lost = [change.test for change in changes if change.replaced_by is None]
    lines = [f"{counted(len(changes), 'test')} may change"] if changes else []
    return lines + ([f"no longer guarded by a test: {', '.join(lost[:LOST_SHOWN_MAX])}"] if lost else [])


def _evidence(before: BaseOutcome, after: Comparison, only: Collection[str] = ()) -> dict[str, object]:
    ignored = [test for test, outcome in before.outcomes.items() if outcome == "failed"]
    return {
        "passed_before": len(before.passed),
        "files": len(before.files),
        "files_ran": len(before.ran),
        "not_run": _first(before.not_run),
        "lost": shortened(after.lost),
        "flaky": shortened(after.flaky),
        "renamed": shortened(after.renamed),
        "ignored": shortened(ignored),
        "dropped": before.dropped,
        "warnings_stay": before.warnings_stay,
        "only": shortened(tuple(only)),
        "by_file": _first(after.by_file),
        **({"problem": before.problem} if before.problem else {}),
    }


def _first(items: Mapping[str, object]) -> dict[str, object]:
    """Return the first entries of a mapping. The entry `more` is the number of the entries that are not returned."""
    more = len(items) - TOLD_MAX
    return {**dict(islice(items.items(), TOLD_MAX)), **({"more": more} if more > 0 else {})}
