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
    """The commit that a run builds on. `described`: the version that its git tags give.

    `generated`: files that its build makes. `outcomes`: a folder that keeps outcomes of its tests; None keeps none.
    """

    files: Mapping[str, bytes] = {}
    described: str = ""
    generated: Mapping[str, bytes] = {}
    outcomes: Path | None = None


@dataclass
class Subject:
    """The judged tree. Gates add to `findings`, `trials`, `tried` and `suites`, and later ones may look at them."""

    requirement: Requirement
    tree: Mapping[str, bytes]  # the author's files on a clean copy of the base, never the author's workspace
    base: Mapping[str, bytes]  # what was there before; empty without a base
    changed: tuple[str, ...]  # paths that differ from the base
    criteria: tuple[Criterion, ...]
    earlier: tuple[Criterion, ...]  # of tasks that were verified before this one: they must hold still
    scope: tuple[str, ...]
    whole: bool  # the merged tree or a folder, not the work of one task
    project: Project
    sandbox: Sandbox
    seed: int
    mutants_max: int = 0  # of the accepted code, to ask whether the criteria notice mistakes; 0: not asked
    packaged: Mapping[str, bytes] | None = None  # the tree as it will be delivered, its packaging included
    origin: Origin = field(default_factory=Origin)  # the base without the work of earlier tasks
    advice: bool = True  # whether gates that block nothing are asked
    outcomes: OutcomeStore | None = None  # of the base's tests on the base
    trials: list[Trial] = field(default_factory=list)
    tried: list[Tried] = field(default_factory=list)  # properties
    findings: list[Finding] = field(default_factory=list)
    suites: dict[tuple[str, bool], SuiteResult] = field(default_factory=dict)  # by criterion and "is it sealed"

    @property
    def sound(self) -> bool:
        """Whether nothing has been found so far."""
        return not self.findings


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """A gate's answer. `text` is one line for people; `evidence` is JSON and may be shown to the Director whole."""

    result: GateOutcome
    findings: tuple[Finding, ...] = ()
    text: str = ""
    evidence: Mapping[str, Any] = {}


class VerdictGate(ABC):
    """One gate. It is `not_run` when it asks for a sound subject or a whole tree and the subject is neither."""

    name: ClassVar[str]
    grade: ClassVar[Grade] = "C"
    needs_fit: ClassVar[bool] = True  # a tree that goes into no box is asked for its form and its paths alone
    needs_sound: ClassVar[bool] = False  # dear ones run only when nothing was found before them
    is_advice: ClassVar[bool] = False  # blocks nothing, and is not asked where nobody reads it
    needs_whole: ClassVar[bool] = False  # those that ask about a project and not about one task's share of it

    @abstractmethod
    async def ask(self, subject: Subject) -> GateReport:
        """Raises Unavailable when no box can be made, and nothing for what the code did."""


def verdict_on(
    findings: list[Finding] | tuple[Finding, ...], *, text: str = "", evidence: Mapping[str, Any]
) -> GateReport:
    """Failed with findings, passed without."""
    result: GateOutcome = "failed" if findings else "passed"
    return GateReport(result=result, findings=tuple(findings), text=text, evidence=evidence)


def nothing_to_do(text: str) -> GateReport:
    return GateReport(result="not_run", text=text)
