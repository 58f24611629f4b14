"""Gate interface. A gate checks one question about one tree and returns a typed result with its evidence."""

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

    `described` is the version that git describes for the commit. `generated` contains the files that its build makes.
    `outcomes` is a folder that stores the outcomes of its tests. If `outcomes` is None, nothing is stored.
    """

    files: Mapping[str, bytes] = {}
    described: str = ""
    generated: Mapping[str, bytes] = {}
    outcomes: Path | None = None


@dataclass
class Subject:
    """The judged tree. Gates add to `findings`, `trials`, `tried` and `suites`, and later gates may read them."""

    requirement: Requirement
    tree: Mapping[str, bytes]  # the author's files on a clean copy of the base, never the author's workspace
    base: Mapping[str, bytes]  # the tree before the author's change; empty if there is no base
    changed: tuple[str, ...]  # paths that differ from the base
    criteria: tuple[Criterion, ...]
    earlier: tuple[Criterion, ...]  # criteria of tasks that were verified earlier; they must still hold
    scope: tuple[str, ...]
    whole: bool  # True for the merged tree or a folder, False for the work of one task
    project: Project
    sandbox: Sandbox
    seed: int
    mutants_max: int = 0  # maximum number of mutants of the accepted code
    packaged: Mapping[str, bytes] | None = None  # the tree as it will be delivered, including packaging files
    origin: Origin = field(default_factory=Origin)  # the base without the work of earlier tasks
    advice: bool = True  # whether to run gates that never block (advice)
    outcomes: OutcomeStore | None = None  # store of the results on the base
    trials: list[Trial] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)  # results of properties
    findings: list[Finding] = field(default_factory=list)
    suites: dict[tuple[str, bool], SuiteResult] = field(
        default_factory=dict
    )  # the key is a criterion id, and whether the suite is sealed

    @property
    def sound(self) -> bool:
        """Whether no gate has reported a finding so far."""
        return not self.findings


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's answer. `text` is one line for people. `evidence` is JSON, and the Director may see all evidence."""

    result: GateOutcome
    findings: tuple[Finding, ...] = ()
    text: str = ""
    evidence: Mapping[str, Any] = {}


class VerdictGate(ABC):
    """One gate. Its result is `not_run` if the subject does not meet the conditions in `needs_…` and `is_advice`."""

    name: ClassVar[str]
    grade: ClassVar[Grade] = "C"
    needs_fit: ClassVar[bool] = True  # if False, the gate also runs on a tree that does not fit into a sandbox
    needs_sound: ClassVar[bool] = False  # if True, the gate is expensive and runs only if no earlier gate has findings
    is_advice: ClassVar[bool] = (
        False  # if True, the gate never blocks, and it runs only where somebody reads its result
    )
    needs_whole: ClassVar[bool] = False  # if True, the gate checks a whole project and not the work of one task

    @abstractmethod
    async def ask(self, subject: Subject) -> GateReport:
        """Check the subject and return a report.

        Raises Unavailable if no sandbox can be made. A fault of the code is a finding, not an exception.
        """


def verdict_on(
    findings: list[Finding] | tuple[Finding, ...], *, text: str = "", evidence: Mapping[str, Any]
) -> GateReport:
    """Return a report with result `failed` if there are findings, else `passed`."""
    result: GateOutcome = "failed" if findings else "passed"
    return GateReport(result=result, findings=tuple(findings), text=text, evidence=evidence)


def nothing_to_do(text: str) -> GateReport:
    return GateReport(result="not_run", text=text)
