"""A verdict: what the judge found about one tree, by criterion, with typed findings."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

FindingKind = Literal[
    "wrong_result",  # a visible case failed
    "sealed_failed",  # a sealed case failed: named by criterion only
    "did_not_start",  # import or start failed: syntax error, missing module, function or command
    "timeout",
    "memory",
    "output_limit",
    "no_answer",  # the code left the box without a complete answer: exit at import, crash, kill
    "forged_answer",  # what came back was not written by the judge's own worker: integrity
    "outside_scope",  # a path was written that the task does not own
    "steering_file",  # such a path that could influence a verdict: conftest.py, sitecustomize.py…: integrity
    "tampering",  # judge, box or sealed cases were reached for: integrity
    "hard_coded",  # literals of visible cases in the diff together with a sealed failure: integrity
    "not_accepted",  # a value that cannot be compared as strict JSON: always-equal objects and the like
    "mass_deletion",  # a file of the base lost most of its lines although nobody asked for that
    "leftover_files",  # links, devices or more files than the limits permit
    "secret",  # a key or password stands in a changed file
    "stub",  # a changed file leaves its work undone: TODO, NotImplementedError, an empty body
    "does_not_parse",  # a changed file is no Python
    "not_built",  # a source of the base's compiled extension was changed, and the judge builds the base alone
    "nothing_changed",  # the tree is the base
    "base_suite",  # too few of the base's own tests run, so that they would notice little
    "holds_on_base",  # a criterion or test was met before anybody worked, and the requirement does not say so
    "fails_on_base",  # the requirement says that it holds on the base, and it does not
    "unknown_test",  # the requirement names a test that is not there
    "regression",  # what an earlier task or the base could do is lost
    "property_failed",  # a property does not hold for an input that was drawn for this verdict
    "suite_failed",  # a given suite did not run to its exact set of passed tests
    "flaky",  # the same case passed and failed
    "smoke_failed",  # what was built does not install or start in a clean environment
    "blocked",  # the reviewer found something
]
Grade = Literal["A", "B", "C"]
"""Evidence. A: the author's own tests, advice. B: given suites, hidden and isolated, forgeable. C: judged outside."""
INTEGRITY: frozenset[str] = frozenset({"forged_answer", "steering_file", "tampering", "hard_coded"})
"""Findings that count as strikes. Everything else is an honest failure."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason. `detail` is for the Director; `for_author` is all that an employee may be told."""

    kind: FindingKind
    criterion: str | None = None
    path: str | None = None
    detail: str = ""
    for_author: str = ""

    @property
    def integrity(self) -> bool:
        return self.kind in INTEGRITY

    @property
    def place(self) -> str:
        """The path or the criterion that the finding is about; empty where it is about the whole tree."""
        return self.path or self.criterion or ""


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one criterion: counts of cases, visible and sealed. Of grade B if it rests on given suites alone."""

    id: str
    passed: bool
    visible_passed: int
    visible_total: int
    sealed_passed: int
    sealed_total: int
    grade: Grade = "C"


GateOutcome = Literal["passed", "failed", "noted", "not_run"]
"""`noted` blocks nothing: advice, or a property of the requirement. `not_run`: nothing to do, or too late for it."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of one gate. `evidence` is JSON; its digest stands in the event."""

    gate: str
    grade: Grade
    result: GateOutcome
    seconds: float
    text: str = ""
    evidence: Mapping[str, Any] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's answer about one tree. `grade` is the lowest on which one of its criteria rests."""

    verified: bool
    tree: str  # domain.tree.tree_digest
    grade: Grade
    criteria: tuple[CriterionResult, ...]
    findings: tuple[Finding, ...]
    seed: int  # order of the cases
    sandbox: str  # "bubblewrap 0.11.0"
    not_held: tuple[str, ...]  # confinement that this machine could not give ("tree memory")
    wall_s: float
    gates: tuple[GateResult, ...] = ()  # in the order in which they ran
    image: str = ""  # hex sha256 of what the boxes saw read-only: interpreter and system
