"""Comments of a person on the work of a run, and the return of a delivery with comments."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.clock import now
from director.services.session import DirectorSession, new_id, run_state
from domain.errors import NotFound
from domain.run import RunState
from domain.run_act_messages import Comment, ReturnWithComments, TaskComment
from governance.gate import Outcome


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """A comment. `task`: the name of a task, or the beginning of its id; empty: all tasks."""

    text: str
    task: str = ""


async def return_run(
    opened: DirectorSession, run: UUID, commit: str, remarks: Sequence[Remark], *, id: UUID | None = None
) -> Outcome:
    """Send a delivery back to work with comments. `commit`: the delivered commit that the person saw; empty: any.

    Raises Conflict if the delivery is another commit, LimitReached if no budget is left, and NotFound.
    """
    state = await run_state(opened.store, run)
    comments = tuple(TaskComment(task=_task(state, each.task), text=each.text) for each in remarks)
    return await opened.done(
        ReturnWithComments(id=id or new_id(), at=now(), run=run, commit=commit or state.commit or "", comments=comments)
    )


async def comment_on(opened: DirectorSession, run: UUID, remark: Remark, *, id: UUID | None = None) -> Outcome:
    """Comment on a run that is not approved yet. Later attempts see the comment. Raises NotFound, Refused."""
    state = await run_state(opened.store, run)
    comment = TaskComment(task=_task(state, remark.task), text=remark.text)
    return await opened.done(Comment(id=id or new_id(), at=now(), run=run, comment=comment))


def _task(state: RunState, text: str) -> UUID | None:
    """Return the id of a task; None for all tasks. Raises NotFound."""
    if not text:
        return None
    wanted = [task.id for task in state.tasks.values() if task.name == text]
    wanted = wanted or [task.id for task in state.tasks.values() if len(text) > 1 and str(task.id).startswith(text)]
    if len(wanted) != 1:
        names = ", ".join(task.name for task in state.tasks.values())
        raise NotFound(f"The run has no task {text}.", hint=f"Its tasks are: {names or 'none yet'}.")
    return wanted[0]
