"""Gate of a type checker, which compares annotations with the code. It only advises."""

import asyncio
import re

from domain.errors import Unavailable
from domain.tree import Tree
from domain.wording import counted
from verification.execution.case_runner import ALONE, PROJECT, SOURCES
from verification.execution.retry import boxed
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.gates.syntax import changed_code, own_lines
from verification.packages.toolbox import TOOLS, toolbox
from verification.sandbox.base import MIB, PYTHON, Limits, RunSpec
from verification.source_scan.write_set import is_test

TYPES_WALL_S = 30.0
TYPES_MEMORY_BYTES = 1024 * MIB
NAMED_MAX = 20
_TOOL = ("mypy",)
_ERRORS = 1  # exit status of mypy if it checked everything and found errors; 2 means that it stopped early
_ANNOTATED = re.compile(rb"^\s*(?:async\s+)?def\s[^\n]*->|^\s*(?:async\s+)?def\s+\w+\([^)\n]*\w\s*:\s*\w", re.MULTILINE)
_OPTIONS = ("--config-file=", "--cache-dir=/dev/null", "--ignore-missing-imports", "--no-error-summary")
_REPORT = ("--no-color-output", "--hide-error-context", "--no-pretty", "--explicit-package-bases")


class Types(VerdictGate):
    """The gate checks only files with annotated functions, because the checker needs annotations."""

    name = "types"
    is_advice = True
    grade = "A"
    needs_sound = True
    needs_whole = True

    async def ask(self, subject: Subject) -> GateReport:
        paths = [path for path in changed_code(subject) if not is_test(path)]
        paths = [path for path in paths if _ANNOTATED.search(subject.tree[path])]
        if not paths:
            return nothing_to_do("no changed file has annotations")
        try:
            tools = await asyncio.to_thread(toolbox, _TOOL)
        except Unavailable as error:
            return nothing_to_do(error.message)
        # Libraries are in the checker's list of installed packages. So it does not check their code, and it accepts a
        # library that it also contains itself (typing_extensions).
        installed = ":".join([TOOLS, *subject.project.folders])
        result = await boxed(
            RunSpec(
                argv=(PYTHON, *ALONE, "-m", "mypy", *_OPTIONS, *_REPORT, "--", *(f"project/{each}" for each in paths)),
                files=Tree.of(subject.tree).below("project"),
                folders={TOOLS: tools, **subject.project.folders},
                env={"PYTHONPATH": installed, "MYPYPATH": f"{PROJECT}:{SOURCES}"},
                limits=Limits(wall_s=TYPES_WALL_S, memory_bytes=TYPES_MEMORY_BYTES),
            ),
            subject.sandbox,
        )
        told = [line for line in result.stdout.decode("utf-8", "replace").splitlines() if ": error: " in line]
        in_project = [line.removeprefix("project/") for line in told if line.startswith("project/")]
        is_own = own_lines(subject)
        errors = [line for line in in_project if is_own(*_place(line))]
        if result.reason != "exit" or (result.exit_code not in (0, _ERRORS) and not errors):
            return nothing_to_do(f"the checker gave no answer ({result.reason})")
        evidence = {"files": paths, "errors": errors[:NAMED_MAX]}
        if not errors:
            return GateReport(result="passed", text=counted(len(paths), "file"), evidence=evidence)
        text = errors[0] if len(errors) == 1 else f"{errors[0]}, and {len(errors) - 1} more"
        return GateReport(result="noted", text=text[:300], evidence=evidence)


def _place(error: str) -> tuple[str, int]:
    """Return the path and line of an error `path:line: error: ...`. The line is 0 if the error has no line."""
    path, _, rest = error.partition(":")
    number = rest.partition(":")[0]
    return path, int(number) if number.isdecimal() else 0
