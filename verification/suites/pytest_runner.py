"""One run of pytest in a new sandbox. The result comes from our own reporter, not from the exit status or output."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from domain.tree import Tree
from verification.execution.case_runner import ALONE, METADATA, PROJECT, CaseProblem, Project, launcher_of
from verification.execution.retry import boxed
from verification.in_box.pytest_worker import MESSAGE_CHARS_MAX
from verification.packages.libraries import modules_in
from verification.packages.toolbox import TOOLS, toolbox
from verification.sandbox.base import MIB, PYTHON, Limits, RunResult, RunSpec, Sandbox

SUITE_WALL_S = 120.0
SUITE_LIMITS = Limits(
    wall_s=SUITE_WALL_S,
    memory_bytes=1024 * MIB,
    processes=128,
    output_bytes=32 * MIB,
    file_bytes=128 * MIB,
    work_bytes=512 * MIB,
    files=40_000,
    open_files=1024,
)
PYTEST = ("pytest",)
PYTEST_ITSELF = frozenset({"pytest", "_pytest", "py"})
SAID_CHARS_MAX = 400
WORKER = "/aura/suiteworker.py"
ALWAYS = ("-p", "no:cacheprovider", "--tb=short", "--color=no")
_SOURCE = Path(__file__).parents[1] / "in_box" / "pytest_worker.py"

Line = Annotated[str, msgspec.Meta(max_length=MESSAGE_CHARS_MAX)]
Outcome = Literal["passed", "failed", "skipped", "not_run"]


class Phase(msgspec.Struct, frozen=True, array_like=True):
    """Outcome of one phase of a test: setup, call or teardown. `expected`: the test is marked as expected to fail."""

    test: Line
    when: Line
    outcome: Line
    expected: bool
    message: Line


class SuiteSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The report of a pytest run. Untrusted code may have forged it, because both run in the same process."""

    collected: list[Line]
    phases: list[Phase]
    errors: list[tuple[Line, Line]]  # places that could not be collected, each with the reason
    skipped: list[tuple[Line, Line]]  # files that skip themselves during collection, each with the reason
    deselected: int
    status: int  # pytest's own exit status; people see it, but the judge does not use it
    passed: list[int] = []  # indexes in `collected` of tests with three passed phases; `phases` omits these tests
    seconds: dict[Line, float] = {}  # the duration of each test file
    left_out: list[Line] = []  # files with tests that the options deselect
    said: str = ""  # the end of standard error, for people; the sandbox does not send this field
    dropped: list[Line] = []  # warning filters and plugins that cannot work in the sandbox

    def outcomes(self) -> dict[str, Outcome]:
        """Return the outcome of each test. A test passed if its three phases passed and it is not marked to fail."""
        phases: dict[str, list[Phase]] = {test: [] for test in self.collected}
        for phase in self.phases:
            phases.setdefault(phase.test, []).append(phase)
        clear = {self.collected[place] for place in self.passed if 0 <= place < len(self.collected)}
        return {test: "passed" if test in clear and not mine else _outcome(mine) for test, mine in phases.items()}

    def expected_failures(self) -> set[str]:
        """Return the tests that are marked to fail. They may have failed (xfail) or passed (xpass)."""
        return {phase.test for phase in self.phases if phase.expected}

    def messages(self) -> dict[str, str]:
        """Return a message for each test: from its first phase that did not pass, otherwise that it did not end."""
        told = dict.fromkeys([*self.collected, *(phase.test for phase in self.phases)], "did not run to its end")
        return told | {phase.test: phase.message for phase in reversed(self.phases) if phase.outcome != "passed"}


class SuiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a suite.

    `beside`: absolute path -> content of additional read-only files. `stubs`: names of modules that do nothing; with
    `stubs`, the sandbox contains no file of the project. `backwards`: run the tests in reverse order. `filters`:
    warning filters in pytest's form; a filter with an unknown class is dropped. `plugins`: modules of pinned libraries.
    """

    project: Project
    arguments: tuple[str, ...]
    beside: Mapping[str, bytes] = {}
    stubs: tuple[str, ...] | None = None
    backwards: bool = False
    filters: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    limits: Limits = SUITE_LIMITS


_seen = msgspec.json.Decoder(SuiteSeen)


async def run_suite(run: SuiteRun, sandbox: Sandbox) -> SuiteSeen | CaseProblem:
    """Run pytest once. Raises Unavailable if no sandbox can be made or pytest is not installed on this machine."""
    nonce = secrets.token_hex(16)
    spec = _spec(run, nonce, await asyncio.to_thread(toolbox, PYTEST))
    result = await boxed(spec, sandbox)
    return _read(result, run, nonce)


def _spec(run: SuiteRun, nonce: str, tools: Path) -> RunSpec:
    project = run.project
    order = {
        "nonce": nonce,
        "project": PROJECT,
        "tools": TOOLS,
        "arguments": [*ALWAYS, *run.arguments],
        "stubs": None if run.stubs is None else list(run.stubs),
        "backwards": run.backwards,
        "filters": list(run.filters),
        "plugins": list(run.plugins),
        "paths": list(project.environment.paths),
        "metadata": METADATA if project.environment.metadata else "",
        "own": sorted(project.environment.modules & (modules_in(tools) - PYTEST_ITSELF)),
    }
    files = Tree({}) if run.stubs is not None else Tree.of(project.files)
    return RunSpec(
        argv=(PYTHON, *ALONE, WORKER),
        files=files.below("project"),
        read_only={WORKER: _SOURCE.read_bytes(), **launcher_of(project.command), **project.read_only, **run.beside},
        folders={TOOLS: tools, **project.folders},
        env={
            **project.env,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdin=json.dumps(order).encode(),
        limits=run.limits,
    )


def limits_for(project: Project, wall_s: float) -> Limits:
    """Return the limits of a suite's run, with this wall time in seconds. The requirement's limits have priority."""
    own = project.suite_limits
    return msgspec.structs.replace(
        SUITE_LIMITS,
        wall_s=wall_s,
        memory_bytes=own.memory_mb * MIB if own.memory_mb else SUITE_LIMITS.memory_bytes,
        processes=own.processes or SUITE_LIMITS.processes,
        files=own.files or SUITE_LIMITS.files,
    )


def whole_wall_s(project: Project, default_s: float) -> float:
    """Return the time limit of a whole suite in seconds: the requirement's limit, or the default if it has none."""
    return project.suite_limits.minutes * 60 if project.suite_limits.minutes else default_s


def with_wall(limits: Limits, wall_s: float) -> Limits:
    """Return the limits with another wall time, in seconds."""
    return msgspec.structs.replace(limits, wall_s=wall_s)


def _read(result: RunResult, run: SuiteRun, nonce: str) -> SuiteSeen | CaseProblem:
    ended: dict[str, CaseProblem] = {
        "timeout": CaseProblem("timeout", f"the tests did not end within {run.limits.wall_s:g} s"),
        "memory": CaseProblem("memory", f"the tests needed more than {run.limits.memory_bytes // MIB} MB of memory"),
        "output_limit": CaseProblem("output_limit", "the tests wrote more output than allowed"),
        "file_limit": CaseProblem("leftover_files", "the tests made more files than allowed"),
    }
    if result.reason in ended:
        return ended[result.reason]
    told, start = result.stdout, f"{nonce} ".encode()
    if not told.startswith(start) or told.count(b"\n") != 1 or not told.endswith(b"\n") or result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()[-300:]
        return CaseProblem("no_answer", f"pytest ended without a complete answer{f': {said}' if said else ''}")
    try:
        seen = _seen.decode(told[len(start) :])
        return msgspec.structs.replace(seen, said=result.stderr.decode(errors="replace").strip()[-SAID_CHARS_MAX:])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return CaseProblem("no_answer", "the answer does not have the form that the judge's worker writes")


def _outcome(phases: list[Phase]) -> Outcome:
    if any(phase.outcome == "failed" for phase in phases):
        return "failed"
    if any(phase.outcome == "skipped" or phase.expected for phase in phases):
        return "skipped"
    whole = {phase.when for phase in phases} == {"setup", "call", "teardown"}
    return "passed" if whole and all(phase.outcome == "passed" for phase in phases) else "not_run"
