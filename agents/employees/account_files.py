"""The accounts of a home: one JSON file for each account in AURA_HOME/employees/accounts. A file contains no key."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from agents.employees.key_check import checked_key
from agents.employees.posting import Posting, origin_of
from agents.employees.postings import path_of, write_partial
from bus.secretfile import SUFFIX, secret
from domain.errors import Invalid, NotFound
from domain.model_account import NO_LIMITS, AccountLimits

ACCOUNTS = "accounts"
"""The folder of the files, in the folder of the postings."""
KEY_OF_FILE = "AURA_ACCOUNT_KEY_"
"""Begin of the name under which the key of an account with a key file is read."""


class AccountFile(msgspec.Struct, frozen=True, kw_only=True):
    """One account. `key_env`: the environment variable with the key, or with NAME_FILE the path of its file.

    `key_file`: the path of a file with the key. If both are empty, calls have no key.
    """

    name: str
    base_url: str
    key_env: str = ""
    key_file: str = ""
    limits: AccountLimits = NO_LIMITS

    @property
    def server(self) -> str:
        """Scheme, host and port of the account's server."""
        return origin_of(self.base_url)

    @property
    def variable(self) -> str:
        """The name under which the key is read; empty if there is no key."""
        return KEY_OF_FILE + self.name.upper().replace("-", "_") if self.key_file else self.key_env

    def environment(self, environment: Mapping[str, str]) -> Mapping[str, str]:
        """Return the environment in which `variable` leads to the key."""
        return {**environment, f"{self.variable}{SUFFIX}": self.key_file} if self.key_file else environment


_account = msgspec.json.Decoder(AccountFile)


def folder_of(employees: Path) -> Path:
    """Return the folder of the accounts. `employees`: the folder of the postings."""
    return employees / ACCOUNTS


def save_account(employees: Path, account: AccountFile) -> None:
    """Write an account's file. It replaces an existing file."""
    path = path_of(folder_of(employees), account.name)
    os.replace(write_partial(path, account), path)


def remove_account(employees: Path, name: str) -> None:
    """Remove an account's file, if there is one."""
    path_of(folder_of(employees), name).unlink(missing_ok=True)


def load_accounts(employees: Path) -> dict[str, AccountFile]:
    """Return the accounts by name. Raises Invalid with the path of a file that cannot be read."""
    accounts = {}
    for path in sorted(folder_of(employees).glob("*.json")):
        try:
            account = _account.decode(path.read_bytes())
        except FileNotFoundError:
            continue  # removed a moment ago
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise Invalid(
                f"The account's file {path} cannot be read: {error}.",
                hint="Correct the file, or remove it and add the account again.",
            ) from error
        accounts[account.name] = account
    return accounts


def key_of_account(account: AccountFile, environment: Mapping[str, str]) -> str:
    """Return the key of an account; empty if it has none. Raises Invalid for a text that cannot be a key."""
    name = account.variable
    key = secret(name, account.environment(environment)) if name else ""
    return checked_key(key, account.key_file or name) if key else ""


def accounts_of(posting: Posting, known: Mapping[str, AccountFile]) -> tuple[AccountFile, ...]:
    """Return the accounts of an employee, in order.

    Raises NotFound for an unknown account, and Invalid for an account of another server.
    """
    found = []
    for name in posting.accounts:
        account = known.get(name)
        if account is None:
            raise NotFound(
                f"{posting.name} names the account {name!r}, which does not exist.",
                hint=f"The accounts are: {', '.join(sorted(known)) or 'none'}. `aura account add` adds one.",
            )
        if account.server != origin_of(posting.base_url):
            raise Invalid(
                f"{posting.name} is at {origin_of(posting.base_url)}, but its account {name} is at {account.server}.",
                hint="Name accounts of one server only: another server may answer differently.",
            )
        found.append(account)
    return tuple(found)


def posting_through(posting: Posting, account: AccountFile) -> Posting:
    """Return the posting with the address and the key of an account."""
    return msgspec.structs.replace(posting, base_url=account.base_url, api_key_env=account.variable)


def read_account_keys(employees: Path, environment: Mapping[str, str]) -> None:
    """Read every account's key, so that this process removes the keys from its output. Invalid files are skipped."""
    with suppress(Invalid):
        for account in load_accounts(employees).values():
            with suppress(Invalid):
                key_of_account(account, environment)
