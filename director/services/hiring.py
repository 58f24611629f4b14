"""Hires, updates, renames and dismisses employees. A name belongs to one employee at a time (ADR 0030)."""

from collections.abc import Callable
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from agents.cli_agents.library import templates
from agents.employees import postings
from agents.employees.account_files import load_accounts
from agents.employees.posting import Posting
from agents.employees.posting_lock import changing
from agents.employees.providers.table import profile_of
from bus.clock import now
from director.services.blacklist import blacklisted_versions
from director.services.checked_posting import checked, with_server_of_account
from director.services.hire_agent import posting_of_hire
from director.services.hire_options import Hiring
from director.services.model_facts import with_facts
from director.services.name_holders import holder_of, last_dismissed
from director.services.present_posting import with_digest, with_present_limits
from director.services.session import DirectorSession, desk, find_employee, new_id
from director.services.staff import StandingChanged, server_of, shown
from director.services.views import PEOPLE, RECORD, Person
from director.settings import Settings
from director.terminal.text import clock
from domain.employee import Dismiss, Hire, Profile, Rename, version_of
from domain.errors import AuraError, Conflict, Contention, NotFound, Unavailable
from governance.hr_rules import with_start

Progress = Callable[[str], None]
Change = Literal["hired", "updated", "reached", "unchanged"]
"""`reached`: only the way to reach the employee has changed, for example its key. No event is recorded for that."""


class Hired(msgspec.Struct, frozen=True, kw_only=True):
    """An employee after a hire or an update.

    `suspended`: when and why it was suspended; empty if it was not. `note`: what its server could not be asked.
    """

    employee: UUID
    name: str
    version: UUID
    change: Change
    profile: Profile
    suspended: str = ""
    note: str = ""


class _Holder(NamedTuple):
    """The employee that has a name. `person` None: its hire is on the log, but not yet in HR's rows."""

    employee: UUID
    person: Person | None


class _Names:
    """The names of all employees. They are read while the command holds the lock of the postings."""

    def __init__(self, opened: DirectorSession, people: list[Person]) -> None:
        self._opened = opened
        self._people = people

    @classmethod
    async def read(cls, opened: DirectorSession) -> "_Names":
        return cls(opened, await PEOPLE.read(opened.store))

    async def holder(self, name: str, kept: Posting | None) -> _Holder | None:
        """Return the employee that has the name, also if its hire is not yet in HR's rows."""
        person = holder_of(self._people, name, kept)
        if person is not None:
            return _Holder(person.employee, person)
        if kept is None or any(person.employee == kept.id for person in self._people):
            return None
        if await self._opened.store.read_entity(kept.id):
            return _Holder(kept.id, None)
        return None

    def dismissed(self, name: str) -> Person | None:
        return last_dismissed(self._people, name)


async def hire(settings: Settings, wanted: Hiring) -> Hired:
    """Hire an employee under a free name.

    Raises Conflict if the name is in use. Raises Invalid if an option is not valid or the price is not known.
    """
    accounts = load_accounts(settings.employees)
    wanted = with_server_of_account(wanted, accounts)
    posting, note = await with_facts(posting_of_hire(wanted, known=templates(settings.employees)), wanted)
    posting = await checked(posting, accounts)
    async with desk(settings) as opened, changing(settings.employees):
        names = await _Names.read(opened)
        kept = postings.named(settings.employees, wanted.name)
        if (holder := await names.holder(wanted.name, kept)) is not None:
            raise await _in_use(opened, wanted.name, holder)
        return replace(await _hired(opened, posting, kept), note=note)


