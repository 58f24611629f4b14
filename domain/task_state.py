"""The state of a task: the fold of its events, as a part of its run's state."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

import msgspec

from domain.attempt import Attempt
from domain.faults import FAULTS_MAX
from domain.judgement import Finding
from domain.money import NOTHING, Amount
from domain.repeats import RejectedTree, repeats_max
from domain.tree import Manifest

Phase = Literal["waiting", "assigned", "calling", "answered", "submitted", "verified"]


class TaskState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    id: UUID
    name: str
    criteria: tuple[str, ...]
    scope: tuple[str, ...]
    after: tuple[UUID, ...] = ()
    phase: Phase = "waiting"
    attempts: int = 0
    attempts_before: int = 0  # attempts before the task was opened again. They do not count against attempts_max
    orders: Mapping[UUID, Attempt] = {}  # order -> its attempt; so far only the present or the last attempt
    tried: tuple[UUID, ...] = ()  # the employees of all attempts, in order
    spent: Amount = NOTHING
    files: Manifest = {}
    tree: str | None = None
    findings: tuple[Finding, ...] = ()  # findings of the last rejection
    model: str = ""  # the model of the last call
    evidence: str | None = None  # digest of the verdict that verified the task
    blocked: str = ""  # reason of a verified review that blocks the run
    faults: Mapping[UUID, int] = {}  # employee -> the sum of weights of its faults with this task
    stays_with: UUID | None = None  # an account of this employee failed: another account comes before another employee
    failure: str = ""  # the failure of the last call, in words; empty after an answer
    answer: str | None = None  # digest of the last answer
    attempted: Manifest = {}  # the changes of the last answer
    comments: tuple[str, ...] = ()  # of people on the task, oldest first. Each prompt has them
    unclear: tuple[str, ...] = ()  # for the author: parts of the last answer that were not understood, or were dropped
    rejected: Mapping[str, RejectedTree] = {}  # tree -> its last rejection that was not a repeat
    repeats: Mapping[UUID, int] = {}  # employee -> the number of its repeats in a row

    @property
    def attempt(self) -> Attempt | None:
        """The present attempt, or the last one."""
        return next(iter(self.orders.values()), None)

    @property
    def order(self) -> UUID | None:
        """The order of the present or the last attempt."""
        return self.attempt.order if self.attempt else None

    @property
    def employee(self) -> UUID | None:
        """The employee of the present or the last attempt."""
        return self.attempt.employee if self.attempt else None

    @property
    def due_at(self) -> int:
        """End of the lease of the present or the last attempt, in microseconds UTC."""
        return self.attempt.due_at if self.attempt else 0

    @property
    def reserved(self) -> Amount:
        """The amount that the present attempt may still spend."""
        return self.attempt.reserved if self.attempt else NOTHING

    @property
    def was_tried(self) -> bool:
        """Whether the task had an attempt, a fault or a repeated answer."""
        return bool(self.tried or self.attempts or self.faults or self.repeats)

    def worn_out(self, employee: UUID) -> bool:
        """Return whether the employee's faults with this task have reached FAULTS_MAX."""
        return self.faults.get(employee, 0) >= FAULTS_MAX

    def only_repeats(self, employee: UUID, attempts_max: int) -> bool:
        """Return whether the employee has repeated rejected answers, in a row, up to the limit."""
        return self.repeats.get(employee, 0) >= repeats_max(attempts_max)
