"""The base's own tests: a test that passes on the base must also pass on a tree that builds on the base."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from domain.tree import Tree, digest_of, manifest_of
from domain.tree_links import resolved
from verification.execution.case_runner import CaseProblem, Project
from verification.requirements.steering import PYPROJECT, steers
from verification.sandbox.base import Sandbox
from verification.suites.base_outcome import PASSED, BaseOutcome, Comparison, by_file, file_of, lost_tests, outcomes_of
from verification.suites.clean_tree import belongs_to_tests, clean
from verification.suites.outcome_store import OutcomeStore
from verification.suites.pytest_options import PytestOptions, pytest_options
from verification.suites.pytest_runner import SuiteRun, SuiteSeen, limits_for, run_suite, whole_wall_s
from verification.suites.test_files import defines_tests, taking_from

BASE_WALL_S = 900.0
ALONE_WALL_S = 120.0
ALONE_TIMES = 3
FILE_TIMES = 2
TREE_TIMES_LONGER = 5
TREE_WALL_MIN_S = 120.0
"""Time limit of a run on a tree: TREE_TIMES_LONGER times the duration on the base, but at least TREE_WALL_MIN_S.

If the run does not end in time, the duration on the base is measured again: other work may slow the machine down.
"""
REPEATED_MAX = 5
"""Maximum number of lost tests that are repeated alone. If more tests are lost, chance is not the cause."""
_STATUS = {
    4: "its conftest or configuration needs something that the sandbox does not have",
    5: "pytest collected no test",
}
"""Maps pytest's exit status to a reason. It is used if there is no better reason."""


def has_tests(base: Mapping[str, bytes]) -> bool:
    """Return whether the base has a file that pytest collects as a test file."""
    return bool(test_files_of(base, pytest_options(base)))


def test_files_of(base: Mapping[str, bytes], options: PytestOptions) -> tuple[str, ...]:
    """Return the test files of the base that a run collects and that define at least one test."""
    return tuple(path for path in options.test_files_of(base) if defines_tests(base[path]))