async def update(settings: Settings, wanted: Hiring) -> Hired:
    """Give an employee another version, or another way to reach it. Options that are not given stay.

    Raises NotFound if nobody has the name, and the errors of `hire`.
    """
    async with desk(settings) as opened, changing(settings.employees):
        names = await _Names.read(opened)
        kept = postings.named(settings.employees, wanted.name)
        holder = await names.holder(wanted.name, kept)
        if holder is None:
            raise _nobody(wanted.name, names.dismissed(wanted.name))
        present = kept if kept is not None and kept.id == holder.employee else None
        accounts = load_accounts(settings.employees)
        wanted = with_server_of_account(wanted, accounts)
        posting = posting_of_hire(wanted, present, known=templates(settings.employees))
        posting, note = await with_facts(posting, wanted, present)
        posting = await checked(replace(posting, hired_as=holder.employee), accounts)
        return replace(await _updated(opened, posting, present, holder), note=note)


async def ensure(opened: DirectorSession, posting: Posting, on_progress: Progress = lambda _: None) -> Hired | None:
    """Hire the employee of this posting, or update it if the posting describes another version.

    Return None if the employee of this name was dismissed. Only a person can use this name again (`aura hire`).
    """
    return await declare(opened, posting, keep=with_present_limits, on_progress=on_progress)


async def declare(
    opened: DirectorSession,
    posting: Posting,
    *,
    keep: Callable[[Posting, Posting], Posting] = with_digest,
    bring_back: bool = False,
    on_progress: Progress = lambda _: None,
) -> Hired | None:
    """Hire the employee of this posting, or give the employee that has the name these settings.

    `keep`: returns the settings to write, from the posting and the present posting. Return None if the employee of this
    name was dismissed; with `bring_back`, a new employee is hired under its name.
    """
    folder = opened.settings.employees
    async with changing(folder):
        names = await _Names.read(opened)
        kept = postings.named(folder, posting.name)
        holder = await names.holder(posting.name, kept)
        if holder is None:
            gone = names.dismissed(posting.name)
            if gone is not None and not bring_back:
                on_progress(_not_brought_back(posting, gone))
                return None
            return await _hired(opened, posting, kept)
        present = kept if kept is not None and kept.id == holder.employee else None
        posting = replace(posting, hired_as=holder.employee)
        if present is not None:
            posting = keep(posting, present)
        return await _updated(opened, posting, present, holder)


async def dismiss(settings: Settings, who: str, reason: str) -> StandingChanged:
    """Dismiss an employee and free its name. `seq` is 0 if it was dismissed before.

    Raises NotFound for an unknown employee, and Invalid without a reason.
    """
    async with desk(settings) as opened, changing(settings.employees):
        employee = await find_employee(opened.store, who)
        outcome = await opened.done(Dismiss(id=new_id(), at=now(), employee=employee, reason=reason))
        postings.put_away(settings.employees, employee)
        await shown(opened, employee, lambda person: person.phase == "dismissed")
    return StandingChanged(employee=employee, seq=outcome.seq)


async def rename(settings: Settings, who: str, name: str) -> StandingChanged:
    """Give an employee another name. `seq` is 0 if it has that name already.

    Raises NotFound for an unknown employee, Conflict if another employee has the name, Invalid for a name that is not
    valid, and Refused for a dismissed employee.
    """
    postings.checked_name(name)
    folder = settings.employees
    async with desk(settings) as opened, changing(folder):
        employee = await find_employee(opened.store, who)
        names = await _Names.read(opened)
        holder = await names.holder(name, postings.named(folder, name))
        if holder is not None and holder.employee != employee:
            raise await _in_use(opened, name, holder)
        outcome = await opened.done(Rename(id=new_id(), at=now(), employee=employee, name=name))
        kept = next((posting for posting in postings.load_all(folder) if posting.id == employee), None)
        if kept is not None and kept.name != name:
            postings.save(folder, replace(kept, name=name, hired_as=employee))
            postings.path_of(folder, kept.name).unlink(missing_ok=True)
        await shown(opened, employee, lambda person: person.name == name)
    return StandingChanged(employee=employee, seq=outcome.seq)


