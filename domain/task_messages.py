"""The events and commands of a task. `domain/task.py` has its rules, and gives these names too."""

from uuid import UUID

from domain.attempt import Form
from domain.judgement import Judgement
from domain.message import Command, Event, TaskEvent
from domain.money import Amount
from domain.routing.record import ChoiceRecord
from domain.snapshot import PromptRecord, Snapshot
from domain.tree import Manifest, contents_of


class Assigned(TaskEvent, frozen=True, kw_only=True):
    """`reservation`, `due_at` and `calls_max` limit the attempt: dollars and tokens, time, and calls.

    `skill`: the kind of work, as the key of a skill (domain/routing/skill.py); empty if it is not known. `choice`: why
    the employee got the task. Both are unknown in an event of version 1 or 2.
    `account`: the account through which its first call goes; empty if the employee names no account.
    """

    type = "task.assigned"
    version = 4
    order: UUID
    attempt: int
    seed: int
    reservation: Amount
    due_at: int
    form: Form = "answer"
    calls_max: int = 1
    skill: str = ""
    choice: ChoiceRecord | None = None
    account: str = ""


class CallStarted(TaskEvent, frozen=True, kw_only=True):
    """The permit of one call. `index`: number of the call in its attempt, from 0. `bound`: the most that it may cost.

    `claim`: the random id under which a worker took the order. `bound` and `claim` are None in an event of version 1:
    the attempt had one call, and the call had the whole reservation. `account`: the call goes through this account.
    """

    type = "task.call_started"
    version = 3
    order: UUID
    index: int = 0
    bound: Amount | None = None
    claim: UUID | None = None
    account: str = ""


class CallFinished(TaskEvent, frozen=True, kw_only=True):
    """The receipt of one call. `counts`: the outcome is not a fault. `index`: number of the call in its attempt.

    `ends`: the receipt also ends the attempt, which only a receipt of version 1 or 2 does. `prompt`: the messages of a
    session's call; the prompt of an answer is in the snapshot.
    """

    type = "task.call_finished"
    version = 4
    order: UUID
    snapshot: Snapshot
    charged: Amount
    counts: bool = True
    index: int = 0
    ends: bool = False
    prompt: PromptRecord = PromptRecord()

    def blobs(self) -> tuple[str, ...]:
        digests = (self.snapshot.prompt, self.snapshot.answer, *self.prompt.messages)
        return tuple(dict.fromkeys(digest for digest in digests if digest))


class AttemptEnded(TaskEvent, frozen=True, kw_only=True):
    """An attempt ended without a hand-in. `counts`: it uses up an attempt of the task; it is not a fault.

    `outcome`: a kind of failure, "declined", or why a session ended. `message`: the same in words.
    """

    type = "task.attempt_ended"
    order: UUID
    outcome: str
    message: str = ""
    counts: bool = True


class Submitted(TaskEvent, frozen=True, kw_only=True):
    """`files`: the changes to the tree at the task's start. `tree`: the name of the whole tree that will be judged.

    `dropped`: paths outside the scope that the employee wrote. `files` does not contain them.
    """

    type = "task.submitted"
    version = 2
    order: UUID
    files: Manifest
    tree: str
    dropped: tuple[str, ...] = ()

    def blobs(self) -> tuple[str, ...]:
        return tuple(sorted(set(contents_of(self.files).values())))


class Verified(TaskEvent, frozen=True, kw_only=True):
    type = "task.verified"
    version = 2
    order: UUID
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class Rejected(TaskEvent, frozen=True, kw_only=True):
    type = "task.rejected"
    version = 2
    order: UUID
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class Released(TaskEvent, frozen=True, kw_only=True):
    """The order's lease ended without a hand-in. `cut_off`: a call was open, and its result is unknown.

    `charged`: the sum of the upper bounds of the open calls.
    """

    type = "task.released"
    order: UUID
    reason: str
    cut_off: bool
    charged: Amount


def end_without_work(event: Event) -> AttemptEnded | None:
    """Return the end of an attempt without a hand-in; None for any other event.

    A receipt of version 1 or 2 could be the end too.
    """
    if isinstance(event, CallFinished) and event.ends:
        return AttemptEnded(
            run=event.run,
            task=event.task,
            employee=event.employee,
            order=event.order,
            outcome=event.snapshot.outcome,
            message=event.snapshot.message,
            counts=event.counts,
        )
    return event if isinstance(event, AttemptEnded) else None


class TaskCommand(Command, frozen=True, kw_only=True):
    """A command about one order of one task. `employee`: the employee who has the order."""

    run: UUID
    task: UUID
    employee: UUID
    order: UUID


class Assign(TaskCommand, frozen=True, kw_only=True):
    """`attempt`: the number of the attempt. If this attempt was already assigned, the command does nothing."""

    attempt: int
    seed: int
    reservation: Amount
    due_at: int
    form: Form = "answer"
    calls_max: int = 1
    skill: str = ""
    choice: ChoiceRecord | None = None
    account: str = ""


class StartCall(TaskCommand, frozen=True, kw_only=True):
    """The request for a permit. `index` must be the next call of the attempt."""

    index: int
    bound: Amount
    claim: UUID
    account: str = ""


class FinishCall(TaskCommand, frozen=True, kw_only=True):
    snapshot: Snapshot
    index: int = 0
    prompt: PromptRecord = PromptRecord()


class EndAttempt(TaskCommand, frozen=True, kw_only=True):
    outcome: str
    message: str = ""


class SubmitWork(TaskCommand, frozen=True, kw_only=True):
    files: Manifest
    tree: str
    dropped: tuple[str, ...] = ()


class Judge(TaskCommand, frozen=True, kw_only=True):
    judgement: Judgement


class ReleaseOrder(TaskCommand, frozen=True, kw_only=True):
    reason: str
