"""Repeated rejection of a tree that was rejected before. The reasons must depend on the tree, not on the machine.

A time limit on a busy machine, or a service that did not answer in time, proves little about the tree. If there are
only such reasons, the tree is judged again.
"""

from collections.abc import Collection

from msgspec.structs import replace

from domain.repeats import REPEATED
from verification.requirements.model import Requirement
from verification.verdict.model import INTEGRITY, Finding, GateResult, Verdict

GATE = "repeat"
OF_THE_TREE: frozenset[str] = INTEGRITY | {
    "wrong_result",
    "outside_scope",
    "not_accepted",
    "mass_deletion",
    "leftover_files",
    "secret",
    "stub",
    "does_not_parse",
    "not_built",
    "nothing_changed",
}
"""Kinds of findings that the same tree always gets, on any machine. If a finding has `reasons`, the reasons decide."""


def repeated(former: Verdict, requirement: Requirement, *, attempt: int, evidence: str, seed: int) -> Verdict | None:
    """Return the rejection of a tree that was rejected before; None if the tree must be judged again.

    `attempt`: the number of the earlier attempt. `evidence`: the digest of its verdict. `seed`: the new verdict's seed.
    """
    services = {each.id for each in requirement.criteria if any(case.asks_service for case in each.cases + each.sealed)}
    lasting = tuple(finding for finding in former.findings if _lasts(finding, services))
    if former.verified or not lasting:
        return None
    detail = f"this tree equals the rejected tree of attempt {attempt}, so it was not judged again"
    shown = f"This is the same work as attempt {attempt}, which was rejected. Hand in other work."
    gate = GateResult(
        gate=GATE,
        grade=former.grade,
        result="failed",
        seconds=0.0,
        text=detail,
        evidence={"attempt": attempt, "verdict": evidence},
    )
    again = Finding(kind=REPEATED, detail=detail, for_author=shown)
    return replace(former, findings=(again, *lasting), seed=seed, wall_s=0.0, gates=(gate,))


def _lasts(finding: Finding, services: Collection[str]) -> bool:
    if finding.criterion in services and not finding.integrity:
        return False
    return any(kind in OF_THE_TREE for kind in finding.reasons or (finding.kind,))
