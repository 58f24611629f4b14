"""Trial of one commit in a backtest. The commit becomes a requirement, and its fix, parent and mutants are judged."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from domain.errors import AuraError, Unavailable
from domain.tree import Tree
from verification.backtest.answer_lines import without_answer
from verification.backtest.commits import Change, FixCommit, applied, change_between
from verification.backtest.model import CommitResult, Detected, Patch
from verification.backtest.mutants import TreeMutant, tree_mutants
from verification.backtest.requirement_files import requirement_of
from verification.execution.case_runner import Project
from verification.gates.base import Origin
from verification.gates.base_problems import SHARE_MIN
from verification.gates.on_base import seed_of
from verification.judge import Candidate, judge
from verification.packages.project_environment import environment_of
from verification.requirements.model import BaseTestChange, MayChange, Requirement
from verification.sandbox.base import Sandbox
from verification.suites.base_outcome import PASSED, BaseOutcome, file_of
from verification.suites.base_suite import BaseSuite, test_files_of
from verification.suites.outcome_store import OutcomeStore
from verification.suites.pytest_options import pytest_options

MUTANTS = 3
CANDIDATES_MAX = 10
"""Maximum number of mutants to try until three are found. One of the three should fail only tests outside the fix."""
FINDINGS_MAX = 5
DETAIL_CHARS_MAX = 400


class Excluded(Exception):
    """Error raised for a commit that cannot be judged on this machine. Its message is the reason."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Settings that all commits of one backtest share."""

    sandbox: Sandbox
    store: OutcomeStore
    outcomes: Path
    allow_degraded: bool = False


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a commit. `fixed` is the parent with the fix's code, but without the fix's tests."""

    parent: Tree
    fixed: Tree
    tests: Tree  # the test files that the commit adds or changes
    change: Change
    origin: Origin
    libraries: Path | None
    notes: tuple[str, ...] = ()

    def suite(self, setting: Setting, *, laid: bool) -> BaseSuite:
        """Return the parent's tests. If `laid`, the commit's test files are added or replace the parent's files."""
        environment = environment_of(
            self.parent, self.libraries, described=self.origin.described, generated=self.origin.generated
        )
        project = Project(self.parent, None, libraries=self.libraries, environment=environment)
        base = self.parent.with_tree(self.tests) if laid else self.parent
        return BaseSuite(base, project, setting.sandbox, store=setting.store)


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """The results of a commit's test runs."""

    requirement: Requirement
    before: BaseOutcome
    own_files: tuple[str, ...]
    own: Mapping[str, str]  # outcomes of the fix's own tests on the fix


def parts_of(
    parent: Tree,
    fix: Tree,
    origin: Origin,
    libraries: Path | None,
    notes: tuple[str, ...],
) -> Parts:
    """Split a commit into its parts. Raises Excluded if it changes no code or adds no tests."""
    change = change_between(parent, fix, pytest_options(parent))
    if not any(path.endswith(".py") for path in change.code):
        raise Excluded("it changes no code")
    tests = fix.kept(lambda path: path in change.tests)
    if not any(path.endswith(".py") for path in tests):
        raise Excluded("it adds or changes no test file")
    return Parts(
        parent=parent,
        fixed=applied(parent, fix, change.code),
        tests=tests,
        change=change,
        origin=origin,
        libraries=libraries,
        notes=notes,
    )


