"""Run of one given suite on one tree. A run on a stub finds the tests. All these tests must pass on the tree."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Literal

import msgspec

from domain.wording import counted
from verification.execution.case_runner import PROJECT, CaseProblem, Project
from verification.requirements.model import Suite
from verification.sandbox.base import Sandbox
from verification.suites.clean_tree import clean
from verification.suites.pytest_runner import (
    SUITE_LIMITS,
    SUITE_WALL_S,
    SuiteRun,
    SuiteSeen,
    limits_for,
    run_suite,
    whole_wall_s,
    with_wall,
)

VERIFY = "/verify"
"""Folder of the suite in the sandbox, outside the project."""
STUB_WALL_S = 30.0
STUBS_KEPT_MAX = 64
AGAIN_WALL_S = 20.0
AGAIN_TIMES_LONGER = 3
"""Time limit of a repeat: AGAIN_TIMES_LONGER times the duration of the passed run, but at least AGAIN_WALL_S."""
_INI = f"{VERIFY}/aura.ini"
_stubs: OrderedDict[object, SuiteSeen] = OrderedDict()

Failures = tuple[tuple[str, str], ...]
"""Pairs of test id and short reason."""
Standing = Literal["passed", "failed", "idle"]
"""State of a given suite. `idle`: the suite passes on a stub, so it proves nothing on a tree."""


class SuiteResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a given suite. If `passes_on_stub`, the suite proves nothing."""

    expected: tuple[str, ...]  # the tests that must pass
    passed: int
    failures: Failures
    passes_on_stub: bool
    green_on_stub: tuple[str, ...]  # single tests that pass on a stub
    left_out: tuple[
        str, ...
    ]  # tests and files that need not pass: even on a stub, they are skipped or expected to fail
    ids_from: str  # "stub", or "tree" if the suite cannot be collected without the project's own values
    took_s: float

    @property
    def standing(self) -> Standing:
        if self.failures:
            return "failed"
        return "idle" if self.passes_on_stub else "passed"


async def run_given(suite: Suite, project: Project, sandbox: Sandbox) -> SuiteResult:
    """Run the suite on a stub of the project and on a clean copy, in two sandboxes.

    Raises Unavailable without a sandbox.
    """
    try:
        async with asyncio.TaskGroup() as boxes:
            stub = boxes.create_task(_on_stub(suite, project, sandbox))
            tree = boxes.create_task(_timed(_run(suite, _cleaned(project, suite)), sandbox))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not groups
    on_stub, (seen, took_s) = stub.result(), tree.result()
    expected, left_out, ids_from = _expected(on_stub, seen)
    failures = [(suite.path, seen.text)] if isinstance(seen, CaseProblem) else _failures(expected, left_out, seen)
    green: tuple[str, ...] = ()
    if isinstance(on_stub, SuiteSeen):
        green = tuple(test for test, outcome in on_stub.outcomes().items() if outcome == "passed")
    stub_passes = isinstance(on_stub, SuiteSeen) and not on_stub.errors and set(expected) <= set(green)
    return SuiteResult(
        expected=tuple(expected),
        passed=0 if isinstance(seen, CaseProblem) else _passed(seen),
        failures=tuple(failures),
        passes_on_stub=stub_passes,
        green_on_stub=green,
        left_out=tuple(left_out),
        ids_from=ids_from,
        took_s=took_s,
    )


async def run_again(
    given: SuiteResult, suite: Suite, project: Project, sandbox: Sandbox, *, backwards: bool
) -> Failures:
    """Repeat a suite that has already passed, with the hash seed of `project`. Return the failures."""
    run = msgspec.structs.replace(
        _run(suite, _cleaned(project, suite)),
        backwards=backwards,
        limits=limits_for(project, max(AGAIN_WALL_S, AGAIN_TIMES_LONGER * given.took_s)),
    )
    seen = await run_suite(run, sandbox)
    if isinstance(seen, CaseProblem):
        return ((suite.path, seen.text),)
    return tuple(_failures(list(given.expected), list(given.left_out), seen))


def _cleaned(project: Project, suite: Suite) -> Project:
    return project.with_files(clean(project.files, without=suite.files))


async def _timed(run: SuiteRun, sandbox: Sandbox) -> tuple[SuiteSeen | CaseProblem, float]:
    started = time.monotonic()
    return await run_suite(run, sandbox), time.monotonic() - started


