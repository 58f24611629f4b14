"""One run of pytest in a fresh box, told by our own reporter: neither the exit code nor the printed text counts."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from verification.execution.case_runner import ALONE, PROJECT, CaseProblem, Project, launcher_of
from verification.execution.retry import boxed
from verification.in_box.pytest_worker import MESSAGE_CHARS_MAX
from verification.packages.toolbox import TOOLS, toolbox
from verification.sandbox.base import MIB, PYTHON, Limits, RunResult, RunSpec, Sandbox

SUITE_WALL_S = 120.0
SUITE_MEMORY_BYTES = 1024 * MIB
SUITE_OUTPUT_BYTES = 8 * MIB
PYTEST = ("pytest",)
WORKER = "/aura/suiteworker.py"
ALWAYS = ("-p", "no:cacheprovider", "--tb=short", "--color=no")
_SOURCE = Path(__file__).parents[1] / "in_box" / "pytest_worker.py"

Line = Annotated[str, msgspec.Meta(max_length=MESSAGE_CHARS_MAX)]
Outcome = Literal["passed", "failed", "skipped", "not_run"]


class Phase(msgspec.Struct, frozen=True, array_like=True):
    """How setup, call or teardown of one test ended; `expected` says that it was marked to fail."""

    test: Line
    when: Line
    outcome: Line
    expected: bool
    message: Line


class SuiteSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What pytest reported. All of it comes from beside untrusted code."""

    collected: list[Line]
    phases: list[Phase]
    errors: list[tuple[Line, Line]]  # what could not be collected, and why
    skipped: list[tuple[Line, Line]]  # files that skip themselves while they are collected, and why
    deselected: int
    status: int  # pytest's own exit status, for people

    def outcomes(self) -> dict[str, Outcome]:
        """How each collected test ended. Passed: setup, call and teardown each passed, and it was to pass."""
        phases: dict[str, list[Phase]] = {test: [] for test in self.collected}
        for phase in self.phases:
            phases.setdefault(phase.test, []).append(phase)
        return {test: _outcome(mine) for test, mine in phases.items()}

    def messages(self) -> dict[str, str]:
        """Why each test that did not pass did not: what its first such phase says, or that there is none."""
        told = dict.fromkeys([*self.collected, *(phase.test for phase in self.phases)], "did not run to its end")
        return told | {phase.test: phase.message for phase in reversed(self.phases) if phase.outcome != "passed"}


class SuiteRun(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: `files` is the project, `beside` is read-only by its absolute path, `stubs` stand for the project.

    With `stubs` no file of the project is in the box, and the named modules are ones that do nothing. `backwards`
    runs the tests in reverse order.
    """

    project: Project
    arguments: tuple[str, ...]
    beside: Mapping[str, bytes] = {}
    stubs: tuple[str, ...] | None = None
    backwards: bool = False
    wall_s: float = SUITE_WALL_S


_seen = msgspec.json.Decoder(SuiteSeen)


async def run_suite(run: SuiteRun, sandbox: Sandbox) -> SuiteSeen | CaseProblem:
    """Runs pytest once. Raises Unavailable when no box can be made or pytest is not installed here."""
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
    }
    files = {} if run.stubs is not None else project.files
    return RunSpec(
        argv=(PYTHON, *ALONE, WORKER),
        files={f"project/{path}": content for path, content in files.items()},
        read_only={WORKER: _SOURCE.read_bytes(), **launcher_of(project.command), **run.beside},
        folders={TOOLS: tools, **project.folders},
        env={
            **project.env,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdin=json.dumps(order).encode(),
        limits=Limits(wall_s=run.wall_s, memory_bytes=SUITE_MEMORY_BYTES, output_bytes=SUITE_OUTPUT_BYTES),
    )


def _read(result: RunResult, run: SuiteRun, nonce: str) -> SuiteSeen | CaseProblem:
    ended: dict[str, CaseProblem] = {
        "timeout": CaseProblem("timeout", f"the tests did not end within {run.wall_s:g} s"),
        "memory": CaseProblem("memory", f"the tests needed more than {SUITE_MEMORY_BYTES // MIB} MB of memory"),
        "output_limit": CaseProblem("output_limit", "the tests wrote more output than is read"),
        "file_limit": CaseProblem("leftover_files", "the tests made more files than are allowed"),
    }
    if result.reason in ended:
        return ended[result.reason]
    told, start = result.stdout, f"{nonce} ".encode()
    if not told.startswith(start) or told.count(b"\n") != 1 or not told.endswith(b"\n") or result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()[-300:]
        return CaseProblem("no_answer", f"pytest left the box without a whole answer{f': {said}' if said else ''}")
    try:
        return _seen.decode(told[len(start) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return CaseProblem("no_answer", "the answer is none that the judge's worker writes")


def _outcome(phases: list[Phase]) -> Outcome:
    if any(phase.outcome == "failed" for phase in phases):
        return "failed"
    if any(phase.outcome == "skipped" or phase.expected for phase in phases):
        return "skipped"
    whole = {phase.when for phase in phases} == {"setup", "call", "teardown"}
    return "passed" if whole and all(phase.outcome == "passed" for phase in phases) else "not_run"
