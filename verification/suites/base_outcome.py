"""Outcomes of the base's own tests on the base, and the differences on a tree that builds on it."""

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from verification.execution.case_runner import CaseProblem
from verification.suites.pytest_runner import SuiteSeen

PASSED, SKIPPED, EXPECTED, FAILED = "passed", "skipped", "expected failure", "failed"


class BaseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcomes of the base's own tests on the base. The ids of tests are the ids of pytest."""

    outcomes: Mapping[str, str]  # id -> PASSED, SKIPPED, EXPECTED or FAILED
    files: tuple[str, ...]  # the test files of the base
    not_collected: Mapping[str, str] = {}  # file -> reason
    seconds: Mapping[str, float] = {}  # by test file
    took_s: float = 0.0  # duration of the whole run, with imports and collection; 0: not measured
    dropped: tuple[str, ...] = ()  # options, warning filters and plugins that the run in the sandbox did not use
    warnings_stay: bool = False  # true: warnings were no errors in this run, because as errors they stopped all tests
    problem: str = ""  # the reason why there is no outcome

    @property
    def passed(self) -> frozenset[str]:
        return frozenset(test for test, outcome in self.outcomes.items() if outcome == PASSED)

    @property
    def ran(self) -> tuple[str, ...]:
        """The test files with at least one test that passed, or failed as expected."""
        ended = {file_of(test) for test, outcome in self.outcomes.items() if outcome in (PASSED, EXPECTED)}
        return tuple(file for file in self.files if file in ended)

    @property
    def not_run(self) -> dict[str, str]:
        """Each test file that is not in `ran`, with the reason why it did not run."""
        ran, failed = set(self.ran), {file_of(test) for test, how in self.outcomes.items() if how == FAILED}
        reasons = {
            file: "none of its tests passed" if file in failed else "all its tests are skipped" for file in failed
        }
        reasons |= {file: "all its tests are skipped" for file in map(file_of, self.outcomes) if file not in failed}
        return {
            file: self.not_collected.get(file) or reasons.get(file) or self.problem or "no test was collected from it"
            for file in self.files
            if file not in ran
        }


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The base's tests on the tree, compared with their outcomes on the base."""

    lost: tuple[tuple[str, str], ...] = ()  # ids of tests, each with the reason
    flaky: tuple[str, ...] = ()  # tests that were lost in one run, but that also fail in some repeats on the base
    renamed: tuple[str, ...] = ()  # parametrised tests with new ids, which come from the project's own values
    by_file: Mapping[str, tuple[int, int, int]] = {}  # file -> passed on the base, passed on the tree, lost
    outcomes: Mapping[str, str] = {}  # the outcomes on the tree
    reasons: Mapping[str, str] = {}  # for tests that did not pass on the tree, and for files that were not collected


def file_of(test: str) -> str:
    """Return the path of the file in a test's id."""
    return test.partition("::")[0]


def outcomes_of(seen: SuiteSeen) -> dict[str, str]:
    """Return the outcome of each collected test: PASSED, SKIPPED, EXPECTED or FAILED."""
    expected = seen.expected_failures()
    names = {"passed": PASSED, "skipped": SKIPPED}
    return {
        test: EXPECTED if test in expected and how != "failed" else names.get(how, FAILED)
        for test, how in seen.outcomes().items()
    }


def lost_tests(before: Mapping[str, str], seen: SuiteSeen | CaseProblem) -> tuple[list[tuple[str, str]], set[str]]:
    """Return the lost tests, each with its reason, and the tests whose ids changed.

    A test that passed on the base must pass. A test that was skipped or expected to fail must not fail. The ids of a
    parametrised test may change, because they may come from the project's values. Then at least as many new ids must
    exist, and all of them must pass.
    """
    if isinstance(seen, CaseProblem):
        return [("the base's tests", seen.text)], set()
    after, messages, broken = outcomes_of(seen), seen.messages(), dict(seen.errors)
    renamed = _renamed(before, after)
    lost: list[tuple[str, str]] = []
    for test, outcome in before.items():
        now = after.get(test)
        if test in renamed or outcome == FAILED or now == PASSED:
            continue
        if outcome == PASSED:
            lost.append((test, _reason(test, now, messages, broken)))
        elif now == FAILED:
            lost.append(
                (
                    test,
                    f"was {'skipped' if outcome == SKIPPED else 'expected to fail'} on the base and now fails: "
                    f"{messages[test]}",
                )
            )
    return lost, renamed


def _reason(test: str, now: str | None, messages: Mapping[str, str], broken: Mapping[str, str]) -> str:
    if now is None:
        return broken.get(file_of(test), "does not exist any more")
    return {SKIPPED: "is skipped", EXPECTED: "is expected to fail"}.get(now) or messages[test]


def _renamed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Return the missing ids of each parametrised test that has at least as many new ids, if all new ids pass."""
    gone: dict[str, list[str]] = defaultdict(list)
    for test in before:
        if test not in after and "[" in test:
            gone[test.partition("[")[0]].append(test)
    new = Counter(test.partition("[")[0] for test in after if test not in before)
    bad = {test.partition("[")[0] for test, how in after.items() if test not in before and how != PASSED}
    return {t for name, tests in gone.items() if new[name] >= len(tests) and name not in bad for t in tests}


def by_file(
    before: Mapping[str, str], seen: SuiteSeen | CaseProblem, lost: list[tuple[str, str]]
) -> dict[str, tuple[int, int, int]]:
    after = {} if isinstance(seen, CaseProblem) else outcomes_of(seen)
    passed = Counter(file_of(test) for test, how in before.items() if how == PASSED)
    still = Counter(file_of(test) for test, how in after.items() if how == PASSED)
    gone = Counter(file_of(test) for test, _ in lost)
    return {file: (passed[file], still[file], gone[file]) for file in sorted({*passed, *still, *gone})}
