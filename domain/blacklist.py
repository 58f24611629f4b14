"""The decisions about blacklisted versions of employees."""

from collections.abc import Collection
from uuid import UUID

from domain.errors import Refused
from domain.organisation_messages import BlacklistVersion, ClearVersion, VersionBlacklisted, VersionCleared
from domain.reason import reason_of


def decide(
    command: BlacklistVersion | ClearVersion, blacklisted: Collection[UUID]
) -> tuple[VersionBlacklisted | VersionCleared, ...]:
    """Put a version on the blacklist, or take it off. `blacklisted`: the versions that are on it."""
    version, listed = command.employee_version, command.employee_version in blacklisted
    if isinstance(command, BlacklistVersion):
        return () if listed else (VersionBlacklisted(employee_version=version, reason=reason_of(command.reason)),)
    if not listed:
        raise Refused(
            f"Version {version} is not blacklisted.",
            hint="`aura blacklist list` lists the versions that are.",
        )
    return (VersionCleared(employee_version=version, reason=reason_of(command.reason)),)
