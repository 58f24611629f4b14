"""The file employees.toml: a set of employees with the options of `aura hire`, and the fallback chain of each role.

All problems of a file are raised together. The file holds no keys: an entry that looks like a key is refused.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from agents.cli_agents.template import AgentTemplate
from agents.employees.account_files import AccountFile
from agents.employees.posting import Posting
from agents.employees.postings import checked_name
from agents.employees.providers.table import profile_of
from director.services.accounts_table import read_accounts
from director.services.checked_posting import checked, with_server_of_account
from director.services.employee_options import (
    EXAMPLES,
    KEY_NAMES,
    OPTIONS,
    WORDS,
    converted,
    kind_of,
    looks_like_key,
    merged,
)
from director.services.hire_agent import posting_of_hire
from director.services.hire_options import Hiring
from director.services.toml_lines import KeyPath, TomlInvalid, lines_of, read_toml
from domain import employee as staff
from domain.errors import AuraError, Invalid, NotFound
from domain.fallback import ROLES
from domain.message import NAMESPACE
from domain.organisation import FALLBACK_EMPLOYEES_MAX, WorkRole
from domain.wording import counted
from verification.requirements.problems import Problem, ProblemList, Spot, similar

FILE_BYTES_MAX = 256 * 1024
EMPLOYEES_MAX = 500
NO_ACCOUNTS: Mapping[str, AccountFile] = {}
TABLES = ("defaults", "accounts", "employees", "fallback")
EXAMPLE = '[employees.coder]\nmodel = "gpt-5"\nbase-url = "https://api.openai.com/v1"'
_OPTION = re.compile(r"--([a-z][a-z-]*)")


class EmployeesFileInvalid(Invalid):
    """Raised when the file has problems. `problems` is never empty and is sorted by place."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = counted(len(self.problems), "problem")
        hint = "\n".join(map(_told, self.problems))
        super().__init__(f"{count} in {path}. Nothing was changed.", hint=hint, code="employees_file_invalid")

    @property
    def data(self) -> object:
        return {"problems": self.problems}


def _told(problem: Problem) -> str:
    """Return a problem as one line. A remedy is either a sentence, or what to write."""
    if problem.remedy[:1].isupper():
        return f"{problem.file}:{problem.line}:{problem.column}: {problem.message}. {problem.remedy}."
    return str(problem)


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """One employee of the file. `wanted`: its options, with the defaults of the file."""

    name: str
    posting: Posting
    wanted: Hiring


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The fallback chain of one role, as names."""

    role: WorkRole
    line: int
    names: tuple[str, ...]


class EmployeesFile(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file. A role that the file does not name has no entry in `chains`."""

    path: Path
    accounts: tuple[AccountFile, ...] = ()
    employees: tuple[Declared, ...]
    chains: tuple[Chain, ...]

    def problem(self, line: int, message: str, remedy: str) -> Problem:
        """Return a problem of this file that was found after it was read."""
        return Problem(self.path.name, line, 1, message, remedy)


async def read_employees_file(
    path: Path,
    agents: Mapping[str, AgentTemplate] | None = None,
    accounts: Mapping[str, AccountFile] = NO_ACCOUNTS,
) -> EmployeesFile:
    """Read and check the file. Nothing is changed, and no server is called. `agents`: None for those shipped.

    `accounts`: those that exist already.

    Raises NotFound if there is no file, and EmployeesFileInvalid with all problems of the file.
    """
    text = _text_of(path)
    problems = ProblemList(path.name)
    try:
        content = read_toml(text)
    except TomlInvalid as error:
        problems.add(Spot(error.line, error.column), f"this is not TOML: {error.message}", EXAMPLE.split("\n")[1])
        raise EmployeesFileInvalid(path, problems.in_order()) from None
    reader = _Reader(path, lines_of(text), problems, agents, accounts)
    result = await reader.read(content)
    if problems.problems:
        raise EmployeesFileInvalid(path, problems.in_order())
    return result


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}.", hint=f"Write it, for example:\n{EXAMPLE}") from None
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", hint="Name a file that you can read.") from None
    if len(data) > FILE_BYTES_MAX:
        raise Invalid(f"{path} has {len(data)} bytes. The limit is {FILE_BYTES_MAX}.", hint="Use several files.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8.", hint="Save it as UTF-8.") from None


