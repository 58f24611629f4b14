"""The verdict: the judge's findings about one tree, by criterion and type."""

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
    "steering_file",  # such a path that can influence a verdict: conftest.py, sitecustomize.py…: integrity
    "tampering",  # the code tried to reach the judge, the sandbox or sealed cases: integrity
    "hard_coded",  # literals of visible cases in the diff together with a sealed failure: integrity
    "not_accepted",  # a value that cannot be compared as strict JSON: always-equal objects and the like
    "mass_deletion",  # a file of the base lost most of its lines, and the requirement does not ask for that
    "leftover_files",  # links, devices or more files than the limits permit
    "secret",  # a changed file contains a key or password
    "stub",  # a changed file has unfinished code: TODO, NotImplementedError, an empty body
    "does_not_parse",  # a changed file is not valid Python
    "not_built",  # a source of a compiled extension was changed, and the judge builds extensions from the base only
    "nothing_changed",  # the tree equals the base
    "base_suite",  # too few of the base's own tests run, so that they would notice little
    "holds_on_base",  # a criterion or test passed before anybody worked, and the requirement does not say so
    "fails_on_base",  # the requirement says that it holds on the base, and it does not
    "unknown_test",  # the requirement names a test that does not exist
    "regression",  # something that an earlier task or the base could do does not work any more
    "property_failed",  # a property does not hold for an input that was drawn for this verdict
    "suite_failed",  # a given suite did not pass with its exact set of tests
    "flaky",  # the same case passed and failed
    "smoke_failed",  # the project does not install or start in a clean environment
    "blocked",  # the reviewer blocked the work
    "repeated",  # the same tree was rejected before, for reasons that depend only on the tree
]
Grade = Literal["A", "B", "C"]
"""Grade of evidence.

A: the author's own tests, advice. B: hidden given suites, forgeable. C: judged outside the code.
"""
INTEGRITY: frozenset[str] = frozenset({"forged_answer", "steering_file", "tampering", "hard_coded"})
"""Findings that count as strikes. Everything else is an honest failure."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One reason. `detail` is for the Director. `for_author` is the only text that an employee may see.

    `reasons`: for a finding that sums up several failures, their kinds.
    """

    kind: FindingKind
    criterion: str | None = None
    path: str | None = None
    detail: str = ""
    for_author: str = ""
    reasons: tuple[FindingKind, ...] = ()

    @property
    def integrity(self) -> bool:
        return self.kind in INTEGRITY

    @property
    def place(self) -> str:
        """The path or the criterion that the finding is about; empty where it is about the whole tree."""
        return self.path or self.criterion or ""


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one criterion: counts of visible and sealed cases. The grade is B if it has given suites only."""

    id: str
    passed: bool
    visible_passed: int
    visible_total: int
    sealed_passed: int
    sealed_total: int
    grade: Grade = "C"


GateOutcome = Literal["passed", "failed", "noted", "not_run"]
"""`noted` blocks nothing: advice, or a fault of the requirement. `not_run`: nothing to check, or skipped."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of one gate. `evidence` is JSON; the event contains its digest."""

    gate: str
    grade: Grade
    result: GateOutcome
    seconds: float
    text: str = ""
    evidence: Mapping[str, Any] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's answer about one tree. `grade` is the lowest grade of its criteria."""

    verified: bool
    tree: str  # domain.tree.tree_digest
    grade: Grade
    criteria: tuple[CriterionResult, ...]
    findings: tuple[Finding, ...]
    seed: int  # order of the cases
    sandbox: str  # "bubblewrap 0.11.0"
    not_held: tuple[str, ...]  # limits that this machine could not enforce ("tree memory")
    wall_s: float
    gates: tuple[GateResult, ...] = ()  # in the order in which they ran
    image: str = ""  # hex sha256 of the read-only part of the sandbox: interpreter and system