@dataclass(frozen=True)
class BaseSuite:
    """The base's own tests, which can run on the base and on any tree that builds on the base.

    `without`: ids of tests that the requirement allows to change. `store`: the store for outcomes on the base.
    """

    base: Mapping[str, bytes]
    project: Project
    sandbox: Sandbox
    store: OutcomeStore | None = None
    without: frozenset[str] = frozenset()
    wall_s: float = field(init=False)
    options: PytestOptions = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", pytest_options(self.base))
        object.__setattr__(self, "wall_s", whole_wall_s(self.project, BASE_WALL_S))

    def test_files_for(self, changed: Mapping[str, bytes]) -> tuple[str, ...]:
        """Return the test files among the changed files.

        If no test file changed, return the test files that import the changed files.
        """
        if files := test_files_of(changed, self.options):
            return files
        return taking_from(
            set(changed), test_files_of(self.base, self.options), self.base, self.project.environment.paths
        )

    async def on_base(self, only: Collection[str] = ()) -> BaseOutcome:
        """Return the outcomes of the tests on the base, from the store or from a new run. Raises Unavailable.

        `only`: the test files to run; if empty, all test files run.
        """
        if (kept := self.kept(only)) is not None:
            return kept
        outcome = await self._on_base_now(self.options, only)
        if "Warning" in outcome.problem:
            outcome = await self._on_base_now(self.options.without_error_filters(), only)
            outcome = msgspec.structs.replace(outcome, warnings_stay=True)
        if self.store is not None and (outcome.outcomes or not outcome.problem):
            self.store.put(self._key(only), outcome)
        return outcome

    def kept(self, only: Collection[str] = ()) -> BaseOutcome | None:
        """Return the stored outcome on the base, or None."""
        return self.store.get(self._key(only)) if self.store is not None else None

    async def compare(
        self, before: BaseOutcome, tree: Mapping[str, bytes], only: Collection[str] = (), *, repeat: bool = True
    ) -> Comparison:
        """Run the tests on a tree and compare the outcomes with the base. `only`: the test files to run; all if empty.

        `repeat`: whether to repeat lost tests on the base, to find flaky tests. Raises Unavailable.
        """
        options = self.options.without_error_filters() if before.warnings_stay else self.options
        seen = await self._on_tree(with_tests_of(self.base, tree, options), before, options, only)
        expected = {t: how for t, how in before.outcomes.items() if t not in self.without}
        if only:
            expected = {test: how for test, how in expected.items() if file_of(test) in set(only)}
        lost, renamed = lost_tests(expected, seen)
        flaky = await self._flaky([test for test, _ in lost if test in expected], options) if repeat else frozenset()
        lost = [(test, why) for test, why in lost if test not in flaky]
        return Comparison(
            lost=tuple(lost),
            flaky=tuple(sorted(flaky)),
            renamed=tuple(sorted(renamed)),
            by_file=by_file(expected, seen, lost),
            outcomes={} if isinstance(seen, CaseProblem) else outcomes_of(seen),
            reasons={"": seen.text} if isinstance(seen, CaseProblem) else seen.messages() | dict(seen.errors),
        )

    async def _on_base_now(self, options: PytestOptions, only: Collection[str]) -> BaseOutcome:
        """Run the tests on the base, and measure the whole duration, including imports and the collection."""
        started = time.monotonic()
        outcome = self._outcome(await self._run(self.base, options, only), options)
        return msgspec.structs.replace(outcome, took_s=round(time.monotonic() - started, 1))

    async def _on_tree(
        self, files: Tree, before: BaseOutcome, options: PytestOptions, only: Collection[str]
    ) -> SuiteSeen | CaseProblem:
        """Run the tests on a tree with a time limit that depends on the duration on the base."""
        wall_s = self._tree_wall_s(max(before.took_s, sum(before.seconds.values())))
        seen = await self._run(files, options, only, wall_s)
        if not isinstance(seen, CaseProblem) or seen.kind != "timeout":
            return seen
        now_s = self._tree_wall_s((await self._on_base_now(options, only)).took_s)
        return await self._run(files, options, only, now_s) if now_s > wall_s else seen

    def _tree_wall_s(self, took_s: float) -> float:
        return min(self.wall_s, max(TREE_WALL_MIN_S, TREE_TIMES_LONGER * took_s)) if took_s else self.wall_s

    async def _run(
        self, files: Mapping[str, bytes], options: PytestOptions, only: Collection[str] = (), wall_s: float = 0.0
    ) -> SuiteSeen | CaseProblem:
        """Run the test files or single tests in `only`. If `only` is empty, run all tests."""
        run = SuiteRun(
            project=self.project.with_files(files),
            arguments=(*options.arguments, "--continue-on-collection-errors", *sorted(only)),
            filters=options.filters,
            plugins=self.project.environment.plugins,
            limits=limits_for(self.project, wall_s or self.wall_s),
        )
        return await run_suite(run, self.sandbox)

    def _outcome(self, seen: SuiteSeen | CaseProblem, options: PytestOptions) -> BaseOutcome:
        files = test_files_of(self.base, options)
        if isinstance(seen, CaseProblem):
            return BaseOutcome(outcomes={}, files=files, problem=seen.text, dropped=options.dropped)
        outcomes, problem = outcomes_of(seen), ""
        if PASSED not in outcomes.values():
            reason = seen.errors[0][1] if seen.errors else f"{_STATUS.get(seen.status, '')}: {_last_line(seen.said)}"
            problem = f"no test passes on the base: {reason}".rstrip(": ")
        deselected = set(seen.left_out) - {file_of(test) for test in seen.collected}
        return BaseOutcome(
            outcomes=outcomes,
            files=tuple(file for file in files if file not in deselected),
            not_collected={file_of(place): reason for place, reason in (*seen.skipped, *seen.errors)},
            seconds=seen.seconds,
            dropped=(*options.dropped, *seen.dropped),
            problem=problem,
        )

    async def _flaky(self, lost: list[str], options: PytestOptions) -> frozenset[str]:
        """Return the lost tests that also fail in some repeats on the base."""
        if len(lost) > REPEATED_MAX:
            return frozenset()
        return frozenset([test for test in lost if await self._comes_and_goes(test, options)])

    async def _comes_and_goes(self, test: str, options: PytestOptions) -> bool:
        """Return whether a test that passed on the base fails there in some repeats.

        The test is repeated alone. If it always fails alone, it needs earlier tests, so its whole file is repeated.
        """
        passes = [await self._passes(test, [test], options) for _ in range(ALONE_TIMES)]
        if not any(passes):
            passes = [await self._passes(test, [file_of(test)], options) for _ in range(FILE_TIMES)]
        return not all(passes)

    async def _passes(self, test: str, only: Collection[str], options: PytestOptions) -> bool:
        seen = await self._run(self.base, options, only, ALONE_WALL_S)
        return not isinstance(seen, CaseProblem) and outcomes_of(seen).get(test) == PASSED

    def _key(self, only: Collection[str]) -> str:
        """Return the hex sha256 of the data that determine the outcome. The store adds the tools and the image."""
        environment = self.project.environment
        parts = {
            "base": manifest_of(self.base),
            "generated": manifest_of(environment.generated),
            "metadata": manifest_of(environment.metadata),
            "paths": environment.paths,
            "plugins": environment.plugins,
            "libraries": str(self.project.libraries),
            "command": self.project.command,
            "options": self.options,
            "limits": limits_for(self.project, self.wall_s),
            "only": sorted(only),
        }
        return digest_of(msgspec.json.encode(parts, order="sorted"))