async def try_commit(
    fix: FixCommit, parts: Parts, setting: Setting, on_learnt: Callable[[Requirement], None] = lambda _: None
) -> CommitResult:
    """Judge the parent, the fix and up to three mutants. Raises Unavailable if there is no sandbox.

    `on_learnt` is called with the requirement that was made from the commit.
    """
    started = time.monotonic()

    result = CommitResult(commit=fix.id, parent=fix.parent, subject=fix.subject, notes=parts.notes, seconds=0.0)

    def seconds() -> float:
        return round(time.monotonic() - started, 1)

    try:
        learnt = await learn(fix, parts, setting)
    except Excluded as reason:
        return replace(result, seconds=seconds(), excluded=str(reason))
    on_learnt(learnt.requirement)
    seed = int(fix.id[:8], 16)
    patches = [
        await _judged("parent", parts.parent, learnt, parts, setting),
        await _judged("fix", parts.fixed, learnt, parts, setting),
    ]
    chosen, tried, undetected = await _choose(learnt, parts, setting, seed)
    for mutant, detected in chosen:
        tree = parts.fixed.with_files({mutant.path: mutant.content})
        patches.append(await _judged("mutant", tree, learnt, parts, setting, mutant, detected))
    (changed,) = (criterion.over_base for criterion in learnt.requirement.criteria)
    return replace(
        result,
        seconds=seconds(),
        patches=tuple(patches),
        turned=len(changed.must_pass) if changed else 0,
        may_change=len(learnt.requirement.may_change),
        files=len(learnt.before.files),
        files_ran=len(learnt.before.ran),
        passed_before=len(learnt.before.passed),
        tried=tried,
        undetected=undetected,
    )


async def learn(fix: FixCommit, parts: Parts, setting: Setting) -> Learnt:
    """Run the tests of the parent and the fix, and make a requirement as a person would write it. Raises Excluded."""
    suite = parts.suite(setting, laid=False)
    if not test_files_of(parts.parent, suite.options):
        raise Excluded("the parent has no tests")
    before = await suite.on_base()
    if before.problem:
        raise Excluded(f"its tests do not run here: {before.problem}")
    if len(before.ran) < SHARE_MIN * len(before.files):
        raise Excluded(f"fewer than half of its test files run here: {len(before.ran)} of {len(before.files)}")
    laid = parts.suite(setting, laid=True)
    own_files = laid.test_files_for(parts.tests)
    if not own_files:
        raise Excluded("it changes only test helpers")
    own_before = await laid.on_base(own_files)
    own = (await laid.compare(own_before, parts.fixed, own_files)).outcomes
    turned = tuple(test for test, how in own.items() if how == PASSED and own_before.outcomes.get(test) != PASSED)
    if turned:  # remove tests whose ids change in each run, because an id contains a time or an address
        again = (await laid.compare(own_before, parts.fixed, sorted(set(map(file_of, turned))), repeat=False)).outcomes
        turned = tuple(test for test in turned if again.get(test) == PASSED)
    if not turned:
        raise Excluded("no test turns from failing to passing")
    may_change = await _replaced(before, turned, parts, suite, laid)
    told = replace(fix, message=without_answer(fix.message, parts.parent, parts.fixed))
    requirement = requirement_of(
        told, parts.change.code, BaseTestChange(files=dict(parts.tests), must_pass=turned), may_change
    )
    return Learnt(requirement=requirement, before=before, own_files=own_files, own=own)


async def judged_fix(learnt: Learnt, parts: Parts, setting: Setting) -> Patch:
    """Return the verdict on the fix itself. An employee cannot be asked for a change that no verdict accepts."""
    return await _judged("fix", parts.fixed, learnt, parts, setting)


async def _replaced(
    before: BaseOutcome, turned: tuple[str, ...], parts: Parts, suite: BaseSuite, laid: BaseSuite
) -> tuple[MayChange, ...]:
    """Return the parent's tests that fail on the fix because the commit itself changes them or their helpers."""
    lost = [test for test, _ in (await suite.compare(before, parts.fixed)).lost]
    rewritten = {file for file in map(file_of, lost) if file in parts.change.tests}
    others = sorted({file_of(test) for test in lost} - rewritten)
    helped = (await laid.compare(await laid.on_base(others), parts.fixed, others)).outcomes if others else {}
    changes = [test for test in lost if file_of(test) in rewritten or helped.get(test) == PASSED]
    return tuple(MayChange(test=test, replaced_by=test if test in turned else None) for test in changes)


