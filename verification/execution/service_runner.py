"""Run of one case against the project's service. Requests come from outside the sandbox.

Each start of the service gets a new sandbox; only the data folder is carried over. A sandbox sees no expected value,
and sees each request only when it is sent.
"""

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from domain.tree import Tree
from verification.execution.case_runner import (
    ALONE,
    LIBRARIES,
    PROJECT,
    SOURCES,
    START_S,
    WORKER,
    CaseProblem,
    Project,
    launcher_of,
)
from verification.execution.retry import SETUP_ATTEMPTS_MAX, not_made
from verification.execution.service_channel import ServiceChannel
from verification.execution.service_session import READY_WAIT_S, TOLD_CHARS_MAX, Visit, plain
from verification.requirements.model import Case, Serve, Step
from verification.requirements.placeholders import Scalar, filled_text
from verification.sandbox.base import MIB, PYTHON, WORK, Limits, RunResult, RunSpec, Sandbox

DATA = f"{WORK}/data"
STOP_WAIT_S = (
    5.0  # maximum wait for the end of the old process before a restart, after the launcher has asked it to end
)
DATA_FILES_MAX = 1000
DATA_BYTES_MAX = 32 * MIB
DATA_FOLDERS_BYTES_MAX = 16 * 1024  # total length of the names of empty folders
PROCESSES = 256  # includes threads: one for each parallel request, and some more
_PORTS = (10_000, 29_999)  # below the range that the kernel gives to outgoing connections
_SOURCE = Path(__file__).parents[1] / "in_box" / "service_launcher.py"


async def service_problem(
    case: Case, project: Project, sandbox: Sandbox, *, ready_s: float = READY_WAIT_S
) -> CaseProblem | None:
    """Run the case and return the reason if it fails, else None. Raises Unavailable if no sandbox can be made."""
    assert project.serve is not None
    visit = Visit(case, project.serve, ready_s=ready_s)
    left = RunResult(reason="exit")
    lives = _lives(case.steps)
    for number, life in enumerate(lives, 1):
        spec = _spec(visit, left.files, project, kept=number < len(lives) and project.serve.data is not None)
        problem, left = await _live(life, visit, spec, left.folders, sandbox)
        if problem is not None:
            return problem
    return None


def _lives(steps: tuple[Step, ...]) -> list[list[Step]]:
    """Split the steps at each restart and return the parts."""
    lives: list[list[Step]] = [[]]
    for step in steps:
        if step.action == "restart":
            lives.append([])
        else:
            lives[-1].append(step)
    return lives


async def _live(
    steps: list[Step], visit: Visit, spec: RunSpec, folders: tuple[str, ...], sandbox: Sandbox
) -> tuple[CaseProblem | None, RunResult]:
    """Start the service once and send its requests. Return the problem, if any, and the result with the remaining data.

    `folders` are the empty folders that remained after the previous start.
    """
    problem, result = await _meet(spec, visit, steps, folders, sandbox)
    for _ in range(SETUP_ATTEMPTS_MAX - 1):
        if result.reason == "setup_failed":
            problem, result = await _meet(spec, visit, steps, folders, sandbox)
    if result.reason == "setup_failed":
        raise not_made(result)
    ended = _ended(result, visit.case)
    if ended is not None and (problem is None or ended.kind != "timeout"):
        return ended, result
    if problem is not None:
        return _with_stderr(problem, result), result
    if result.refused:
        text = f"left an entry in its data folder that cannot be kept: {result.refused[0]}"
        return CaseProblem("leftover_files", text), result
    if sum(len(folder.encode()) for folder in result.folders) > DATA_FOLDERS_BYTES_MAX:
        return CaseProblem("leftover_files", "left more empty folders in its data folder than allowed"), result
    return None, result


async def _meet(
    spec: RunSpec, visit: Visit, steps: list[Step], folders: tuple[str, ...], sandbox: Sandbox
) -> tuple[CaseProblem | None, RunResult]:
    """Run the sandbox and send the requests at the same time. When either of them ends, the other ends, too."""
    door, port = ServiceChannel(), random.randint(*_PORTS)
    try:
        door.order(_order(visit.serve, port, spec.folders, folders))
        spec = msgspec.structs.replace(spec, door=door.theirs.fileno())
        async with asyncio.TaskGroup() as group:
            running = group.create_task(sandbox.run(spec))
            running.add_done_callback(lambda _: door.shut())
            problem = await visit.life(steps, door, port)
            if problem is None and spec.collect:
                door.stop()  # a service that is asked to end can first write buffered data to its files
            door.leave()
        return problem, running.result()
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not exception groups
    finally:
        door.close()


def _order(serve: Serve, port: int, beside: Mapping[str, Path], folders: tuple[str, ...]) -> dict[str, Any]:
    path = ":".join([PROJECT, SOURCES, *(folder for folder in beside if folder == LIBRARIES)])
    given: dict[str, Scalar] = {"PORT": port, **({"DATA": serve.data} if serve.data else {})}
    env = {name: str(value) for name, value in given.items()}
    return {
        "run": [filled_text(word, given) for word in serve.run],
        "env": {**env, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        "project": PROJECT,
        "data": DATA,
        "folders": [f"{WORK}/{folder}" for folder in folders],
        "port": port,
    }


def _spec(visit: Visit, data: Mapping[str, bytes], project: Project, *, kept: bool) -> RunSpec:
    """Return the run of one start, with the data of the previous start. If `kept`, a next start gets the new data."""
    case, serve = visit.case, visit.serve
    wall_s = START_S + READY_WAIT_S + case.within_s + STOP_WAIT_S
    limits = Limits(
        wall_s=wall_s,
        memory_bytes=case.memory_mb * MIB,
        processes=PROCESSES,
        collect_files=DATA_FILES_MAX,
        collect_bytes=DATA_BYTES_MAX,
    )
    return RunSpec(
        argv=(PYTHON, *ALONE, WORKER),
        files=Tree.of(project.files).below("project").with_files(data),
        read_only={WORKER: _SOURCE.read_bytes(), **launcher_of(project.command), **project.read_only},
        folders=project.folders,
        env=project.env,
        links={serve.data: DATA} if serve.data else {},
        limits=limits,
        collect=("data/**",) if kept else (),
    )


def _ended(result: RunResult, case: Case) -> CaseProblem | None:
    texts: dict[str, CaseProblem] = {
        "timeout": CaseProblem("timeout", "the service did not end in time"),
        "memory": CaseProblem("memory", f"the service needed more than {case.memory_mb} MB of memory"),
        "output_limit": CaseProblem("output_limit", "the service wrote more output than allowed"),
        "file_limit": CaseProblem("leftover_files", "the service made more files than allowed"),
    }
    return texts.get(result.reason)


def _with_stderr(problem: CaseProblem, result: RunResult) -> CaseProblem:
    """Add the last lines of the service's stderr to the problem of a failed start."""
    said = plain(result.stderr.decode("utf-8", "replace").strip()[-TOLD_CHARS_MAX:])
    if problem.kind not in ("did_not_start", "no_answer") or not said:
        return problem
    return CaseProblem(problem.kind, f"{problem.text}; it wrote: {said}")
