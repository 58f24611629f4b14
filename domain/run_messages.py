"""The commands and events of a run. Its state and rules are in `domain/run.py`."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from domain.caps import Limit
from domain.consent import NamedSecret as NamedSecret
from domain.consent import SecretsConsent as SecretsConsent
from domain.estimate import Estimate
from domain.judgement import Judgement
from domain.message import Command, RunEvent
from domain.money import Amount
from domain.routing.terms import WorkTerms
from domain.shadow import ShadowOf
from domain.tree import Manifest, contents_of

Proof = Literal["inside", "notes", "folder", "branch"]
"""Place of a delivery's proof: among the delivered files, in git notes, in a folder next to it, or in a branch."""
OnBudget = Literal["end", "ask"]
"""`end`: the run ends when its budget is used up. `ask`: it asks the Director for more, and waits."""
Outcome = Literal["delivered", "rejected", "refused", "declined", "cancelled", "shadow", "overridden"]


class Allowance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The caps of a run. A cap of 0 means that the run must stop."""

    amount: Amount
    minutes: int


class TaskPlan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One task of the requirement's plan. `after` names other tasks of the same plan."""

    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[str, ...] = ()


class PlannedTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One planned task of a run. It is not a TaskState: a TaskState may get new fields, a released event may not."""

    id: UUID
    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[UUID, ...] = ()


class TaskFiles(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The files of one task, after changes of the base were merged into them."""

    task: UUID
    files: Manifest


class Submitted(RunEvent, frozen=True, kw_only=True):
    """`requirement`, `sealed`, `fixtures`, `base_tree` and `base_history` name blobs.

    `base_tree` holds the manifest (version 2) of the base commit. In a payload of version 1 it holds a manifest of
    version 1. `base_history` holds the base commit and its ancestors, for working copies. It is None without a base,
    and if that commit cannot be part of a working copy. `base_ref` is the name that the user gave for the commit: a
    branch that may move, a tag or the commit itself. `proof` is the place of the delivery's proof. `employees`: the
    only employees that may do the work; empty if each employee may. A review may be done by others. `labels`: names and
    values by which people group the costs of runs. `estimate`: the expected cost and time that the Director saw.
    `shadow`: the task that this run repeats without a delivery; None if the run is no shadow run.
    `task_caps`: task -> a budget of its own. `on_budget`: what the run does when its budget is used up.
    `work`: the facts from which the skills and the values of the tasks follow.
    """

    type = "run.submitted"
    version = 5
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
    base_ref: str | None = None
    base_history: str | None = None
    proof: Proof = "inside"
    employees: tuple[UUID, ...] = ()
    labels: Mapping[str, str] = {}
    estimate: Estimate | None = None
    shadow: ShadowOf | None = None
    task_caps: Mapping[str, Limit] = {}
    on_budget: OnBudget = "end"
    work: WorkTerms = WorkTerms()

    def blobs(self) -> tuple[str, ...]:
        named = (self.requirement, self.sealed, self.fixtures, self.base_tree, self.base_history)
        given = self.shadow.blobs() if self.shadow is not None else ()
        return (*(digest for digest in named if digest), *given)


class SecretsConsented(RunEvent, frozen=True, kw_only=True):
    """The Director permits employees to read the secrets of the run's base. It is published with the submission."""

    type = "run.secrets_consented"
    consent: SecretsConsent


class Admitted(RunEvent, frozen=True, kw_only=True):
    type = "run.admitted"
    due_at: int


class Planned(RunEvent, frozen=True, kw_only=True):
    type = "run.planned"
    tasks: tuple[PlannedTask, ...]


class Merged(RunEvent, frozen=True, kw_only=True):
    """`files`: the changes of all tasks to the base. `tree`: the name of the whole merged tree."""

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


class Returned(RunEvent, frozen=True, kw_only=True):
    """The run went back from its delivery to work. Its base has moved to `base_commit`, or a person commented on it.

    `commit`: the delivered commit, which was not approved. `tasks`: the tasks that are open again. `conflicts`: the
    paths with a conflict. `files`: the files of the other tasks after the base's changes were merged into them.
    `due_at`: the new end of the run's minutes. `base_tree` names the blob with the new base's manifest, `base_history`
    the blob with its history. After comments, the base stays as it was: `base_commit` and `base_tree` are None.
    """

    type = "run.returned"
    version = 3
    commit: str
    base_commit: str | None = None
    base_tree: str | None = None
    base_history: str | None = None
    due_at: int
    tasks: tuple[UUID, ...]
    files: tuple[TaskFiles, ...]
    conflicts: tuple[str, ...]
    reason: str

    def blobs(self) -> tuple[str, ...]:
        named = {digest for part in self.files for digest in contents_of(part.files).values()}
        base = {digest for digest in (self.base_tree, self.base_history) if digest}
        return tuple(sorted({*base, *named}))


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
    base_ref: str | None = None
    base_history: str | None = None
    proof: Proof = "inside"
    consent: SecretsConsent | None = None
    employees: tuple[UUID, ...] = ()
    labels: Mapping[str, str] = {}
    estimate: Estimate | None = None
    shadow: ShadowOf | None = None
    task_caps: Mapping[str, Limit] = {}
    on_budget: OnBudget = "end"
    work: WorkTerms = WorkTerms()


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


class Return(RunCommand, frozen=True, kw_only=True):
    """`commit`: the delivered commit. `conflicts`: task -> the paths that the task and the base changed differently.

    `files`: the files of tasks into which changes of the base were merged.
    """

    commit: str
    base_commit: str
    base_tree: str
    base_history: str | None = None
    conflicts: Mapping[UUID, tuple[str, ...]] = {}
    files: tuple[TaskFiles, ...] = ()
    reason: str


class Approve(RunCommand, frozen=True, kw_only=True):
    """`commit`: if given, it must be the delivered commit. So nobody approves a commit that they have not seen."""

    commit: str | None = None
    reason: str = ""


class FinishRelease(RunCommand, frozen=True, kw_only=True):
    commit: str
    ref: str


class End(RunCommand, frozen=True, kw_only=True):
    outcome: Outcome
    reason: str