async def _choose(
    learnt: Learnt, parts: Parts, setting: Setting, seed: int
) -> tuple[list[tuple[TreeMutant, Detected]], int, int]:
    """Return up to three wrong mutants, the number of mutants tried, and the number that no test detected.

    If possible, one of the three passes the fix's own tests and fails only other tests.
    """
    laid = parts.suite(setting, laid=True)
    expected = BaseOutcome(outcomes=learnt.own, files=learnt.own_files)
    turned = {
        test for criterion in learnt.requirement.criteria for _, each in criterion.changes for test in each.must_pass
    }
    whole: BaseOutcome | None = None
    sly: list[tuple[TreeMutant, Detected]] = []
    plain: list[tuple[TreeMutant, Detected]] = []
    tried = undetected = 0
    for mutant in tree_mutants(parts.parent, parts.fixed, parts.change.code, seed):
        if tried == CANDIDATES_MAX or (sly and len(sly) + len(plain) >= MUTANTS):
            break
        tried += 1
        tree = parts.fixed.with_files({mutant.path: mutant.content})
        lost = await _lost(laid, expected, tree, learnt.own_files)
        if lost is None or lost & turned:
            plain.append((mutant, "own tests"))
            continue
        if not lost:
            whole = whole or await _ordinary(laid, parts.fixed)
            lost = await _lost(laid, whole, tree)
        if lost is None or lost:
            sly.append((mutant, "other tests"))
        else:
            undetected += 1
    return (sly + plain)[:MUTANTS], tried, undetected


async def _lost(laid: BaseSuite, expected: BaseOutcome, tree: Tree, only: Collection[str] = ()) -> set[str] | None:
    """Return the tests that pass on the fix and fail twice on this tree. A single failure may be chance.

    Return None if the run of the tests does not end on this tree.
    """
    lost = {test for test, _ in (await laid.compare(expected, tree, only, repeat=False)).lost}
    if not lost:
        return lost
    if not lost <= expected.outcomes.keys():
        return None
    again = await laid.compare(expected, tree, sorted(set(map(file_of, lost))), repeat=False)
    return lost & {test for test, _ in again.lost}


async def _ordinary(laid: BaseSuite, fixed: Tree) -> BaseOutcome:
    """Run all tests, including the fix's own tests, on the fix and return the outcomes."""
    seen = await laid.compare(BaseOutcome(outcomes={}, files=()), fixed, repeat=False)
    return BaseOutcome(outcomes=seen.outcomes, files=tuple(sorted(set(map(file_of, seen.outcomes)))))


async def _judged(
    kind: str,
    tree: Tree,
    learnt: Learnt,
    parts: Parts,
    setting: Setting,
    mutant: TreeMutant | None = None,
    detected: Detected | None = None,
) -> Patch:
    started = time.monotonic()
    try:
        verdict = await judge(
            Candidate(
                requirement=learnt.requirement,
                tree=tree,
                base=parts.parent,
                origin=replace(parts.origin, files=parts.parent, outcomes=setting.outcomes),
                libraries=parts.libraries,
                advice=False,
                mutants_max=0,
            ),
            sandbox=setting.sandbox,
            seed=seed_of(learnt.requirement),
            allow_degraded=setting.allow_degraded,
        )
        accepted, findings = verdict.verified, [f"{each.kind}: {each.detail}" for each in verdict.findings]
    except Unavailable:
        raise
    except AuraError as error:
        accepted, findings = False, [f"{error.code}: {error.message}"]
    return Patch(
        kind=kind,  # type: ignore[arg-type]  # `kind` is one of the three words of Kind
        accepted=accepted,
        seconds=round(time.monotonic() - started, 1),
        findings=tuple(text[:DETAIL_CHARS_MAX] for text in findings[:FINDINGS_MAX]),
        detected=detected,
        path=mutant.path if mutant else "",
        line=mutant.line if mutant else 0,
        before=mutant.before if mutant else "",
        after=mutant.after if mutant else "",
    )
