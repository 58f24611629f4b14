"""The fallback chains of the organisation: role -> its employees, in order."""

from collections.abc import Mapping
from uuid import UUID

from domain.errors import Invalid
from domain.organisation_messages import WorkRole

FALLBACK_EMPLOYEES_MAX = 16
"""The most employees of one fallback chain."""


def with_chain(
    chains: Mapping[WorkRole, tuple[UUID, ...]], role: WorkRole, employees: tuple[UUID, ...]
) -> Mapping[WorkRole, tuple[UUID, ...]]:
    """Return the chains with that of one role replaced. No employees: the role has no chain."""
    rest = {key: chain for key, chain in chains.items() if key != role}
    return {**rest, role: employees} if employees else rest


def checked_chain(role: WorkRole, employees: tuple[UUID, ...]) -> tuple[UUID, ...]:
    """Return the employees of a chain. Raises Invalid for too many employees, or one that is named twice."""
    if len(employees) > FALLBACK_EMPLOYEES_MAX:
        raise Invalid(
            f"The fallback chain of the role {role} has {len(employees)} employees. "
            f"The limit is {FALLBACK_EMPLOYEES_MAX}.",
            hint="Name the employees that matter most.",
        )
    if len(set(employees)) < len(employees):
        raise Invalid(
            f"The fallback chain of the role {role} names an employee twice.", hint="Name each employee once."
        )
    return employees
