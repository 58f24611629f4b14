"""The staff: who they are, how they stand, what they did and cost; and a change of somebody's standing."""

from collections.abc import Callable
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from agents.workers.questions import ask_workers
from bus.clock import now
from director.services.session import DirectorSession, archive, desk, find_employee, in_time, new_id
from director.services.views import COSTS, PEOPLE, RECORD, SCORES, Person, RecordLine, RunCost, Score
from director.settings import Settings
from domain.employee import Profile, Reinstate, Suspend

_profile = msgspec.json.Decoder(Profile)


class Member(Person, frozen=True, kw_only=True):
    """One of the staff. `probe`: "ok" and the seconds, or what is wrong; None if nobody was asked."""

    probe: str | None = None


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """The staff with its record, by date."""

    employees: tuple[Member, ...]
    strikes: tuple[RecordLine, ...]

    @property
    def silent(self) -> tuple[Member, ...]:
        """Those who were asked and did not answer well."""
        return tuple(person for person in self.employees if person.probe and not person.probe.startswith("ok"))


class StandingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An employee stands otherwise since event `seq`."""

    employee: UUID
    seq: int


def server_of(person: Person) -> str:
    """Return scheme, host and port of its server; empty if that is not known or the organisation's own."""
    return _profile.decode(person.profile).server


async def list_staff(
    settings: Settings,
    *,
    dismissed: bool = False,
    probe: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Staff:
    """Return the staff. `dismissed`: also who has left. `probe`: with one small call of each who has not.

    Raises Unavailable if `probe` and nothing runs.
    """
    nats_url = settings.endpoints().nats_url if probe else ""
    async with archive(settings) as store:
        people = [
            Member(**asdict(person)) for person in await PEOPLE.read(store) if dismissed or person.phase != "dismissed"
        ]
        lines = await RECORD.read(store)
    if probe:
        asked = {person.employee: person.name for person in people if person.phase != "dismissed"}
        on_progress(f"calling {', '.join(asked.values()) or 'nobody'} …")
        results = await ask_workers(nats_url, asked, call=True)
        people = [
            replace(person, probe=results[person.employee].said) if person.employee in results else person
            for person in people
        ]
    listed = {person.employee for person in people}
    return Staff(employees=tuple(people), strikes=tuple(line for line in lines if line.employee in listed))


async def shown(opened: DirectorSession, employee: UUID, as_wanted: Callable[[Person], bool]) -> None:
    """Wait until HR's rows show it, so that the next command does; not for ever, as HR may be away."""

    async def there() -> bool:
        return any(person.employee == employee and as_wanted(person) for person in await PEOPLE.read(opened.store))

    await in_time(there)


async def suspend(settings: Settings, who: str, reason: str) -> StandingChanged:
    """Take an employee out of work. Raises NotFound, Invalid without a reason, Refused if it is suspended already."""
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        outcome = await opened.done(Suspend(id=new_id(), at=now(), employee=employee, reason=reason))
        await shown(opened, employee, lambda person: person.phase == "suspended")
    return StandingChanged(employee=employee, seq=outcome.seq)


async def reinstate(settings: Settings, who: str, reason: str) -> StandingChanged:
    """Put a suspended employee back to work, without its strikes. Raises NotFound, Invalid, Refused."""
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        outcome = await opened.done(Reinstate(id=new_id(), at=now(), employee=employee, reason=reason))
        await shown(opened, employee, lambda person: person.phase == "working")
    return StandingChanged(employee=employee, seq=outcome.seq)


async def scores(settings: Settings) -> list[Score]:
    """Return what each employee achieved."""
    async with archive(settings) as store:
        return await SCORES.read(store)


async def costs(settings: Settings) -> list[RunCost]:
    """Return what each run cost, the newest first."""
    async with archive(settings) as store:
        return await COSTS.read(store)
