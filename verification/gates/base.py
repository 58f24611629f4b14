"""Gate interface: one question about one tree, answered with a typed result and its evidence."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from verification.execution.case_runner import Project
from verification.execution.trials import Trial
from verification.properties.runner import Tried
from verification.requirements.model import Criterion, Requirement
from verification.sandbox.base import Sandbox
from verification.suites.given_suite import SuiteResult
from verification.suites.outcome_store import OutcomeStore
from verification.verdict.model import Finding, GateOutcome, Grade


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The commit that a run builds on.

    `described`: the version according to its git tags. `generated`: files that its build makes.
    `outcomes`: a folder that stores the outcomes of its tests; with None nothing is stored.
    """

    files: Mapping[str, bytes] = {}
    described: str = ""
    generated: Mapping[str, bytes] = {}
    outcomes: Path | None = None


@dataclass
class Subject:
    """The judged tree. Gates add to `findings`, `trials`, `tried` and `suites`, and later gates may read these."""

    requirement: Requirement
    tree: Mapping[str, bytes]  # the author's files on a clean copy of the base, never the author's workspace
    base: Mapping[str, bytes]  # the tree before the author's change; empty without a base
    changed: tuple[str, ...]  # paths that differ from the base
    criteria: tuple[Criterion, ...]
    earlier: tuple[Criterion, ...]  # criteria of tasks that were verified before this one: they must still hold
    scope: tuple[str, ...]
    whole: bool  # True for the merged tree or a folder, False for the work of one task
    project: Project
    sandbox: Sandbox
    seed: int
    mutants_max: int = 0  # number of mutants of the accepted code to try; 0: none
    packaged: Mapping[str, bytes] | None = None  # the tree as it will be delivered, with its packaging
    origin: Origin = field(default_factory=Origin)  # the base without the work of earlier tasks
    advice: bool = True  # whether to run gates that never block (advice)
    outcomes: OutcomeStore | None = None  # of the base's tests on the base
    trials: list[Trial] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)  # properties
    findings: list[Finding] = field(default_factory=list)
    suites: dict[tuple[str, bool], SuiteResult] = field(
        default_factory=dict
    )  # by criterion id and whether it is sealed

    @property
    def sound(self) -> bool:
        """Whether nothing has been found so far."""
        return not self.findings


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's answer. `text` is one line for people. `evidence` is JSON, and the Director may see all of it."""

    result: GateOutcome
    findings: tuple[Finding, ...] = ()
    text: str = ""
    evidence: Mapping[str, Any] = {}


class VerdictGate(ABC):
    """One gate. Its result is `not_run` if it needs a sound subject or a whole tree and the subject is not one."""

    name: ClassVar[str]
    grade: ClassVar[Grade] = "C"
    needs_fit: ClassVar[bool] = True  # if False, the gate runs on a tree that no sandbox can hold, too
    needs_sound: ClassVar[bool] = False  # an expensive gate runs only if no gate before it found anything
    is_advice: ClassVar[bool] = False  # the gate never blocks; it does not run where nobody reads its result
    needs_whole: ClassVar[bool] = False  # the gate checks a whole project, not the work of one task

    @abstractmethod
    async def ask(self, subject: Subject) -> GateReport:
        """Check the subject and return a report.

        Raises Unavailable if no sandbox can be made. Faults of the code never raise.
        """


def verdict_on(
    findings: list[Finding] | tuple[Finding, ...], *, text: str = "", evidence: Mapping[str, Any]
) -> GateReport:
    """Return a failed report if there are findings, else a passed one."""
    result: GateOutcome = "failed" if findings else "passed"
    return GateReport(result=result, findings=tuple(findings), text=text, evidence=evidence)


def nothing_to_do(text: str) -> GateReport:
    return GateReport(result="not_run", text=text)
