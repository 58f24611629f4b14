"""Gate of a linter, which finds clear errors in changed files, such as undefined names. It only advises."""

import asyncio

import msgspec

from domain.errors import Unavailable
from domain.wording import counted
from verification.execution.case_runner import PROJECT
from verification.execution.retry import boxed
from verification.gates.base import GateReport, Subject, VerdictGate, nothing_to_do
from verification.gates.syntax import changed_code, own_lines
from verification.packages.toolbox import TOOLS, toolbox
from verification.sandbox.base import Limits, RunSpec

LINT_WALL_S = 20.0
NAMED_MAX = 20
RULES = "E9,F63,F7,F82"
"""Rules about sure errors: syntax, comparisons with a constant result, misplaced statements, undefined names."""
_TOOL = ("ruff",)


class _Place(msgspec.Struct, frozen=True):
    row: int


class _Remark(msgspec.Struct, frozen=True):
    filename: str
    message: str
    location: _Place
    code: str | None = None


_remarks = msgspec.json.Decoder(list[_Remark])


class Lint(VerdictGate):
    """The linter uses the judge's settings, because the author could change the project's settings."""

    name = "lint"
    is_advice = True
    grade = "A"

    async def ask(self, subject: Subject) -> GateReport:
        paths = changed_code(subject)
        if not paths:
            return nothing_to_do("no Python file was changed")
        try:
            tools = await asyncio.to_thread(toolbox, _TOOL)
        except Unavailable as error:
            return nothing_to_do(error.message)
        result = await boxed(
            RunSpec(
                argv=(
                    *(f"{TOOLS}/bin/ruff", "check", "--isolated", "--no-cache", "--quiet"),
                    *("--output-format", "json", "--select", RULES, "--", *(f"{PROJECT}/{path}" for path in paths)),
                ),
                files={f"project/{path}": subject.tree[path] for path in paths},
                folders={TOOLS: tools},
                limits=Limits(wall_s=LINT_WALL_S),
            ),
            subject.sandbox,
        )
        try:
            found = _remarks.decode(result.stdout)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return nothing_to_do("the linter gave no answer")
        is_own = own_lines(subject)
        told = [
            f"{each.filename.removeprefix(f'{PROJECT}/')}:{each.location.row}: {each.code or 'syntax'} {each.message}"
            for each in found
            if is_own(each.filename.removeprefix(f"{PROJECT}/"), each.location.row)
        ]
        if not told:
            return GateReport(result="passed", text=counted(len(paths), "file"), evidence={"rules": RULES})
        text = told[0] if len(told) == 1 else f"{told[0]}, and {len(told) - 1} more"
        return GateReport(result="noted", text=text[:300], evidence={"rules": RULES, "remarks": told[:NAMED_MAX]})