async def _hired(opened: DirectorSession, posting: Posting, leftover: Posting | None) -> Hired:
    """Create the posting file, which claims the name, and then hire the employee.

    `leftover`: an old posting file of this name, after a dismissal or a hire that did not finish.
    """
    folder = opened.settings.employees
    if leftover is not None:
        postings.put_away(folder, leftover.id)
    posting = replace(posting, hired_as=new_id())
    if not postings.create(folder, posting):
        raise Conflict(
            f"Another command has just taken the name {posting.name}.", hint="Choose another name.", code="name_used"
        )
    profile = profile_of(posting)
    try:
        blacklisted = await blacklisted_versions(opened.store)
        command = Hire(id=new_id(), at=now(), employee=posting.id, profile=profile, blacklisted=blacklisted)
        await opened.done(with_start(command, opened.settings.root))
    except AuraError as error:
        if not isinstance(error, Unavailable | Contention):  # refused: no event is on the log
            postings.remove(folder, posting.id)
        raise
    await shown(opened, posting.id, lambda _person: True)
    return Hired(employee=posting.id, name=posting.name, version=version_of(profile), change="hired", profile=profile)


async def _updated(opened: DirectorSession, posting: Posting, present: Posting | None, holder: _Holder) -> Hired:
    """Record the new profile, then replace the file. The old worker finishes its calls, and a new one takes over."""
    profile = profile_of(posting)
    blacklisted = await blacklisted_versions(opened.store)
    outcome = await opened.done(
        Hire(id=new_id(), at=now(), employee=posting.id, profile=profile, blacklisted=blacklisted)
    )
    if posting != present:
        postings.save(opened.settings.employees, posting)
    change: Change = "updated" if outcome.events else "reached" if posting != present else "unchanged"
    if outcome.events:
        await shown(opened, posting.id, lambda person: person.version == version_of(profile))
    return Hired(
        employee=posting.id,
        name=posting.name,
        version=version_of(profile),
        change=change,
        profile=profile,
        suspended=await _why_suspended(opened, holder.person),
    )


async def _why_suspended(opened: DirectorSession, person: Person | None) -> str:
    """Return when and why an employee was suspended; empty if it is not suspended."""
    if person is None or person.phase != "suspended":
        return ""
    record = await RECORD.read(opened.store)
    lines = [line for line in record if (line.employee, line.kind) == (person.employee, "suspended")]
    return f"suspended since {clock(lines[-1].at)} UTC: {lines[-1].reason}" if lines else "suspended"


async def _in_use(opened: DirectorSession, name: str, holder: _Holder) -> Conflict:
    """Return the error for a name in use, with the possible next steps."""
    person = holder.person
    server = server_of(person) if person is not None else ""
    what = "hired just now" if person is None else f"{person.model} at {server}" if server else person.model
    remedies = [
        f"Choose another name; or dismiss {name}, so that the name is free: aura dismiss {name} --reason …",
        f"Or change the present employee, which keeps its strikes: aura hire {name} --update …",
    ]
    suspended = await _why_suspended(opened, person)
    if suspended:
        remedies[1] += " (this does not lift the suspension)"
        remedies.append(f"Or end the suspension: aura reinstate {name} --reason …")
    return Conflict(
        f"{name} is on the staff already ({what})" + (f", {suspended}" if suspended else "") + ".",
        hint="\n".join(remedies),
        code="name_used",
    )


def _not_brought_back(posting: Posting, gone: Person) -> str:
    """Return the note that an employee stays dismissed, and the command that hires under its name again."""
    where = f" --base-url {posting.base_url} --model {posting.model}" if posting.base_url else " …"
    said = f"{posting.name} was dismissed on {clock(gone.dismissed_at)} UTC and is not hired again."
    return f"{said} To hire under this name again: aura hire {posting.name}{where}"


def _nobody(name: str, gone: Person | None) -> NotFound:
    """Return the error for an update of a name that nobody has."""
    if gone is None:
        return NotFound(f"No employee is called {name}.", hint=f"Hire without --update: aura hire {name} …")
    return NotFound(
        f"{name} was dismissed on {clock(gone.dismissed_at)} UTC.",
        hint=f"Hire it again with its record: aura rehire {name} --reason … "
        f"Or hire a new employee without --update: aura hire {name} … It does not have the old record.",
    )
