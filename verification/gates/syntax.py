"""Gate of syntax. Each changed Python file must compile.

The compiler runs in a sandbox, because a hostile file may crash it.
"""

from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import msgspec

from domain.wording import counted
from verification.adequacy.mutation import changed_lines
from verification.execution.case_runner import PROJECT
from verification.execution.retry import boxed
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do, verdict_on
from verification.sandbox.base import MIB, PYTHON, Limits, RunSpec, Sandbox
from verification.source_scan.write_set import is_test
from verification.verdict.model import Finding

COMPILE_WALL_S = 30.0
COMPILE_MEMORY_BYTES = 1024 * MIB
_OPTIONS = ("-I", "-S", "-B", "-W", "ignore")
"""Options of Python: nothing but the compiler starts, and warnings about the author's files are not printed."""
_WORKER = "/aura/compiler.py"
_SOURCE = Path(__file__).parents[1] / "in_box" / "compiler.py"


class _Line(msgspec.Struct, frozen=True):
    """One line of the compiler's output."""

    begun: int | None = None
    ended: int | None = None
    fault: dict[str, Any] | None = None


_line = msgspec.json.Decoder(_Line)


class Syntax(VerdictGate):
    """Test files may contain syntax errors on purpose, as test data, so only the evidence names them."""

    name = "syntax"

    async def ask(self, subject: Subject) -> GateReport:
        paths = changed_code(subject)
        if not paths:
            return nothing_to_do("no Python file was changed")
        faults = await _faults(paths, subject.tree, subject.sandbox)
        told = {path: f"{path}{f' line {line}' if line else ''}: {message}" for path, (line, message) in faults.items()}
        findings = [
            Finding(kind="does_not_parse", path=path, detail=text, for_author=text)
            for path, text in told.items()
            if not is_test(path)
        ]
        return verdict_on(findings, text=counted(len(paths), "file"), evidence={"faults": list(told.values())})


def changed_code(subject: Subject) -> list[str]:
    """Return the changed Python files."""
    return [path for path in subject.changed if path.endswith(".py") and path in subject.tree]


def own_lines(subject: Subject) -> Callable[[str, int], bool]:
    """Return a function (path, line number) -> whether the author added or changed that line.

    In a new file, all lines are the author's.
    """
    known: dict[str, Set[int]] = {}

    def is_own(path: str, line: int) -> bool:
        if path not in subject.base or path not in subject.tree:
            return True
        if path not in known:
            known[path] = changed_lines(subject.base[path], subject.tree[path])
        return line in known[path]

    return is_own


async def _faults(paths: list[str], tree: Any, sandbox: Sandbox) -> dict[str, tuple[int, str]]:
    """Return {path: (line, message)} for each file that does not compile. An unknown line is 0."""
    result = await boxed(
        RunSpec(
            argv=(PYTHON, *_OPTIONS, _WORKER, *(f"{PROJECT}/{path}" for path in paths)),
            files={f"project/{path}": tree[path] for path in paths},
            read_only={_WORKER: _SOURCE.read_bytes()},
            limits=Limits(wall_s=COMPILE_WALL_S, memory_bytes=COMPILE_MEMORY_BYTES),
        ),
        sandbox,
    )
    faults: dict[str, tuple[int, str]] = {}
    begun, ended = None, -1
    for told in result.stdout.splitlines():
        try:
            line = _line.decode(told)
        except (msgspec.DecodeError, UnicodeDecodeError):
            break  # a limit of the sandbox cut the output, so the last begun file gets no `ended`
        begun = begun if line.begun is None else line.begun
        if line.ended is not None:
            ended = line.ended
            if line.fault is not None:
                faults[paths[ended]] = (int(line.fault["line"]), str(line.fault["message"]))
    if begun is not None and begun != ended:
        faults[paths[begun]] = (0, "it cannot be compiled within the limits of a sandbox")
    return faults
