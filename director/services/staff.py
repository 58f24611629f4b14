"""The staff: employees, their standing and scores. Two commands, suspend and reinstate, change a standing."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from agents.workers.probe_call import Tools
from agents.workers.questions import Probed, ask_workers
from bus.clock import now
from director.services.blacklist import blacklisted_versions
from director.services.career_view import Career, careers_in
from director.services.session import DirectorSession, archive, desk, find_employee, in_time, new_id
from director.services.views import (
    FALLBACK,
    PEOPLE,
    RECORD,
    SCORES,
    ChainLine,
    Person,
    RecordLine,
    Score,
    chain_ids,
)
from director.settings import Settings
from domain.employee import Profile, Reinstate, SessionTerms, Suspend
from domain.ladder import after_days

_profile = msgspec.json.Decoder(Profile)


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of a probe. A value is None if it is not known.

    `seconds`: until the answer. `price`: the source of the employee's prices. `context_tokens`: the longest prompt and
    answer together that the employee may use. `server_context_tokens`: the context that the server states. `tools`:
    whether the server accepts native tool calls for this model (yes, no, unknown).
    """

    seconds: float | None
    tokens: int | None
    cost_usd: Decimal | None
    estimated: bool
    price: str
    context_tokens: int
    server_context_tokens: int | None
    tools: Tools


class Member(Person, frozen=True, kw_only=True):
    """One employee. `probe`: "ok" and the seconds, or the fault; None if it was not probed. `probed`: its facts, if a
    worker answered. `career`: None if it has no tier.
    """

    probe: str | None = None
    probed: Probe | None = None
    career: Career | None = None

    @property
    def session(self) -> SessionTerms | None:
        """The limits of its sessions; None if it answers with one call."""
        return _profile.decode(self.profile).session


class RoleChain(msgspec.Struct, frozen=True, kw_only=True):
    """The fallback chain of a role, as ids and as names. The name of a dismissed employee has that word after it."""

    role: str
    employees: tuple[UUID, ...]
    names: tuple[str, ...]


class Staff(msgspec.Struct, frozen=True, kw_only=True):
    """The staff with its record, by date, and its fallback chains."""

    employees: tuple[Member, ...]
    strikes: tuple[RecordLine, ...]
    fallback: tuple[RoleChain, ...] = ()

    @property
    def silent(self) -> tuple[Member, ...]:
        """The employees that were probed and gave no good answer."""
        return tuple(person for person in self.employees if person.probe and not person.probe.startswith("ok"))


class StandingChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An employee and the event (`seq`) that changed its standing."""

    employee: UUID
    seq: int


def server_of(person: Person) -> str:
    """Return scheme, host and port of an employee's server; empty for an unknown or embedded server."""
    return profile_of(person).server


def profile_of(person: Person) -> Profile:
    """Return the profile of an employee."""
    return _profile.decode(person.profile)


async def list_staff(
    settings: Settings,
    *,
    dismissed: bool = False,
    probe: bool = False,
    on_progress: Callable[[str], None] = lambda _: None,
) -> Staff:
    """Return the staff. `dismissed`: include dismissed employees. `probe`: each other employee's worker makes one call.

    Raises Unavailable if `probe` is set and nothing runs.
    """
    nats_url = settings.endpoints().nats_url if probe else ""
    async with archive(settings) as store:
        everybody = await PEOPLE.read(store)
        careers = await careers_in(store, settings)
        people = [
            Member(**asdict(person), career=careers.get(person.employee))
            for person in everybody
            if dismissed or person.phase != "dismissed"
        ]
        lines = await RECORD.read(store)
        chains = tuple(_chain(line, everybody) for line in await FALLBACK.read(store))
    if probe:
        asked = {person.employee: person.name for person in people if person.phase != "dismissed"}
        on_progress(f"calling {', '.join(asked.values()) or 'nobody'} …")
        results = await ask_workers(nats_url, asked, call=True)
        people = [
            _with_probe(person, results[person.employee]) if person.employee in results else person for person in people
        ]
    listed = {person.employee for person in people}
    strikes = tuple(line for line in lines if line.employee in listed)
    return Staff(employees=tuple(people), strikes=strikes, fallback=chains)


def _with_probe(person: Member, result: Probed) -> Member:
    report = result.report
    if report is None:
        return replace(person, probe=result.said)
    call = report.call
    probed = Probe(
        seconds=report.seconds,
        tokens=call.tokens if call else None,
        cost_usd=call.cost_usd if call else None,
        estimated=call.estimated if call else False,
        price=(call.cost_source if call else None) or report.price,
        context_tokens=_profile.decode(person.profile).call_tokens_max,
        server_context_tokens=report.server_context_tokens,
        tools=call.tools if call else "unknown",
    )
    return replace(person, probe=result.said, probed=probed)


def _chain(line: ChainLine, people: Sequence[Person]) -> RoleChain:
    names = {
        person.employee: f"{person.name} (dismissed)" if person.phase == "dismissed" else person.name
        for person in people
    }
    employees = chain_ids(line)
    return RoleChain(role=line.role, employees=employees, names=tuple(names.get(who, str(who)) for who in employees))


async def shown(opened: DirectorSession, employee: UUID, as_wanted: Callable[[Person], bool]) -> None:
    """Wait until HR's rows show a change, so that the next command shows it. Give up after 10 s: HR may not run."""

    async def there() -> bool:
        return any(person.employee == employee and as_wanted(person) for person in await PEOPLE.read(opened.store))

    await in_time(there)


async def suspend(settings: Settings, who: str, reason: str, *, days: int | None = None) -> StandingChanged:
    """Suspend an employee, for a number of days or without a term.

    Raises NotFound, Invalid without a reason, and Refused if the Director has suspended it already.
    """
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        at = now()
        outcome = await opened.done(
            Suspend(id=new_id(), at=at, employee=employee, reason=reason, until=after_days(at, days))
        )
        await shown(opened, employee, lambda person: person.phase == "suspended")
    return StandingChanged(employee=employee, seq=outcome.seq)


async def reinstate(settings: Settings, who: str, reason: str) -> StandingChanged:
    """End the suspension of an employee. Its strikes stay.

    Raises NotFound, Invalid without a reason, and Refused if it is not suspended, or if its version is blacklisted.
    """
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        blacklisted = await blacklisted_versions(opened.store)
        outcome = await opened.done(
            Reinstate(id=new_id(), at=now(), employee=employee, reason=reason, blacklisted=blacklisted)
        )
        await shown(opened, employee, lambda person: person.phase == "working")
    return StandingChanged(employee=employee, seq=outcome.seq)


async def scores(settings: Settings) -> list[Score]:
    """Return the score of each employee."""
    async with archive(settings) as store:
        return await SCORES.read(store)
