"""Hires a dismissed employee again, on probation, with its id, record and strikes."""

from pathlib import Path

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.posting_lock import changing
from bus.clock import now
from director.services.blacklist import blacklisted_versions
from director.services.name_holders import holder_of
from director.services.session import desk, find_employee, new_id
from director.services.staff import StandingChanged, shown
from director.services.views import PEOPLE, Person
from director.settings import Settings
from director.terminal.text import clock
from domain.employee import Rehire
from domain.errors import AuraError, Conflict, Contention, NotFound, Refused, Unavailable
from governance import hr_rules


async def rehire(settings: Settings, who: str, reason: str) -> StandingChanged:
    """Give a dismissed employee its employment again, and put its file back.

    Raises NotFound for an unknown employee or without its file, Conflict if another employee has its name, Invalid
    without a reason, and Refused if it is not dismissed, before the end of the wait, or for a blacklisted version.
    """
    folder = settings.employees
    async with desk(settings) as opened, changing(folder):
        employee = await find_employee(opened.store, who)
        people = await PEOPLE.read(opened.store)
        person = next(each for each in people if each.employee == employee)
        at = now()
        if person.phase == "dismissed":
            _check(person, people, folder, at)
        was_away = postings.bring_back(folder, employee)
        blacklisted = await blacklisted_versions(opened.store)
        try:
            outcome = await opened.done(
                Rehire(
                    id=new_id(),
                    at=at,
                    employee=employee,
                    reason=reason,
                    blacklisted=blacklisted,
                    ceilings=hr_rules.in_force(settings.root).of_tiers.of("probation").ceilings,
                )
            )
        except AuraError as error:
            if was_away and not isinstance(error, Unavailable | Contention):  # refused: no event is on the log
                postings.put_away(folder, employee)
            raise
        await shown(opened, employee, lambda shown_person: shown_person.phase != "dismissed")
    return StandingChanged(employee=employee, seq=outcome.seq)


def _check(person: Person, people: list[Person], folder: Path, at: int) -> None:
    """Raise the error for a name that is in use, for a missing file, or for a wait that is not over."""
    kept = postings.named(folder, person.name)
    if _in_use(person, people, kept):
        raise Conflict(
            f"Another employee has the name {person.name}.",
            hint=f"Rename that employee first: aura rename {person.name} NEW. Then give the id of the dismissed one: "
            f"aura rehire {person.employee} --reason …",
            code="name_used",
        )
    if kept is None and not postings.is_away(folder, person.employee):
        raise NotFound(
            f"The file of {person.name} ({person.employee}) is not in {folder}, so no worker can serve it.",
            hint=f"Hire a new employee: aura hire {person.name} …",
        )
    if person.rehire_from is not None and at < person.rehire_from:
        raise Refused(
            f"A strike ended the employment of {person.name}. "
            f"Nobody may hire it again before {clock(person.rehire_from)} UTC.",
            hint="If a strike was wrong: `aura appeal file`. `aura rules show` shows the wait (rehire.after_days).",
            code="rehire_too_early",
        )


def _in_use(person: Person, people: list[Person], kept: Posting | None) -> bool:
    """Return whether another employee has the name, also one that was hired a moment ago."""
    return holder_of(people, person.name, kept) is not None or (kept is not None and kept.id != person.employee)
