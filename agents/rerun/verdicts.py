"""A verdict that is made again: what is judged, and the verdict in words."""

from uuid import UUID

from domain.judgement import Judgement
from domain.run import RunState
from domain.task import TaskState
from projections.verifier import MERGED, Pending


def pending_of(run: UUID, state: RunState, part: TaskState | None, cause: UUID) -> Pending:
    """Return the tree that waits for its verdict. `part` None: the merged tree. `cause`: the event that handed it in.

    The cause is the recorded one, so the verdict has the recorded seed.
    """
    if part is None:
        return Pending(scope=run, key=MERGED, cause=cause, tree=state.tree or "", employee=None, order_id=None)
    return Pending(
        scope=run, key=str(part.id), cause=cause, tree=part.tree or "", employee=part.employee, order_id=part.order
    )


def words_of(judgement: Judgement) -> str:
    """Return a verdict in words: the standing, and each finding without its details, which may hold times."""
    if judgement.verified:
        return "verified"
    findings = dict.fromkeys(
        f"{each.kind} ({place})" if (place := each.criterion or each.path) else each.kind for each in judgement.findings
    )
    return f"rejected: {', '.join(findings)}"
