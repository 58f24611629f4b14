"""Repeated answers. An answer that was rejected before is not judged again, and the number of repeats is limited."""

from typing import Final

import msgspec

from domain.errors import LimitReached
from domain.judgement import Judgement

REPEATED: Final = "repeated"
"""The kind of a finding: the same tree was rejected before, and the reasons for it depend only on the tree."""
REPEATS_MIN = 2


class RejectedTree(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An earlier rejection of a tree. The same tree gets the same rejection. `evidence`: digest of the verdict."""

    attempt: int
    evidence: str


def repeats_max(attempts_max: int) -> int:
    """Return `repeats_max`, half of the attempts: an employee with this many repeats in a row loses the task."""
    return max(REPEATS_MIN, attempts_max // 2)


def is_repeat(judgement: Judgement) -> bool:
    """Whether the verifier rejected a tree because it was rejected before."""
    return any(finding.kind == REPEATED for finding in judgement.findings)


def refuse_repeater(task: str, repeats: int, attempts_max: int) -> None:
    """Raise LimitReached if the employee has reached the limit of repeats in a row for this task."""
    most = repeats_max(attempts_max)
    if repeats >= most:
        raise LimitReached(
            f"Task {task}: the employee repeated a rejected answer {repeats} times in a row. repeats_max is {most}.",
            hint="Hire another employee, or submit a clearer requirement.",
        )
