"""Run of one case in one new sandbox: this module builds its input (the order) and checks its output (the answer).

The order never contains expected values. The answer must be one line that begins with this run's nonce.
"""

import json
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.tree import Tree
from verification.execution.output_files import FOLDER, collected, untrue, watched, watched_at_last, with_room
from verification.execution.retry import boxed
from verification.execution.worker_source import worker_source
from verification.requirements.model import Case, Serve, Step, SuiteLimits
from verification.requirements.values import encode
from verification.sandbox.base import MIB, PROGRAMS, PYTHON, WORK, Limits, RunResult, RunSpec, Sandbox
from verification.verdict.model import FindingKind

PROJECT = f"{WORK}/project"
SOURCES = f"{PROJECT}/src"  # for a src layout; on Python's path it comes after PROJECT
WORKER = "/aura/caseworker.py"
METADATA = "/aura/metadata"  # metadata of the project itself (.dist-info), as its installation would create it
LIBRARIES = "/aura/libraries"  # the requirement's dependencies, on the path of every Python process in the sandbox
START_S = 1.0  # time for the start of the interpreter, in addition to `within_s`
ALONE = ("-s", "-P", "-B")
"""Options of Python: its path contains no user packages and no script folder, and Python writes no byte code."""
ANSWER_DEPTH_MAX = 384  # of JSON: the worker permits 64 nested values, and a value has at most 5 levels of JSON
NOT_STARTED = "aura: the command did not start"

_LAUNCHER = f"""#!{PROGRAMS}/{PYTHON} -sP
import importlib, sys
sys.path[:0] = [{PROJECT!r}, {SOURCES!r}]
sys.argv[0] = {{name!r}}
try:
    main = importlib.import_module({{module!r}})
    for part in {{function!r}}.split("."):
        main = getattr(main, part)
except (ImportError, SyntaxError, AttributeError) as error:
    sys.exit(f"{{{{type(error).__name__}}}}: {{{{error}}}}\\n{NOT_STARTED}")
sys.exit(main())
"""


class CaseProblem(msgspec.Struct, frozen=True):
    """The reason why a case did not pass."""

    kind: FindingKind
    text: str


class StepSeen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The worker's report of one step. Values are JSON with tags. Untrusted code shares the worker's process."""

    did: Literal["returned", "raised", "ran"]
    before: dict[str, Any]
    files: dict[str, Any]
    value: Any = None
    stage: Literal["import", "lookup", "call"] = "call"
    names: list[list[str]] = []  # names of the exception's class and its base classes, the class itself first
    name: str = ""
    message: str = ""
    exit: int = 0
    stdout: Any = None
    stderr: Any = None
    over: bool = False  # the output was longer than the limit


class CaseAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The worker's complete answer for one case."""

    steps: list[StepSeen]
    took_s: float
    untrue: str | None = None  # a path whose file differs from the worker's last report; added by the judge


_answer = msgspec.json.Decoder(CaseAnswer)


class ProjectEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """Files and paths that an installation adds to the project. They come from the base, not from the author's files.

    `paths` are the folders of the project on Python's path; "" is its top folder. `metadata` contains the files of the
    `.dist-info` folders, by relative path. `generated` contains files that a build of the base makes, such as a version
    file or an extension. `plugins` are modules of pinned libraries that pytest loads. `modules` are the top-level names
    that the project itself provides.
    """

    paths: tuple[str, ...] = ("", "src")
    metadata: Mapping[str, bytes] = {}
    generated: Mapping[str, bytes] = {}
    plugins: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()


class Project(msgspec.Struct, frozen=True, dict=True):
    """The files and settings with which every case of one verdict runs."""

    files: Mapping[str, bytes]
    command: str | None  # "name = module:function"
    serve: Serve | None = None
    hash_seed: int = 0  # value of PYTHONHASHSEED in the sandboxes; it makes a verdict reproducible
    libraries: Path | None = None  # the folder of the requirement's dependencies, visible in every sandbox
    named: tuple[str, ...] = ()  # top-level modules that the requirement names, whether they exist or not
    environment: ProjectEnvironment = ProjectEnvironment()
    suite_limits: SuiteLimits = SuiteLimits()  # limits of one run of the project's tests

    @cached_property
    def placed(self) -> Tree:
        """The files by their path in the work folder of a sandbox."""
        return Tree.of(self.files).below(PROJECT.removeprefix(f"{WORK}/"))

    @property
    def folders(self) -> dict[str, Path]:
        """The folders of the host that a sandbox sees read-only, by their path in the sandbox."""
        return {LIBRARIES: self.libraries} if self.libraries else {}

    @property
    def read_only(self) -> dict[str, bytes]:
        """The read-only files of a sandbox outside the project, by absolute path."""
        return {f"{METADATA}/{path}": content for path, content in self.environment.metadata.items()}

    @property
    def env(self) -> dict[str, str]:
        """The environment variables of a sandbox. On Python's path, the project comes before the libraries."""
        places = [f"{PROJECT}/{folder}" for folder in self.environment.paths if folder not in ("", "src")]
        places += [LIBRARIES] if self.libraries else []
        places += [METADATA] if self.environment.metadata else []
        path = {"PYTHONPATH": ":".join(places)} if places else {}
        return {"PYTHONHASHSEED": str(self.hash_seed), **path}

    def with_files(self, files: Mapping[str, bytes]) -> "Project":
        """Return the project with `files` instead of its own, and with the files that a build of the base makes."""
        generated = {path: content for path, content in self.environment.generated.items() if path not in files}
        return msgspec.structs.replace(self, files=Tree.of(files).with_files(generated) if generated else files)


