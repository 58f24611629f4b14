"""The commands and events of a run. Its state and rules stand in `domain/run.py`."""

from typing import Literal
from uuid import UUID

import msgspec

from domain.judgement import Judgement
from domain.message import Command, RunEvent
from domain.money import Amount
from domain.tree import Manifest

Outcome = Literal["delivered", "rejected", "refused", "declined", "cancelled"]


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """The caps of a run. Every 0 means stop."""

    amount: Amount
    minutes: int


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One task as the requirement names it. `after` names other tasks of the same plan."""

    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[str, ...] = ()


class PlannedTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task of the run as it is planned. Not the task's state: that may grow, an event may not."""

    id: UUID
    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[UUID, ...] = ()


class Submitted(RunEvent, frozen=True, kw_only=True):
    """`requirement`, `sealed`, `fixtures` and `base_tree` name blobs.

    base_tree holds the manifest of the base commit, of version 2. A payload of version 1 names one of version 1.
    """

    type = "run.submitted"
    version = 2
    title: str
    requirement: str
    sealed: str | None
    fixtures: str | None
    allowance: Allowance
    plan: tuple[TaskPlan, ...]
    attempts_max: int
    allow_degraded: bool
    base_tree: str | None = None
    base_repo: str | None = None
    base_commit: str | None = None

    def blobs(self) -> tuple[str, ...]:
        named = (self.requirement, self.sealed, self.fixtures, self.base_tree)
        return tuple(digest for digest in named if digest)


class Admitted(RunEvent, frozen=True, kw_only=True):
    type = "run.admitted"
    due_at: int


class Planned(RunEvent, frozen=True, kw_only=True):
    type = "run.planned"
    tasks: tuple[PlannedTask, ...]


class Merged(RunEvent, frozen=True, kw_only=True):
    """`files`: how all that the tasks wrote differs from the base; `tree`: names the whole merged tree."""

    type = "run.merged"
    version = 2
    files: Manifest
    tree: str


class Verified(RunEvent, frozen=True, kw_only=True):
    type = "run.verified"
    version = 2
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class Rejected(RunEvent, frozen=True, kw_only=True):
    type = "run.rejected"
    version = 2
    judgement: Judgement

    def blobs(self) -> tuple[str, ...]:
        return self.judgement.blobs()


class DeliveryStarted(RunEvent, frozen=True, kw_only=True):
    type = "run.delivery_started"


class Delivered(RunEvent, frozen=True, kw_only=True):
    type = "run.delivered"
    commit: str
    folder: str
    branch: str


class Approved(RunEvent, frozen=True, kw_only=True):
    type = "run.approved"
    commit: str
    reason: str


class Released(RunEvent, frozen=True, kw_only=True):
    type = "run.released"
    commit: str
    ref: str


class Ended(RunEvent, frozen=True, kw_only=True):
    type = "run.ended"
    outcome: Outcome
    reason: str


class RunCommand(Command, frozen=True, kw_only=True):
    run: UUID


class Submit(RunCommand, frozen=True, kw_only=True):
    title: str
    requirement: str
    sealed: str | None
    fixtures: str | None = None
    allowance: Allowance
    plan: tuple[TaskPlan, ...]
    attempts_max: int
    allow_degraded: bool = False
    base_tree: str | None = None
    base_repo: str | None = None
    base_commit: str | None = None


class Admit(RunCommand, frozen=True, kw_only=True):
    pass


class Plan(RunCommand, frozen=True, kw_only=True):
    pass


class Merge(RunCommand, frozen=True, kw_only=True):
    tree: str


class JudgeMerged(RunCommand, frozen=True, kw_only=True):
    judgement: Judgement


class StartDelivery(RunCommand, frozen=True, kw_only=True):
    pass


class FinishDelivery(RunCommand, frozen=True, kw_only=True):
    commit: str
    folder: str
    branch: str


class Approve(RunCommand, frozen=True, kw_only=True):
    """`commit` None: the one delivered commit; given: it must be that one (an approval is bound to what was shown)."""

    commit: str | None = None
    reason: str = ""


class FinishRelease(RunCommand, frozen=True, kw_only=True):
    commit: str
    ref: str


class End(RunCommand, frozen=True, kw_only=True):
    outcome: Outcome
    reason: str
