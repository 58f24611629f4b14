"""The use case of employees.toml: make the staff as the file says."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from uuid import UUID

from msgspec.structs import replace

from agents.cli_agents.library import templates
from agents.employees.account_files import load_accounts
from agents.employees.posting import Posting
from agents.employees.posting_lock import changing
from bus.clock import now
from director.services import hiring
from director.services.accounts import set_account
from director.services.employees_file import EmployeesFile, read_employees_file
from director.services.model_facts import with_facts
from director.services.session import DirectorSession, archive, desk, in_time, new_id
from director.services.staff_changes import ChainChange, PresentStaff, StaffChanges, Wanted, compared
from director.services.views import FALLBACK, chain_ids
from director.settings import Settings
from domain.errors import Invalid
from domain.organisation import SetFallback
from domain.reason import reason_of

Say = Callable[[str], None]
MODEL_OPTIONS = frozenset({"provider", "base-url", "model"})
"""Options that select the model: if one of them changes, the model is another one."""


async def compare(settings: Settings, file: EmployeesFile, wanted: Wanted) -> StaffChanges:
    """Return the changes that the file asks for, without making them. The servers of `aura up` need not run.

    Raises EmployeesFileInvalid if a chain names an employee that neither the file nor the staff has.
    """
    async with archive(settings) as store:
        return compared(await PresentStaff.read(store, settings), file, wanted)


async def apply(settings: Settings, path: Path, wanted: Wanted, *, on_progress: Say = lambda _: None) -> StaffChanges:
    """Read a file and make the staff as it says. With `dry_run`, only compare.

    Nobody is dismissed without `dismiss_others`. A role that the file does not name keeps its fallback chain.
    Raises EmployeesFileInvalid with all problems of the file, and Invalid for a dismissal without a reason. Then
    nothing was changed.
    """
    if wanted.dismiss_others:
        reason_of(wanted.reason)
    file = await read_employees_file(path, templates(settings.employees), load_accounts(settings.employees))
    if wanted.dry_run:
        return await compare(settings, file, wanted)
    async with desk(settings) as opened:
        return await apply_file(opened, file, wanted, on_progress=on_progress)


async def apply_file(
    opened: DirectorSession, file: EmployeesFile, wanted: Wanted, *, on_progress: Say = lambda _: None
) -> StaffChanges:
    """Make the staff as a file says that was read before. Raises the errors of `apply`."""
    before = await PresentStaff.read(opened.store, opened.settings)
    planned = compared(before, file, wanted)
    await _set_accounts(opened, file, planned)
    asked = await _with_facts(file, planned, on_progress)
    hired: dict[str, UUID] = {}
    changes = []
    for change in planned.employees:
        if change.change in ("hired", "updated"):
            on_progress(f"{change.name}: {'hiring' if change.change == 'hired' else 'updating'} …")
            result = await hiring.declare(opened, asked[change.name], bring_back=wanted.bring_back)
            change = replace(change, employee=result.employee) if result is not None else change
        if change.employee is not None:
            hired[change.name] = change.employee
        changes.append(change)
    await _set_chains(opened, planned.chains, before, hired)
    for name in planned.dismissed:
        await hiring.dismiss(opened.settings, name, wanted.reason)
    return replace(planned, employees=tuple(changes))


async def _set_accounts(opened: DirectorSession, file: EmployeesFile, planned: StaffChanges) -> None:
    """Record each account of the file that is new or has other settings. Other accounts stay."""
    changed = {change.name for change in planned.accounts if change.change != "unchanged"}
    async with changing(opened.settings.employees):
        for account in file.accounts:
            if account.name in changed:
                await set_account(opened, account)


async def _with_facts(file: EmployeesFile, planned: StaffChanges, say: Say) -> dict[str, Posting]:
    """Return the postings of the file by name. The server of a new model is asked for its facts.

    A server that does not have the model is only reported: the calls of the employee say so, too.
    """
    postings = {}
    for declared, change in zip(file.employees, planned.employees, strict=True):
        postings[declared.name] = declared.posting
        moved = MODEL_OPTIONS.intersection(difference.option for difference in change.differences)
        if change.change == "hired" or (change.change == "updated" and moved):
            try:
                postings[declared.name], note = await with_facts(declared.posting, declared.wanted)
            except Invalid as error:
                note = error.message
            if note:
                say(f"{declared.name}: {note}")
    return postings


async def _set_chains(
    opened: DirectorSession, chains: Sequence[ChainChange], before: PresentStaff, hired: Mapping[str, UUID]
) -> None:
    """Record each chain whose employees differ, and wait until the manager's rows show it."""
    for chain in chains:
        employees = tuple(hired[name] if name in hired else before.id_of(name) for name in chain.after)
        if employees == before.chains.get(chain.role, ()):
            continue
        await opened.done(SetFallback(id=new_id(), at=now(), role=chain.role, employees=employees))
        await in_time(partial(_shows, opened, chain.role, employees))


async def _shows(opened: DirectorSession, role: str, employees: tuple[UUID, ...]) -> bool:
    lines = {line.role: chain_ids(line) for line in await FALLBACK.read(opened.store)}
    return lines.get(role, ()) == employees