def _last_line(text: str) -> str:
    lines = [line.removeprefix("E ").strip() for line in text.splitlines() if line.strip()]
    return " ".join(lines[-1:])


def with_tests_of(base: Mapping[str, bytes], tree: Mapping[str, bytes], options: PytestOptions | None = None) -> Tree:
    """Return the tree with its tests, test helpers and test configuration replaced by those of the base.

    The result has no entry of the tree that would block one of these paths, such as a file at the path of a folder.
    """
    options = options or pytest_options(base)

    def of_tests(path: str) -> bool:
        return belongs_to_tests(path) or options.is_test_file(path)

    tests = _tests_of(Tree.of(base), of_tests)
    paths = frozenset(tests.paths())
    folders = {folder for path in paths for folder in _above(path)}
    code = clean(tree).kept(lambda path: not of_tests(path))
    return code.kept(lambda path: path not in folders and not paths & _above(path)).with_tree(tests)


def _tests_of(base: Tree, of_tests: Callable[[str], bool]) -> Tree:
    """Return the base's tests, their helpers and their configuration.

    A link to a path outside the tests becomes a copy of its target in the base. So an author cannot change the content
    that the tests read through the link.
    """
    tests = base.kept(lambda path: of_tests(path) or steers(path))
    replaced, copied = set[str](), dict[str, bytes]()
    for path in tests.links:
        behind = _behind(path, base)
        if not behind.keys() <= tests.keys():
            replaced.add(path)
            copied |= {inside: base[other] for other, inside in behind.items()}
    if (pyproject := base.followed(PYPROJECT)) is not None and pyproject.find(b"pytest") >= 0:
        copied[PYPROJECT] = pyproject
    return tests.kept(lambda path: path not in replaced).with_files(copied)


def _behind(link: str, base: Tree) -> dict[str, str]:
    """Map each file that a link reaches to its path through the link. A link to a folder reaches all files in it."""
    reached = resolved(link, base.links)
    if not reached:
        return {}
    if reached in base:
        return {reached: link}
    return {path: f"{link}{path[len(reached) :]}" for path in base if path.startswith(f"{reached}/")}


def _above(path: str) -> set[str]:
    parts = path.split("/")
    return {"/".join(parts[:end]) for end in range(1, len(parts))}
