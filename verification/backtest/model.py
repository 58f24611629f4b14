"""Results of a backtest as structs: the judged patches of each commit, and the counts over all commits."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

Kind = Literal["parent", "fix", "mutant"]
Detected = Literal["own tests", "other tests", "none"]


class Patch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One judged tree. For a mutant, `detected` says whether the fix's own tests, other tests or no tests detect it."""

    kind: Kind
    accepted: bool
    seconds: float
    findings: tuple[str, ...] = ()  # kind and detail of each finding, shortened
    detected: Detected | None = None
    path: str = ""
    line: int = 0
    before: str = ""
    after: str = ""

    @property
    def is_wrong(self) -> bool:
        """Whether this patch is a mutant that the repository's own tests detect."""
        return self.kind == "mutant" and self.detected != "none"

    @property
    def is_wrong_verdict(self) -> bool:
        """Whether a fix was refused, or a parent or a wrong patch was accepted."""
        return self.accepted != (self.kind == "fix") and (self.kind != "mutant" or self.is_wrong)


class CommitResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One commit of the backtest. `excluded` is the reason if it was not judged; a wrong verdict is never a reason."""

    commit: str
    parent: str
    subject: str
    seconds: float
    excluded: str = ""
    patches: tuple[Patch, ...] = ()
    turned: int = 0  # tests that the fix turns from failing to passing
    may_change: int = 0  # tests of the base that the fix replaces
    files: int = 0  # test files of the base
    files_ran: int = 0
    passed_before: int = 0
    undetected: int = 0  # mutants that no test of the repository detects
    tried: int = 0  # mutants that were tried
    notes: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over all commits."""

    commits: int
    excluded: int
    fixes_accepted: int
    fixes: int
    wrong: int
    wrong_accepted: int
    sly: int  # wrong patches that pass the fix's own tests
    sly_accepted: int
    parents_refused: int
    mutants_tried: int
    mutants_undetected: int
    seconds: float

    @property
    def strength(self) -> float | None:
        """The share of mutants that the repository's tests detect, from 0 to 1."""
        return 1 - self.mutants_undetected / self.mutants_tried if self.mutants_tried else None

    @property
    def trustworthy(self) -> bool:
        """Whether all wrong patches were refused and all fixes were accepted."""
        return not self.wrong_accepted and self.fixes_accepted == self.fixes


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All results of a backtest, newest commit first."""

    repo: str
    results: tuple[CommitResult, ...]
    summary: Summary


def summary_of(results: Iterable[CommitResult]) -> Summary:
    """Return the counts over all results."""
    listed = list(results)
    patches = [patch for result in listed for patch in result.patches]
    fixes = [patch for patch in patches if patch.kind == "fix"]
    wrong = [patch for patch in patches if patch.is_wrong]
    sly = [patch for patch in wrong if patch.detected == "other tests"]
    return Summary(
        commits=len(listed),
        excluded=sum(bool(result.excluded) for result in listed),
        fixes=len(fixes),
        fixes_accepted=sum(patch.accepted for patch in fixes),
        wrong=len(wrong),
        wrong_accepted=sum(patch.accepted for patch in wrong),
        sly=len(sly),
        sly_accepted=sum(patch.accepted for patch in sly),
        parents_refused=sum(patch.kind == "parent" and not patch.accepted for patch in patches),
        mutants_tried=sum(result.tried for result in listed),
        mutants_undetected=sum(result.undetected for result in listed),
        seconds=round(sum(result.seconds for result in listed), 1),
    )


def exclusions(results: Iterable[CommitResult]) -> Mapping[str, int]:
    """Return {reason: number of excluded commits}, with the most frequent reason first."""
    counted: dict[str, int] = {}
    for result in results:
        if result.excluded:
            reason = result.excluded.partition(":")[0]
            counted[reason] = counted.get(reason, 0) + 1
    return dict(sorted(counted.items(), key=lambda item: -item[1]))
