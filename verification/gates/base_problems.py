"""Disagreements between a requirement and its base. Each disagreement becomes a problem with a remedy."""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import msgspec

from verification.requirements.model import Criterion, Requirement
from verification.suites.base_outcome import EXPECTED, FAILED, PASSED, SKIPPED, BaseOutcome
from verification.suites.test_files import importing
from verification.verdict.model import Finding, FindingKind

SHARE_MIN = 0.5
"""Minimum share of the base's test files that must run. It also applies to the test files that import code in scope."""
SHOWN_MAX = 10  # maximum number of tests that one problem names
FILES_SHOWN_MAX = 5
DETAIL_CHARS_MAX = 2000
_NOT_PASSED = {FAILED: "fails", SKIPPED: "is skipped", EXPECTED: "is expected to fail"}

Standing = Literal["fails", "holds", "not_asked"]
"""State of a criterion on the base. `not_asked` means that it was not tried, because earlier cases took too long."""
Words = tuple[tuple[str, str], ...]
"""Pairs of test id and reason."""


class OnBase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """State of one criterion on the base. All ids are ids of tests that the criterion changes or adds."""

    standing: Standing
    reasons: tuple[str, ...] = ()  # kinds of the findings that show the failure
    must_pass_already: tuple[str, ...] = ()  # ids in `must_pass` of tests that already pass
    keep_passing_fails: Words = ()
    unknown: Words = ()  # ids without a test


class BaseProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One statement of the requirement that is wrong about the base. `message` and `remedy` have no full stop."""

    kind: FindingKind
    message: str
    remedy: str
    criterion: str | None = None
    tests: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.message}. {self.remedy[:1].upper()}{self.remedy[1:]}."


def finding_of(problem: BaseProblem) -> Finding:
    """Return the problem as a finding.

    The finding is never a strike. Its text for the author contains no test ids, because a test can be sealed.
    """
    whose = f"criterion {problem.criterion} of the requirement" if problem.criterion else "the requirement"
    return Finding(
        kind=problem.kind,
        criterion=problem.criterion,
        detail=f"{problem.message}; {problem.remedy}"[:DETAIL_CHARS_MAX],
        for_author=f"{whose} does not agree with the base ({problem.kind}); your work is not the cause",
    )


def too_few(
    before: BaseOutcome, base: Mapping[str, bytes], scope: tuple[str, ...], folders: tuple[str, ...]
) -> BaseProblem | None:
    """Return a problem if so few of the base's tests run that they would miss many regressions, else None.

    `folders` are the folders on Python's path.
    """
    ran = set(before.ran)
    near = importing(before.files, base, scope, folders)
    near_words = "of the test files that import a module in scope"
    for share, what in ((before.files, "of the base's test files"), (near, near_words)):
        if share and len(ran & set(share)) < SHARE_MIN * len(share):
            reasons = "; ".join(f"{file}: {why}" for file, why in list(before.not_run.items())[:FILES_SHOWN_MAX])
            text = f"only {len(ran & set(share))} of {len(share)} {what} ran on the base: {reasons}"
            remedy = "write `dependencies: from-base`, or `base_suite: {run: partial, reason: ...}` in the requirement"
            return BaseProblem(kind="base_suite", message=text[:DETAIL_CHARS_MAX], remedy=remedy)
    return None


def changes_without_effect(requirement: Requirement, before: BaseOutcome) -> list[BaseProblem]:
    """Return a problem if `may_change` names tests that do not pass on the base. Such an entry has no effect."""
    outcomes = before.outcomes
    faulty = {
        change.test: _NOT_PASSED.get(outcomes.get(change.test, ""), "is not a test that runs")
        for change in requirement.may_change
        if outcomes.get(change.test) != PASSED
    }
    if not faulty:
        return []
    named = _named(f"{test} {how}" for test, how in faulty.items())
    return [
        BaseProblem(
            kind="fails_on_base",
            message=f"`may_change` names tests that do not pass on the base: {named}",
            remedy="name exact ids of tests that pass, as pytest writes them, or remove the entry",
            tests=tuple(faulty),
        )
    ]


def disagreements(
    requirement: Requirement, criteria: Iterable[Criterion], standings: Mapping[str, OnBase]
) -> list[BaseProblem]:
    """Return a problem for each criterion whose result on the base differs from the requirement's statement."""
    asked = list(criteria)
    problems = [problem for each in asked for problem in _of_criterion(requirement, each, standings[each.id])]
    if not requirement.refactor and all(standings[each.id].standing == "holds" for each in asked):
        problems.append(
            BaseProblem(
                kind="holds_on_base",
                message="no criterion fails on the base, so a verdict would prove nothing new",
                remedy="add a case that fails on the base, or write `refactor: true` for a pure refactoring",
            )
        )
    return problems


def _of_criterion(requirement: Requirement, criterion: Criterion, on_base: OnBase) -> Iterable[BaseProblem]:
    name = criterion.id
    if on_base.unknown:
        yield BaseProblem(
            kind="unknown_test",
            criterion=name,
            message=f"criterion {name} names tests that do not exist: {_with_reasons(on_base.unknown)}",
            remedy="name exact ids, as `pytest --collect-only -q` prints them",
            tests=tuple(test for test, _ in on_base.unknown),
        )
    if on_base.standing == "fails":
        yield from _fails_although(requirement, criterion, on_base)
    if on_base.standing == "holds" and not requirement.may_hold(criterion):
        yield BaseProblem(
            kind="holds_on_base",
            criterion=name,
            message=f"criterion {name} already holds on the base, so it proves nothing about the work",
            remedy="add a case that fails on the base, or write `holds_already: true` in the criterion",
        )
    elif on_base.must_pass_already and not requirement.may_hold(criterion):
        yield BaseProblem(
            kind="holds_on_base",
            criterion=name,
            message=f"`must_pass` of criterion {name} names tests that pass on the base: "
            f"{_named(on_base.must_pass_already)}",
            remedy="name them in `keep_passing` instead",
            tests=on_base.must_pass_already,
        )
    if on_base.keep_passing_fails:
        yield BaseProblem(
            kind="fails_on_base",
            criterion=name,
            message=f"`keep_passing` of criterion {name} names tests that do not pass on the base: "
            f"{_with_reasons(on_base.keep_passing_fails)}",
            remedy="name them in `must_pass` if the work must make them pass, or remove them from `keep_passing`",
            tests=tuple(test for test, _ in on_base.keep_passing_fails),
        )


def _fails_although(requirement: Requirement, criterion: Criterion, on_base: OnBase) -> Iterable[BaseProblem]:
    reasons = f" ({', '.join(on_base.reasons)})" if on_base.reasons else ""
    if criterion.holds_already:
        yield BaseProblem(
            kind="fails_on_base",
            criterion=criterion.id,
            message=f"criterion {criterion.id} says `holds_already: true`, but it fails on the base{reasons}",
            remedy="remove `holds_already`, or correct the criterion",
        )
    elif requirement.refactor:
        yield BaseProblem(
            kind="fails_on_base",
            criterion=criterion.id,
            message=f"the requirement says `refactor: true`, but criterion {criterion.id} fails on the base{reasons}",
            remedy="remove `refactor`, or correct the criterion",
        )


def _with_reasons(tests: Words) -> str:
    return _named(f"{test} {why}" for test, why in tests)


def _named(texts: Iterable[str] | Collection[str]) -> str:
    listed = list(texts)
    more = f", and {len(listed) - SHOWN_MAX} more" if len(listed) > SHOWN_MAX else ""
    return f"{', '.join(listed[:SHOWN_MAX])}{more}"
