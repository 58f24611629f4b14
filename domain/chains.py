"""The fallback chains of the organisation: role -> its employees, in order."""

from collections.abc import Mapping
from uuid import UUID

from domain.organisation_messages import WorkRole


def with_chain(
    chains: Mapping[WorkRole, tuple[UUID, ...]], role: WorkRole, employees: tuple[UUID, ...]
) -> Mapping[WorkRole, tuple[UUID, ...]]:
    """Return the chains with that of one role replaced. No employees: the role has no chain."""
    rest = {key: chain for key, chain in chains.items() if key != role}
    return {**rest, role: employees} if employees else rest
