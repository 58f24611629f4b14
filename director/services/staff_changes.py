"""The comparison of employees.toml with the staff: the changes that the file asks for."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from agents.employees import postings
from agents.employees.account_files import AccountFile, load_accounts
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bus.store import Store
from director.services.employees_file import Declared, EmployeesFile, EmployeesFileInvalid
from director.services.name_holders import holder_of, last_dismissed
from director.services.present_posting import with_digest
from director.services.views import FALLBACK, PEOPLE, Person, chain_ids
from director.settings import Settings
from domain.employee import Profile
from domain.organisation import WorkRole
from verification.requirements.problems import similar

Change = Literal["hired", "updated", "unchanged", "stays_dismissed"]
OPTION_NAMES: Mapping[str, str] = {
    "kind": "provider",
    "api_key_env": "key-env",
    "output_tokens_max": "output-tokens",
    "prompt_tokens_max": "prompt-tokens",
}
"""Field of a posting -> its option. The option of any other field is the field's name with hyphens."""
_profile = msgspec.json.Decoder(Profile)


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """An option of an employee that the file changes."""

    option: str
    before: str
    after: str


class DeclaredChange(msgspec.Struct, frozen=True, kw_only=True):
    """One employee of the file. `employee`: its id; None if it is not hired yet. `suspended`: it stays suspended."""

    name: str
    change: Change
    employee: UUID | None
    differences: tuple[Difference, ...] = ()
    suspended: bool = False


class AccountChange(msgspec.Struct, frozen=True, kw_only=True):
    """One account of the file."""

    name: str
    change: Literal["added", "updated", "unchanged"]


class ChainChange(msgspec.Struct, frozen=True, kw_only=True):
    """The fallback chain of one role before and after, as names."""

    role: WorkRole
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def changes(self) -> bool:
        return self.before != self.after


class StaffChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the comparison. `others`: employees that the file does not name. `dismissed`: those of them that
    were dismissed (with `dry_run`: that would be dismissed).
    """

    file: str
    dry_run: bool
    employees: tuple[DeclaredChange, ...]
    others: tuple[str, ...]
    dismissed: tuple[str, ...]
    chains: tuple[ChainChange, ...]
    accounts: tuple[AccountChange, ...] = ()


_IN_WORDS: Mapping[Change, str] = {
    "hired": "hired",
    "updated": "updated",
    "unchanged": "unchanged",
    "stays_dismissed": "dismissed before and not hired again",
}


def changes_in_words(result: StaffChanges) -> str:
    """Return the changes of a file as one short sentence without its end, for example: 2 hired, 1 unchanged."""
    count = Counter(change.change for change in result.employees)
    parts = [f"{count[change]} {words}" for change, words in _IN_WORDS.items() if count[change]]
    set_up = [account.name for account in result.accounts if account.change != "unchanged"]
    parts += [f"account {name} set" for name in set_up]
    roles = [chain.role for chain in result.chains if chain.changes]
    parts += [f"fallback chain of the role {role} set" for role in roles]
    return ", ".join(parts) or "no employees"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the use case. `bring_back`: hire again under the name of a dismissed employee.

    `dismiss_others`: dismiss the employees that the file does not name, for this reason.
    """

    dry_run: bool = False
    bring_back: bool = True
    dismiss_others: bool = False
    reason: str = ""


class PresentStaff(NamedTuple):
    """The staff before the change. `people`: also dismissed employees, the oldest first."""

    people: Sequence[Person]
    chains: Mapping[str, tuple[UUID, ...]]
    folder: Path

    @classmethod
    async def read(cls, store: Store, settings: Settings) -> "PresentStaff":
        chains = {line.role: chain_ids(line) for line in await FALLBACK.read(store)}
        return cls(await PEOPLE.read(store), chains, settings.employees)

    def present(self, name: str) -> Person | None:
        """Return the employee that has this name."""
        return holder_of(self.people, name, postings.named(self.folder, name))

    def gone(self, name: str) -> Person | None:
        """Return the last dismissed employee that had this name."""
        return last_dismissed(self.people, name)

    def id_of(self, name: str) -> UUID:
        """Return the id of the employee with this name, or of the last dismissed one."""
        person = self.present(name) or self.gone(name)
        assert person is not None, "the names of chains were checked"
        return person.employee

    def name_of(self, employee: UUID) -> str:
        return next((person.name for person in self.people if person.employee == employee), str(employee))


def compared(staff: PresentStaff, file: EmployeesFile, wanted: Wanted) -> StaffChanges:
    named = {declared.name for declared in file.employees}
    others = tuple(
        dict.fromkeys(
            person.name for person in staff.people if person.phase != "dismissed" and person.name not in named
        )
    )
    dismissed = others if wanted.dismiss_others else ()
    _check_chains(staff, file, named, set(dismissed))
    return StaffChanges(
        file=str(file.path),
        dry_run=wanted.dry_run,
        employees=tuple(_change(staff, declared, wanted) for declared in file.employees),
        others=others,
        dismissed=dismissed,
        accounts=tuple(_account(staff, account) for account in file.accounts),
        chains=tuple(
            ChainChange(
                role=chain.role,
                before=tuple(map(staff.name_of, staff.chains.get(chain.role, ()))),
                after=chain.names,
            )
            for chain in file.chains
        ),
    )


def _account(staff: PresentStaff, account: AccountFile) -> AccountChange:
    before = load_accounts(staff.folder).get(account.name)
    return AccountChange(
        name=account.name, change="added" if before is None else "unchanged" if before == account else "updated"
    )


def _change(staff: PresentStaff, declared: Declared, wanted: Wanted) -> DeclaredChange:
    person = staff.present(declared.name)
    if person is None:
        gone = staff.gone(declared.name)
        if gone is not None and not wanted.bring_back:
            return DeclaredChange(name=declared.name, change="stays_dismissed", employee=gone.employee)
        return DeclaredChange(name=declared.name, change="hired", employee=None)
    kept = postings.named(staff.folder, declared.name)
    present = kept if kept is not None and kept.id == person.employee else None
    after = replace(declared.posting, hired_as=person.employee)
    after = after if present is None else with_digest(after, present)
    same = after == present and profile_of(after) == _profile.decode(person.profile)
    return DeclaredChange(
        name=declared.name,
        change="unchanged" if same else "updated",
        employee=person.employee,
        differences=tuple(_differences(present, after)) if present is not None else (),
        suspended=person.phase == "suspended",
    )


def _differences(before: Posting, after: Posting) -> Iterator[Difference]:
    """Yield the fields that differ. A price that the price table has changed is no difference of the file."""
    for field, value in asdict(after).items():
        present = getattr(before, field)
        if value != present:
            option = OPTION_NAMES.get(field, field.replace("_", "-"))
            yield Difference(option=option, before=_text(present), after=_text(value))


def _text(value: object) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, msgspec.Struct):
        return ", ".join(f"{name} {each}" for name, each in asdict(value).items())
    return str(value)


def _check_chains(staff: PresentStaff, file: EmployeesFile, named: set[str], dismissed: set[str]) -> None:
    """Raise EmployeesFileInvalid if a chain names an employee that is not there after the change."""
    present = {person.name for person in staff.people if person.phase != "dismissed"} - dismissed
    known = named | present
    problems = [
        file.problem(
            chain.line,
            f"the chain of the role {chain.role} names {name!r}, who is neither in the file nor on the staff",
            similar(name, known) or f"[employees.{name}] in this file",
        )
        for chain in file.chains
        for name in chain.names
        if name not in known
    ]
    if problems:
        raise EmployeesFileInvalid(file.path, problems)
