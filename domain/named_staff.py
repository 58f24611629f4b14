"""A run that names its employees: only they may do its work. A review may be done by each other employee, too."""

from collections.abc import Iterable
from uuid import UUID

from domain.errors import Refused
from domain.review import is_review, refuse_author
from domain.run_messages import Submitted
from domain.task import TaskState


def is_named(submitted: Submitted, task: TaskState, employee: UUID) -> bool:
    """Return whether the employee may do the task, as far as the names in the submission decide it."""
    if not submitted.employees or employee in submitted.employees:
        return True
    return is_review(task) and submitted.shadow is None


def refuse_employee(submitted: Submitted, task: TaskState, tasks: Iterable[TaskState], employee: UUID) -> None:
    """Raise Refused if the employee is not named, or if it would review its own work."""
    refuse_author(task, tasks, employee)
    if not is_named(submitted, task, employee):
        raise Refused(
            f"Task {task.name} may be done only by the employees that the submission names.",
            hint="Submit the requirement again without names, or with the name of this employee.",
        )
