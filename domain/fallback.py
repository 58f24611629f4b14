"""Fallback chains: the employees that do the work of a role, in order. An employee works only if the ones before it in
the chain cannot.
"""

from collections.abc import Iterable
from typing import Literal, get_args
from uuid import UUID

from domain import review
from domain.organisation import WorkRole
from domain.task import TaskState

PassedOver = Literal[
    "dismissed", "suspended", "no_price", "resting", "faults_max", "only_repeats", "may_not_review", "other"
]
"""The reason why an employee of a chain did not get a task. `other`: its call did not fit the budget, or it could not
work at that moment for a reason that has ended.
"""
ROLES: tuple[WorkRole, ...] = get_args(WorkRole)


def role_of(task: TaskState) -> WorkRole:
    """Return the role that does this task."""
    return "reviewer" if review.is_review(task) else "implementer"


def cannot_do(
    task: TaskState, employee: UUID, model: str, tasks: Iterable[TaskState], attempts_max: int
) -> PassedOver | None:
    """Return the reason why an employee that is able to work cannot do this task; None if the task has no reason."""
    if task.worn_out(employee):
        return "faults_max"
    if task.only_repeats(employee, attempts_max):
        return "only_repeats"
    work = list(tasks)
    if review.is_review(task) and (employee in review.authors(work) or review.vendor_of(model) in review.vendors(work)):
        return "may_not_review"
    return None
