"""Appeals of strikes: file one, decide it, and list the open ones."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from bus.clock import now
from bus.store import Store
from director.services.session import archive, desk, find_employee, in_time, new_id
from director.services.staff import StandingChanged
from director.services.views import RECORD, RecordLine
from director.settings import Settings
from domain.employee import Appeal, DecideAppeal
from domain.errors import Invalid, NotFound
from governance import hr_rules

STRIKES = frozenset({"warned", "suspended", "dismissed"})
"""The kinds of lines of a record that can be a strike. A strike has an incident and a step."""
APPEALS = frozenset({"appealed", "appeal_granted", "appeal_denied"})


class OpenAppeal(msgspec.Struct, frozen=True, kw_only=True):
    """An appeal that waits for the Director's decision. `answered`: warned, suspended or dismissed."""

    employee: UUID
    name: str | None
    incident: UUID
    grounds: str
    filed_at: int
    answered: str
    strike_reason: str


async def open_appeals(settings: Settings) -> list[OpenAppeal]:
    """Return the appeals that are not decided, the oldest first."""
    async with archive(settings) as store:
        return await open_appeals_in(store)


async def open_appeals_in(store: Store) -> list[OpenAppeal]:
    """Return the appeals that are not decided, the oldest first."""
    return open_in(await RECORD.read(store))


def open_in(record: Sequence[RecordLine]) -> list[OpenAppeal]:
    """Return the appeals of a record that are not decided. `record`: the oldest line first."""
    last = {(line.employee, line.incident): line for line in record if line.kind in APPEALS}
    strikes = {(line.employee, line.incident): line for line in record if line.step is not None}
    return [
        OpenAppeal(
            employee=line.employee,
            name=line.name,
            incident=line.incident,
            grounds=line.reason,
            filed_at=line.at,
            answered=strikes[key].kind,
            strike_reason=strikes[key].reason,
        )
        for key, line in last.items()
        if line.kind == "appealed" and line.incident is not None and key in strikes
    ]


async def file_appeal(settings: Settings, who: str, incident: str, grounds: str) -> StandingChanged:
    """Ask for the reversal of a strike. `incident`: its id, or the beginning of it.

    Raises NotFound without such a strike, Invalid without grounds, and Refused if it is reversed, or appealed already.
    """
    filings_max = hr_rules.in_force(settings.root).appeals.filings_max
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        strike = strike_of(await RECORD.read(opened.store), employee, incident)
        command = Appeal(
            id=new_id(), at=now(), employee=employee, incident=strike, grounds=grounds, filings_max=filings_max
        )
        outcome = await opened.done(command)

        async def there() -> bool:
            return any(each.incident == strike for each in await open_appeals_in(opened.store))

        await in_time(there)
    return StandingChanged(employee=employee, seq=outcome.seq)


async def decide_appeal(settings: Settings, who: str, incident: str, *, granted: bool, reason: str) -> StandingChanged:
    """Decide an open appeal. A granted appeal reverses the strike, and ends a suspension or dismissal that needs it.

    Raises NotFound without such a strike, Invalid without a reason, and Refused without an open appeal.
    """
    async with desk(settings) as opened:
        employee = await find_employee(opened.store, who)
        strike = strike_of(await RECORD.read(opened.store), employee, incident)
        command = DecideAppeal(
            id=new_id(), at=now(), employee=employee, incident=strike, granted=granted, reason=reason
        )
        outcome = await opened.done(command)

        async def there() -> bool:
            return not any(each.incident == strike for each in await open_appeals_in(opened.store))

        await in_time(there)
    return StandingChanged(employee=employee, seq=outcome.seq)


def strike_of(record: Sequence[RecordLine], employee: UUID, text: str) -> UUID:
    """Return the incident of an employee's strike by its id, or the beginning of it. Raises NotFound, Invalid."""
    incidents = {line.incident for line in record if line.employee == employee and line.kind in STRIKES}
    matching = [each for each in incidents if each is not None and str(each).startswith(text.lower())]
    if not text or not matching:
        raise NotFound(
            f"This employee has no strike of an incident {text!r}.",
            hint="`aura employees --all` shows each strike with its incident.",
        )
    if len(matching) > 1:
        raise Invalid(f"{len(matching)} incidents begin with {text!r}.", hint="Write more of the id.")
    return matching[0]
