"""A verdict: what the judge found about one tree, by criterion, with typed findings."""

from typing import Literal

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
    "outside_scope",  # a path was written that the task does not own: integrity
    "tampering",  # judge, box or sealed cases were reached for: integrity
    "hard_coded",  # literals of visible cases in the diff together with a sealed failure: integrity
    "not_accepted",  # a value that cannot be compared as strict JSON: always-equal objects and the like
    "leftover_files",  # links, devices or more files than the limits permit
]
INTEGRITY: frozenset[str] = frozenset({"forged_answer", "outside_scope", "tampering", "hard_coded"})
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


class CriterionResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one criterion fared: counts of cases, visible and sealed."""

    id: str
    passed: bool
    visible_passed: int
    visible_total: int
    sealed_passed: int
    sealed_total: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """The judge's answer about one tree. Grade C: judged outside, values only."""

    verified: bool
    tree: str  # hex sha256, domain.tree.tree_digest
    grade: Literal["C"]
    criteria: tuple[CriterionResult, ...]
    findings: tuple[Finding, ...]
    seed: int  # order of the cases
    sandbox: str  # "bubblewrap 0.11.0"
    not_held: tuple[str, ...]  # confinement that this machine could not give ("tree memory")
    wall_s: float
