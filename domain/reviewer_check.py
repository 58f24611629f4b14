"""The measured check of a reviewer: how many planted defects it caught, and how much flawless work it objected to."""

from uuid import UUID

from domain.employee_messages import EmployeeEvent
from domain.errors import Invalid
from domain.message import Command

REVIEWS_MAX = 1_000


class ReviewerChecked(EmployeeEvent, frozen=True, kw_only=True):
    """A version of an employee reviewed accepted work with planted defects, and accepted work without.

    `caught`: planted defects at whose path the review blocked. `objected`: blocked reviews of work without a defect.
    `unusable`: reviews that had no valid form. `runs`: the shadow runs with the reviews.
    """

    type = "employee.reviewer_checked"
    employee_version: UUID
    planted: int
    caught: int
    clean: int
    objected: int
    unusable: int
    runs: tuple[UUID, ...]


class RecordReviewerCheck(Command, frozen=True, kw_only=True):
    """Record the check of a reviewer."""

    employee: UUID
    employee_version: UUID
    planted: int
    caught: int
    clean: int
    objected: int
    unusable: int = 0
    runs: tuple[UUID, ...] = ()


def checked(command: RecordReviewerCheck) -> ReviewerChecked:
    """Return the event of a check. Raises Invalid for numbers that no check can have."""
    reviews = command.planted + command.clean + command.unusable
    sound = 0 <= command.caught <= command.planted and 0 <= command.objected <= command.clean
    if not sound or command.unusable < 0 or not 0 < reviews <= REVIEWS_MAX or len(command.runs) != reviews:
        raise Invalid(
            f"A check with {command.caught} of {command.planted} caught defects, {command.objected} of "
            f"{command.clean} objections and {len(command.runs)} runs is not possible.",
            hint="Let `aura reviewers check NAME` measure and record it.",
        )
    return ReviewerChecked(
        employee=command.employee,
        employee_version=command.employee_version,
        planted=command.planted,
        caught=command.caught,
        clean=command.clean,
        objected=command.objected,
        unusable=command.unusable,
        runs=command.runs,
    )
