"""The tables [accounts.NAME] of employees.toml. Their options are those of `aura account add`."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agents.employees.account_files import AccountFile
from director.services.accounts import AccountOptions, account_of
from director.services.employee_options import KEY_NAMES, looks_like_key
from director.services.toml_lines import KeyPath
from domain.errors import AuraError
from verification.requirements.problems import similar

ACCOUNT_EXAMPLES: Mapping[str, str] = {
    "base_url": '"https://api.openai.com/v1"',
    "key_env": '"OPENAI_KEY_1"',
    "key_file": '"/run/secrets/openai"',
    "requests_per_minute": "60",
    "tokens_per_minute": "90000",
    "calls": "4",
    "usd_per_day": '"12.50"',
    "tokens_per_day": "1000000",
}
"""Option of an account -> an example of its value."""
_NUMBERS = frozenset({"requests_per_minute", "tokens_per_minute", "calls", "tokens_per_day"})
Add = Callable[[KeyPath, str, str], None]
"""Adds a problem of the file: its place, a message, and what to write."""


def read_accounts(
    tables: Mapping[str, Any], folder: Path, add: Add, no_key: Callable[[KeyPath], None]
) -> dict[str, AccountFile]:
    """Return the accounts of a file by name. The path of a key file is relative to `folder`. Problems are added."""
    accounts = {}
    for name, table in tables.items():
        path = ("accounts", name)
        if not isinstance(table, dict):
            add(path, f"the account {name[:60]!r} must be a table", f"[accounts.{name}]")
            continue
        options = _options(path, table, add, no_key)
        if options is None:
            continue
        if options.get("key_file"):
            options["key_file"] = str(folder / options["key_file"])
        try:
            accounts[name] = account_of(AccountOptions(name=name, **options))
        except AuraError as error:
            add(path, error.message.removesuffix("."), error.hint.removesuffix("."))
    return accounts


def _options(
    path: KeyPath, table: Mapping[str, Any], add: Add, no_key: Callable[[KeyPath], None]
) -> dict[str, Any] | None:
    """Return the options of a table by their names in AccountOptions; None if one of them is a problem."""
    options: dict[str, Any] = {}
    for key, value in table.items():
        option, shown = key.replace("-", "_"), key.replace("_", "-")
        if option in KEY_NAMES or looks_like_key(option, value):
            no_key((*path, key))
        elif option not in ACCOUNT_EXAMPLES:
            near = similar(option, ACCOUNT_EXAMPLES)
            remedy = near.replace("_", "-") if near else "an option of `aura account add --help`"
            add((*path, key), f"an account has no option {key[:60]!r}", remedy)
        elif (typed := _typed(option, value)) is None:
            add((*path, key), f"{shown} has another type", f"{shown} = {ACCOUNT_EXAMPLES[option]}")
        else:
            options[option] = typed
    return options if len(options) == len(table) else None


def _typed(option: str, value: Any) -> Any:
    """Return the value as AccountOptions holds it, or None if it has another type. An amount may be a number."""
    if option in _NUMBERS:
        return value if type(value) is int and value >= 0 else None
    if option == "usd_per_day" and isinstance(value, int | Decimal) and not isinstance(value, bool):
        return format(Decimal(value), "f")
    return value if isinstance(value, str) else None
