"""The blacklist: versions of employees that nobody may work with."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.clock import now
from bus.store import Store
from director.services.session import archive, desk, in_time, new_id
from director.services.views import BLACKLIST, PEOPLE, Person
from director.settings import Settings
from domain.errors import Invalid, NotFound
from domain.organisation import BlacklistVersion, ClearVersion


class BlacklistedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A blacklisted version. `employees`: the names of the employees that have it and are not dismissed."""

    version: UUID
    reason: str
    at: int
    employees: tuple[str, ...]


class BlacklistChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A version and the event (`seq`) that changed the blacklist; 0 if it was blacklisted before.

    `employees`: the names of the employees that have it and are not dismissed.
    """

    version: UUID
    seq: int
    employees: tuple[str, ...]


async def blacklisted_versions(store: Store) -> tuple[UUID, ...]:
    """Return the blacklisted versions, for a command that must not let such a version work."""
    return tuple(line.version for line in await BLACKLIST.read(store))


async def list_blacklist(settings: Settings) -> list[BlacklistedVersion]:
    """Return the blacklisted versions, the oldest first."""
    async with archive(settings) as store:
        people = await PEOPLE.read(store)
        return [
            BlacklistedVersion(
                version=line.version, reason=line.reason, at=line.at, employees=_names(people, line.version)
            )
            for line in await BLACKLIST.read(store)
        ]


async def add_version(settings: Settings, what: str, reason: str) -> BlacklistChanged:
    """Blacklist a version. HR suspends each employee that has it. `what`: see `version_in`.

    Raises NotFound and Invalid.
    """
    async with desk(settings) as opened:
        people = await PEOPLE.read(opened.store)
        version = version_in(people, what)
        outcome = await opened.done(BlacklistVersion(id=new_id(), at=now(), employee_version=version, reason=reason))

        async def there() -> bool:
            working = [
                each.name
                for each in await PEOPLE.read(opened.store)
                if each.version == version and each.phase == "working"
            ]
            return version in await blacklisted_versions(opened.store) and not working

        await in_time(there)
    return BlacklistChanged(version=version, seq=outcome.seq, employees=_names(people, version))


async def remove_version(settings: Settings, what: str, reason: str) -> BlacklistChanged:
    """Take a version off the blacklist. Its employees stay suspended until the Director reinstates them.

    Raises NotFound, Invalid, and Refused if the version is not on the list.
    """
    async with desk(settings) as opened:
        people = await PEOPLE.read(opened.store)
        listed = [line.version for line in await BLACKLIST.read(opened.store)]
        version = version_in(people, what, listed)
        outcome = await opened.done(ClearVersion(id=new_id(), at=now(), employee_version=version, reason=reason))

        async def there() -> bool:
            return version not in await blacklisted_versions(opened.store)

        await in_time(there)
    return BlacklistChanged(version=version, seq=outcome.seq, employees=_names(people, version))


def version_in(people: Sequence[Person], what: str, listed: Sequence[UUID] = ()) -> UUID:
    """Return a version by the name of an employee that has it, by its id, or by the beginning of its id.

    A whole id need not belong to an employee. Raises NotFound if nothing matches, and Invalid if several match.
    """
    named = [person for person in people if person.name == what]
    present = [person for person in named if person.phase != "dismissed"] or named[-1:]
    versions = {person.version for person in present}
    if not versions and what:
        known = {person.version for person in people} | set(listed)
        versions = {version for version in known if str(version).startswith(what.lower())}
    if not versions:
        try:
            return UUID(what)
        except ValueError:
            raise NotFound(
                f"There is no employee and no version {what!r}.",
                hint="Give the name of an employee, or the id of a version. `aura employees --json` shows both.",
            ) from None
    if len(versions) > 1:
        raise Invalid(f"{len(versions)} versions match {what!r}.", hint="Write the whole id of the version.")
    return versions.pop()


def _names(people: Sequence[Person], version: UUID) -> tuple[str, ...]:
    return tuple(person.name for person in people if person.version == version and person.phase != "dismissed")
