"""Acts of a person on a run: comment on it, return its delivery with comments, and release recorded work unjudged.

An override is a run of its own. It names another run and releases work that this run has recorded, without a verdict.
It is never verified: its events have no verdict, and it ends with the outcome `overridden`.
"""

from collections.abc import Iterable
from uuid import UUID

from msgspec.structs import replace

from domain import review
from domain import run_messages as m
from domain.errors import Conflict, Invalid, LimitReached, NotFound, Refused
from domain.money import NOTHING
from domain.reason import reason_of
from domain.returning import MINUTE_US, with_followers
from domain.run_act_messages import Comment, Commented, Overridden, Override, ReturnWithComments, TaskComment
from domain.run_state import RunState
from domain.tasks import Tasks
from domain.wording import counted

OUTCOME: m.Outcome = "overridden"
"""Outcome of a released override. Whoever counts `delivered` runs counts no override."""
COMMENT_CHARACTERS_MAX = 4000
COMMENTS_CHARACTERS_MAX = 12_000
"""The most characters of all comments on one task. Each prompt of the task has them."""


def overridden(command: Override) -> Overridden:
    """Return the event of an override. Raises Invalid, Refused."""
    if command.of == command.run:
        raise Invalid("A run cannot override itself.", hint="Name the run whose work is to be released.")
    if command.shadow is not None:
        raise Refused("The work of a shadow run is never delivered.", hint="Override the run that it repeats.")
    if command.consent is not None:
        raise Refused("An override shows secrets to nobody, so it has no consent.", hint="Override without a consent.")
    if not command.files or not command.released:
        raise Refused("There is no recorded work to release.", hint="`aura run show` lists the attempts of each task.")
    return Overridden(
        run=command.run,
        of=command.of,
        files=command.files,
        tree=command.tree,
        work=command.released,
        missing=command.missing,
        merged=command.merged,
        reason=reason_of(command.reason),
    )


def commented(command: Comment, state: RunState) -> tuple[Commented, ...]:
    """Decide a comment without a return. It reaches the prompts of later attempts. Raises as `returned_with` does."""
    if state.phase in ("approved", "released", "ended") or not state.tasks:
        raise Refused(
            f"The run is {state.phase}, so no employee would read a comment.",
            hint="Comment on a run that is planned and is not approved. `aura runs` lists runs.",
        )
    return _comments(command.run, (command.comment,), state)


def returned_with(command: ReturnWithComments, state: RunState) -> tuple[Commented | m.Returned, ...]:
    """Decide a return with comments: the commented tasks, and the tasks that depend on them, are open again.

    Attempts of before do not count against attempts_max, and the run's minutes begin again. Its money does not.
    Raises Conflict, Invalid, LimitReached, NotFound.
    """
    if command.commit != state.commit:
        raise Conflict("The run has delivered another commit.", hint="Look at it with `aura run show`, then comment.")
    assert state.submitted is not None
    if state.override is not None:
        raise Refused("An override has no tasks that could be done again.", hint="Decline it: aura reject RUN")
    if not command.comments:
        raise Invalid("A return needs a comment.", hint="Say what must change, and why.")
    comments = _comments(command.run, command.comments, state)
    left = state.left
    if left.usd <= NOTHING.usd or left.tokens <= NOTHING.tokens:
        raise LimitReached(
            f"The run has {max(left.usd, NOTHING.usd)} USD and {max(left.tokens, 0)} tokens left, so nobody can work.",
            hint=f"Raise its budget first: aura budget raise {command.run} --usd N --tokens N",
            code="budget_used_up",
        )
    named = {comment.task for comment in comments}
    every = [task.id for task in state.tasks.values() if not review.is_review(task)]
    again = with_followers(every if None in named else [id for id in every if id in named], state.tasks.values())
    event = m.Returned(
        run=command.run,
        commit=command.commit,
        due_at=command.at + state.submitted.allowance.minutes * MINUTE_US,
        tasks=again,
        files=(),
        conflicts=(),
        reason=f"Returned with {counted(len(comments), 'comment')}.",
    )
    return (*comments, event)


def _comments(run: UUID, comments: Iterable[TaskComment], state: RunState) -> tuple[Commented, ...]:
    """Return the events of comments. Raises Invalid, LimitReached, NotFound."""
    events: list[Commented] = []
    for comment in comments:
        task = state.tasks.get(comment.task) if comment.task is not None else None
        if comment.task is not None and (task is None or review.is_review(task)):
            raise NotFound(
                f"Run {run} has no task {comment.task} that an employee writes.",
                hint="`aura run show` lists its tasks.",
            )
        if not comment.text.strip() or len(comment.text) > COMMENT_CHARACTERS_MAX:
            raise Invalid(
                f"A comment has 1 to {COMMENT_CHARACTERS_MAX} characters.", hint="Say what must change, and why."
            )
        events.append(Commented(run=run, task=comment.task, text=comment.text.strip()))
    for task in _with_comments(state.tasks, events).values():
        if sum(map(len, task.comments)) > COMMENTS_CHARACTERS_MAX:
            raise LimitReached(
                f"The comments on task {task.name} would have more than {COMMENTS_CHARACTERS_MAX} characters.",
                hint="Decline the delivery, change the requirement, and submit it again.",
                code="comments_used_up",
            )
    return tuple(events)


def _with_comments(tasks: Tasks, events: Iterable[Commented]) -> Tasks:
    """Return the tasks after comments. A comment on all tasks is no comment on a review."""
    for event in events:
        for task in list(tasks.values()):
            if event.task == task.id or (event.task is None and not review.is_review(task)):
                tasks = tasks.with_task(replace(task, comments=(*task.comments, event.text)))
    return tasks


def evolve(state: RunState, event: Overridden | Commented) -> RunState:
    if isinstance(event, Overridden):
        return replace(state, phase="overridden", override=event, tree=event.tree)
    return replace(state, tasks=_with_comments(state.tasks, [event]))
