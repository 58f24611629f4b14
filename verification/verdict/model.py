"""The verdict: the judge's findings about one tree, by criterion and type."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

FindingKind = Literal[
    "wrong_result",  # a visible case failed
    "sealed_failed",  # a sealed case failed; the finding names only the criterion
    "did_not_start",  # import or start failed: syntax error, missing module, function or command
    "timeout",
    "memory",
    "output_limit",
    "no_answer",  # the code ended without a complete answer, for example by an exit at import or a crash
    "forged_answer",  # the judge's own worker did not write this answer; a strike
    "outside_scope",  # a path outside the scope was written
    "steering_file",  # a path outside the scope that can influence a verdict was written, such as conftest.py; a strike
    "tampering",  # the code tried to reach the judge, the sandbox or sealed cases; a strike
    "hard_coded",  # changed code contains literals of visible cases, and a sealed case failed; a strike
    "not_accepted",  # a value that cannot be compared as strict JSON, such as an object that equals everything
    "mass_deletion",  # a file of the base lost most of its lines, and the requirement does not ask for that
    "leftover_files",  # links, devices or more files than the limits permit
    "secret",  # a changed file contains a key or password
    "stub",  # a changed file has unfinished code: TODO, NotImplementedError, an empty body
    "does_not_parse",  # a changed file is not valid Python
    "not_built",  # a source of a compiled extension was changed, and the judge builds extensions from the base only
    "nothing_changed",  # the tree equals the base
    "base_suite",  # too few of the base's own tests run, so they would miss many mistakes
    "holds_on_base",  # a criterion or test passed before anybody worked, and the requirement does not say so
    "fails_on_base",  # a criterion or test fails on the base, but the requirement says that it holds there
    "unknown_test",  # the requirement names a test that does not exist
    "regression",  # a test of the base, or a criterion of an earlier task, does not pass any more
    "property_failed",  # a property does not hold for an input that was drawn for this verdict
    "suite_failed",  # a given suite did not pass with its exact set of tests
    "flaky",  # the same case passed in one run and failed in another run
    "smoke_failed",  # the project does not install or start in a clean environment
    "blocked",  # the reviewer blocked the work
    "repeated",  # the same tree was rejected before, for reasons that depend only on the tree
]
Grade = Literal["A", "B", "C"]
"""Grade of evidence.

A: advice, such as the author's own tests. B: hidden given suites, which code could forge. C: judged outside the code.
"""
INTEGRITY: frozenset[str] = frozenset({"forged_answer", "steering_file", "tampering", "hard_coded"})
"""The kinds of findings that are strikes. All other kinds are honest failures."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem of a tree. `detail` is for the Director. `for_author` is the only text that an employee may see.

    `reasons`: if the finding sums up several failures, the kinds of these failures.
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
        """The path or the criterion that the finding is about; empty if the finding is about the whole tree."""
        return self.path or self.criterion or ""


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one criterion: counts of visible and sealed cases. The grade is B if only given suites judge it."""

    id: str
    passed: bool
    visible_passed: int
    visible_total: int
    sealed_passed: int
    sealed_total: int
    grade: Grade = "C"


GateOutcome = Literal["passed", "failed", "noted", "not_run"]
"""`noted`: advice, or a fault of the requirement, which blocks nothing. `not_run`: the gate checked nothing."""


class GateResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of one gate. `evidence` is JSON; the verdict's event contains only the digest of the evidence."""

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
    seed: int  # the seed of everything random in this verdict, such as the order of the cases
    sandbox: str  # "bubblewrap 0.11.0"
    not_held: tuple[str, ...]  # limits that this machine could not enforce ("tree memory")
    wall_s: float
    gates: tuple[GateResult, ...] = ()  # in the order in which they ran
    image: str = ""  # hex sha256 of the read-only part of the sandbox: interpreter and system
