"""Answers that were rejected before: they are not judged again, and whoever only repeats them gets no more attempts."""

from typing import Final

import msgspec

from domain.errors import LimitReached
from domain.judgement import Judgement

REPEATED: Final = "repeated"
"""The kind of a finding about a tree that was rejected before for reasons that follow from the tree."""
REPEATS_MIN = 2


class RejectedTree(msgspec.Struct, frozen=True, kw_only=True):
    """The rejection that is given again when the same tree is handed in again. `evidence`: the whole verdict."""

    attempt: int
    evidence: str


def repeats_max(attempts_max: int) -> int:
    """`repeats_max`: after so many repeats in a row an employee does not get the task again: half of the attempts."""
    return max(REPEATS_MIN, attempts_max // 2)


def is_repeat(judgement: Judgement) -> bool:
    """Whether the verifier rejected a tree because it was rejected before."""
    return any(finding.kind == REPEATED for finding in judgement.findings)


def refuse_repeater(task: str, repeats: int, attempts_max: int) -> None:
    """Refuse one more attempt of an employee that has repeated itself so often. Raises LimitReached."""
    most = repeats_max(attempts_max)
    if repeats >= most:
        raise LimitReached(
            f"Task {task}: the employee handed in {repeats} times in a row what was rejected before, and repeats_max "
            f"is {most}.",
            hint="Hire another employee, or submit a clearer requirement.",
        )
