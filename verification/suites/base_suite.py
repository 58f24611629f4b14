"""The base's own tests: those that pass on the base must pass on the tree that is built on it."""

from collections.abc import Mapping

import msgspec

from verification.execution.case_runner import CaseProblem, Project
from verification.requirements.suite_files import is_test_file
from verification.sandbox.base import Sandbox
from verification.suites.clean_tree import belongs_to_tests, clean, steers
from verification.suites.pytest_runner import SuiteRun, SuiteSeen, run_suite

_PYPROJECT = "pyproject.toml"
_ENDED = {4: "its conftest or configuration wants what the box has not", 5: "none was collected"}
"""What pytest's exit status says where nothing else does."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the base's tests. `lost` are ids with the reason; `ignored` did not pass on the base either."""

    passed_before: int
    lost: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    problem: str = ""  # why the base's tests say nothing


def has_tests(base: Mapping[str, bytes]) -> bool:
    return any(is_test_file(path) for path in base)


async def run_base_suite(base: Mapping[str, bytes], project: Project, sandbox: Sandbox) -> Kept:
    """Two boxes, one after the other: the base as it is, then the tree with the base's tests. Raises Unavailable."""
    before = await run_suite(SuiteRun(project=project.with_files(base), arguments=()), sandbox)
    if isinstance(before, CaseProblem):
        return Kept(passed_before=0, lost=(), ignored=(), problem=before.text)
    outcomes = before.outcomes()
    held = [test for test, outcome in outcomes.items() if outcome == "passed"]
    ignored = [*(test for test in outcomes if test not in held), *(place for place, _ in before.errors)]
    if not held:
        why = before.errors[0][1] if before.errors else _ENDED.get(before.status, "")
        return Kept(
            passed_before=0, lost=(), ignored=tuple(ignored), problem=f"no test passes there: {why}".rstrip(": ")
        )
    run = SuiteRun(project=project.with_files(with_tests_of(base, project.files)), arguments=())
    lost = _lost(held, await run_suite(run, sandbox))
    return Kept(passed_before=len(held), lost=tuple(lost), ignored=tuple(ignored))


def with_tests_of(base: Mapping[str, bytes], tree: Mapping[str, bytes]) -> dict[str, bytes]:
    """The tree with tests, their helpers and their configuration as they are in the base, and with no others.

    What of the tree stands where these need a folder, or lies below one of them, is left out.
    """
    code = {path: content for path, content in clean(tree).items() if not belongs_to_tests(path)}
    tests = {path: content for path, content in base.items() if belongs_to_tests(path) or steers(path)}
    if base.get(_PYPROJECT, b"").find(b"pytest") >= 0:
        tests[_PYPROJECT] = base[_PYPROJECT]
    folders = {folder for path in tests for folder in _above(path)}
    return {path: code[path] for path in code if path not in folders and not tests.keys() & _above(path)} | tests


def _above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}


def _lost(held: list[str], seen: SuiteSeen | CaseProblem) -> list[tuple[str, str]]:
    if isinstance(seen, CaseProblem):
        return [("the base's tests", seen.text)]
    outcomes, messages = seen.outcomes(), seen.messages()
    broken = dict(seen.errors)
    lost: list[tuple[str, str]] = []
    for test in held:
        outcome = outcomes.get(test)
        if outcome is None:
            lost.append((test, broken.get(test.partition("::")[0], "has vanished")))
        elif outcome != "passed":
            lost.append((test, "is skipped" if outcome == "skipped" else messages[test]))
    return lost