class _Reader:
    """The checks of one file. They collect problems and go on."""

    def __init__(
        self,
        path: Path,
        lines: Mapping[KeyPath, int],
        problems: ProblemList,
        agents: Mapping[str, AgentTemplate] | None,
        accounts: Mapping[str, AccountFile],
    ) -> None:
        self._agents = agents
        self._accounts = accounts
        self._path = path
        self._lines = lines
        self._problems = problems

    async def read(self, content: Mapping[str, Any]) -> EmployeesFile:
        for key in content:
            if key not in TABLES:
                near = similar(key, TABLES)
                self._add((key,), f"there is no table {_quoted(key)}", f"[{near or 'employees.NAME'}]")
        defaults = self._options(("defaults",), self._table(content, "defaults"))
        accounts = read_accounts(self._table(content, "accounts"), self._path.parent, self._add, self._no_key)
        self._accounts = {**self._accounts, **accounts}
        tables = self._table(content, "employees")
        if len(tables) > EMPLOYEES_MAX:
            self._add(("employees",), f"there are {len(tables)} employees", f"at most {EMPLOYEES_MAX} employees")
            tables = {}
        declared = [await self._employee(name, table, defaults) for name, table in tables.items()]
        chains = [self._chain(role, names) for role, names in self._table(content, "fallback").items()]
        return EmployeesFile(
            path=self._path,
            accounts=tuple(accounts.values()),
            employees=tuple(each for each in declared if each is not None),
            chains=tuple(each for each in chains if each is not None),
        )

    def _add(self, path: KeyPath, message: str, remedy: str) -> None:
        while path and path not in self._lines:
            path = path[:-1]
        self._problems.add(Spot(self._lines.get(path, 1), 1), message, remedy)

    def _table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table = content.get(key, {})
        if isinstance(table, dict):
            return table
        named = key in ("employees", "accounts")
        self._add((key,), f"`{key}` must be a table", f"[{key}.NAME]" if named else f"[{key}]")
        return {}

    async def _employee(self, name: str, table: Any, defaults: Mapping[str, Any]) -> Declared | None:
        path = ("employees", name)
        if not isinstance(table, dict):
            self._add(path, f"the employee {_quoted(name)} must be a table", f"[employees.{name}]")
            return None
        before = len(self._problems.problems)
        own = self._options(path, table)
        try:
            checked_name(name)
            wanted = Hiring(name=name, **merged(defaults, own))
            if wanted.script:
                wanted = msgspec.structs.replace(wanted, script=str(self._path.parent / wanted.script))
            if len(self._problems.problems) > before:
                return None
            wanted = with_server_of_account(wanted, self._accounts)
            posting = await checked(posting_of_hire(wanted, known=self._agents), self._accounts)
            staff.decide(
                staff.Hire(id=NAMESPACE, at=0, employee=UUID(int=0), profile=profile_of(posting)), staff.initial
            )
        except AuraError as error:
            self._add((*path, *self._named_option(error, table)), *_in_file(error))
            return None
        return Declared(name=name, posting=posting, wanted=wanted)

    def _named_option(self, error: AuraError, table: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the key of the option that an error names, as the file writes it; empty if there is none."""
        named = {option.replace("-", "_") for option in _OPTION.findall(f"{error.message} {error.hint}")}
        return next(((key,) for key in table if key.replace("-", "_") in named), ())

    def _options(self, path: KeyPath, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the valid options of a table by their names in Hiring."""
        options: dict[str, Any] = {}
        for key, value in table.items():
            option, shown = key.replace("-", "_"), key.replace("_", "-")
            if option in KEY_NAMES or looks_like_key(option, value):
                self._no_key((*path, key))
            elif option not in OPTIONS:
                near = similar(option, OPTIONS)
                remedy = (
                    near.replace("_", "-") if near else "an option of `aura hire --help`, without the hyphens before it"
                )
                self._add((*path, key), f"there is no option {_quoted(key)}", remedy)
            elif option in options:
                self._add((*path, key), f"the option {shown} is there twice", "the option once")
            elif (typed := converted(option, value)) is None:
                kind = kind_of(option)
                remedy = f"{shown} = {EXAMPLES[kind]}"
                self._add((*path, key), f"{shown} must be {WORDS[kind]}", remedy)
            else:
                options[option] = typed
        return options

    def _no_key(self, path: KeyPath) -> None:
        self._add(
            path,
            "this looks like a key, and keys are never in this file",
            'key-env = "OPENAI_API_KEY", and set this variable where `aura up` runs. '
            "If other people could read the file, replace the key at its provider",
        )

    def _chain(self, role: str, names: Any) -> Chain | None:
        path = ("fallback", role)
        known = next((each for each in ROLES if each == role), None)
        if known is None:
            self._add(path, f"there is no role {_quoted(role)}", " or ".join(ROLES))
            return None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._add(path, f"the chain of the role {role} must be a list of names", f'{role} = ["coder", "backup"]')
            return None
        if len(set(names)) < len(names) or len(names) > FALLBACK_EMPLOYEES_MAX:
            remedy = f"each name once, and at most {FALLBACK_EMPLOYEES_MAX} names"
            self._add(path, f"the chain of the role {role} names an employee twice, or too many employees", remedy)
            return None
        return Chain(role=known, line=self._lines.get(path, 1), names=tuple(names))


def _in_file(error: AuraError) -> tuple[str, str]:
    """Return message and remedy of an error, with the options as the file writes them."""
    message, hint = (_OPTION.sub(r"\1", text) for text in (error.message, error.hint))
    return message.removesuffix("."), hint.removesuffix(".")


def _quoted(word: str) -> str:
    return repr(word[:60])