def _run(suite: Suite, project: Project) -> SuiteRun:
    ours = any(path.rpartition("/")[2] == "conftest.py" for path in suite.files)
    return SuiteRun(
        project=project,
        limits=limits_for(project, whole_wall_s(project, SUITE_WALL_S)),
        arguments=(
            f"{VERIFY}/{suite.path}",
            *("-c", _INI),
            f"--rootdir={VERIFY}",
            f"--confcutdir={VERIFY}",
            *(() if ours else ("--noconftest",)),
        ),
        beside={_INI: b"[pytest]\n", **{f"{VERIFY}/{path}": content for path, content in suite.files.items()}},
    )


async def _on_stub(suite: Suite, project: Project, sandbox: Sandbox) -> SuiteSeen | CaseProblem:
    """Run the suite with stub modules instead of the project's modules. If this run has no result, only collect tests.

    The result depends only on the suite, the names of the modules, and the libraries. So the result is kept.
    """
    modules = tuple(sorted({*modules_of(project.files), *project.named}))
    key = (suite.path, tuple(sorted(suite.files.items())), modules, project.libraries)
    if key not in _stubs:
        run = msgspec.structs.replace(_run(suite, project), stubs=modules, limits=with_wall(SUITE_LIMITS, STUB_WALL_S))
        seen = await run_suite(run, sandbox)
        if isinstance(seen, CaseProblem):
            run = msgspec.structs.replace(run, arguments=(*run.arguments, "--collect-only"))
            return await run_suite(run, sandbox)
        _stubs[key] = seen
        while len(_stubs) > STUBS_KEPT_MAX:
            _stubs.popitem(last=False)
    return _stubs[key]


def modules_of(tree: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the names that import the project's own top-level modules and packages."""
    inside = [path.removeprefix("src/") for path in tree if path.endswith(".py")]
    names = {path.partition("/")[0].removesuffix(".py") for path in inside}
    return tuple(sorted(name for name in names if name.isidentifier()))


def _expected(on_stub: SuiteSeen | CaseProblem, seen: SuiteSeen | CaseProblem) -> tuple[list[str], list[str], str]:
    """Return the tests that must pass, the tests that need not pass, and the run that both lists come from."""
    if isinstance(on_stub, CaseProblem) or on_stub.errors:
        return ([] if isinstance(seen, CaseProblem) else list(seen.collected)), [], "tree"
    outcomes = on_stub.outcomes()
    left_out = [test for test in on_stub.collected if outcomes[test] == "skipped"]
    files = [file for file, _ in on_stub.skipped]
    return [test for test in on_stub.collected if test not in left_out], [*left_out, *files], "stub"


def _passed(seen: SuiteSeen) -> int:
    return sum(outcome == "passed" for outcome in seen.outcomes().values())


def _failures(expected: list[str], left_out: list[str], seen: SuiteSeen) -> list[tuple[str, str]]:
    """Return each failure with its reason: tests that did not pass, missing tests, and unexpected tests.

    If ids of tests come from the project's values, only the number of ids counts.
    """
    outcomes, messages = seen.outcomes(), seen.messages()
    found = [(test or "the suite", f"could not be collected: {why}") for test, why in seen.errors]
    renamed = _count(expected) == _count([test for test in seen.collected if test not in left_out])
    asked = list(seen.collected) if renamed else [*expected, *left_out]
    asked = [test for test in asked if "::" in test and not (test in left_out and outcomes.get(test) == "skipped")]
    for test in asked:
        if test not in outcomes:
            found.append((test, "is missing: it was not collected"))
        elif outcomes[test] != "passed":
            said = "was skipped" if outcomes[test] == "skipped" else messages[test]
            found.append((test, said.replace(PROJECT, "")))
    if not renamed:
        found += [(test, "is not a test of the suite") for test in sorted(set(outcomes) - {*expected, *left_out})]
    if seen.deselected:
        found.append(("the suite", f"{counted(seen.deselected, 'test was', 'tests were')} deselected"))
    if not outcomes:
        found.append(("the suite", "no test was collected"))
    return found


def _count(tests: list[str]) -> Counter[str]:
    return Counter(test.partition("[")[0] for test in tests)