async def play(case: Case, project: Project, sandbox: Sandbox) -> CaseAnswer | CaseProblem:
    """Run one case. Raises Unavailable if no sandbox can be made."""
    nonce, bait = secrets.token_hex(16), secrets.token_hex(16)
    spec = _spec(case, project, order_of(case, nonce, bait))
    return _read(await boxed(spec, sandbox), case, nonce, bait)


def order_of(case: Case, nonce: str, bait: str) -> bytes:
    """Build the order for the sandbox. It contains the steps, but no expected value."""
    steps = [_step_order(step, bait) for step in case.steps]
    steps[-1]["watch"] = sorted(watched_at_last(case))
    return json.dumps({"nonce": nonce, "project": PROJECT, "folder": FOLDER, "steps": steps}).encode()


def _step_order(step: Step, bait: str) -> dict[str, Any]:
    return {
        "action": step.action,
        "target": step.target,
        "args": [encode(value) for value in step.args],
        "kwargs": {key: encode(value) for key, value in step.kwargs.items()},
        "bind": step.bind,
        "argv": list(step.argv),
        "stdin": step.stdin,
        "env": dict(step.env),
        "before": dict(step.files_before),
        "watch": sorted(watched(step)),
        "expected": bait,
    }


def _spec(case: Case, project: Project, order: bytes) -> RunSpec:
    limits = Limits(wall_s=case.within_s + START_S, memory_bytes=case.memory_mb * MIB)
    return RunSpec(
        argv=(PYTHON, *ALONE, WORKER),
        files=project.placed,
        read_only={WORKER: worker_source(), **launcher_of(project.command), **project.read_only},
        folders=project.folders,
        env=project.env,
        stdin=order,
        limits=with_room(case, limits),
        collect=collected(case),
    )


def launcher_of(command: str | None) -> dict[str, bytes]:
    """Return {path in the sandbox: program that starts the project's command}, or {} if it has no command."""
    if not command:
        return {}
    name, _, target = (part.strip() for part in command.partition("="))
    module, _, function = target.partition(":")
    return {f"{PROGRAMS}/{name}": _LAUNCHER.format(name=name, module=module, function=function).encode()}


def _read(result: RunResult, case: Case, nonce: str, bait: str) -> CaseAnswer | CaseProblem:
    ended: dict[str, CaseProblem] = {
        "timeout": CaseProblem("timeout", f"did not end within {case.within_s:g} s"),
        "memory": CaseProblem("memory", f"needed more than {case.memory_mb} MB of memory"),
        "output_limit": CaseProblem("output_limit", "wrote more output than allowed"),
        "file_limit": CaseProblem("leftover_files", "made more files than allowed"),
    }
    if result.reason in ended:
        return ended[result.reason]
    if bait.encode() in result.stdout:
        return CaseProblem(
            "tampering", "answered with the bait from the worker's stack frames, so it searched for expected values"
        )
    answer = _parsed(result, nonce)
    if isinstance(answer, CaseAnswer) and len(answer.steps) != len(case.steps):
        return CaseProblem("forged_answer", "sent an answer with a wrong number of steps")
    if isinstance(answer, CaseAnswer) and answer.took_s > case.within_s:
        return ended["timeout"]
    if isinstance(answer, CaseAnswer):
        return msgspec.structs.replace(answer, untrue=untrue(case, answer.steps[-1].files, result))
    return answer


def _parsed(result: RunResult, nonce: str) -> CaseAnswer | CaseProblem:
    told = result.stdout
    start = f"{nonce} ".encode()
    if not told or start.startswith(told) or (told.startswith(start) and b"\n" not in told):
        return CaseProblem("no_answer", f"ended without an answer, with exit code {result.exit_code}")
    if not told.startswith(start) or told.count(b"\n") != 1 or not told.endswith(b"\n") or result.exit_code != 0:
        return CaseProblem("forged_answer", "wrote to the judge's answer channel")
    try:
        answer = _answer.decode(told[len(start) :])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if answer is None or _too_deep(answer):
        return CaseProblem("forged_answer", "wrote an answer that the judge's worker cannot have written")
    return answer


def _too_deep(answer: CaseAnswer) -> bool:
    """Return whether a value is nested so deep that recursion over it could crash the judge."""
    row: list[Any] = [
        held for seen in answer.steps for held in (seen.before, seen.files, seen.value, seen.stdout, seen.stderr)
    ]
    for _ in range(ANSWER_DEPTH_MAX):
        if not row:
            break
        row = [
            item
            for held in row
            if type(held) in (dict, list)
            for item in (held.values() if type(held) is dict else held)
        ]
    return bool(row)
