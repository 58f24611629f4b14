"""Accounts of models: a key at a server with its capacity. The log holds names and limits, the home holds where the key
is, and nobody stores the key (ADR 0087).
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec
from msgspec.structs import replace

from agents.employees import postings
from agents.employees.account_files import AccountFile, key_of_account, load_accounts, remove_account, save_account
from agents.employees.posting import Posting, origin_of
from agents.employees.posting_lock import changing
from agents.employees.providers.table import PROVIDERS
from agents.manager.accounts import AccountCapacity, AccountState
from bus.checkpoints import read_rows
from bus.clock import now
from bus.projection_rows import Rows
from director.services.hire_options import address_of_server
from director.services.session import DirectorSession, archive, desk, in_time, new_id
from director.settings import Settings
from domain.errors import Conflict, Invalid, NotFound, Refused
from domain.model_account import (
    NO_LIMITS,
    AccountLimits,
    RemoveAccount,
    ReopenAccount,
    SetAccount,
    checked_account_name,
)
from domain.run import MINUTE_US
from projections.accounts import DAY_US, AccountRow, account_row
from projections.manager import EmployeeRow, ManagerProjection
from projections.openrun import OPEN_TABLES, open_attempts

NEEDED: tuple[type, ...] = (*OPEN_TABLES, EmployeeRow, AccountRow)


class AccountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `aura account add`. None: not given. With `update`, such a value stays.

    A limit of 0 removes the limit.
    """

    name: str
    base_url: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    calls: int | None = None
    usd_per_day: str | None = None
    tokens_per_day: int | None = None


class AccountChanged(msgspec.Struct, frozen=True, kw_only=True):
    """An account and the event (`seq`) that changed it; 0 if the log need not change."""

    name: str
    server: str
    seq: int


class AccountLine(msgspec.Struct, frozen=True, kw_only=True):
    """One account, its capacity now, and who uses it.

    `name` is empty for the key of employees that name no account. Their rests show its state, so `state` is None.
    `key`: where the key is. `until`: when the account is open again (microseconds UTC). Counts are of this minute and
    of this day (UTC).
    """

    name: str
    server: str
    key: str
    employees: tuple[str, ...]
    state: AccountState | None = None
    until: int | None = None
    reason: str = ""
    limits: AccountLimits = NO_LIMITS
    open_calls: int = 0
    requests_in_minute: int = 0
    tokens_in_minute: int = 0
    tokens_today: int = 0
    usd_today: Decimal = Decimal(0)
    faults: int = 0


async def add_account(settings: Settings, options: AccountOptions, *, update: bool = False) -> AccountChanged:
    """Add an account, or change one with `update`. Its faults are forgotten.

    Raises Conflict if the name is in use, NotFound for an update of an unknown account, and Invalid.
    """
    async with desk(settings) as opened, changing(settings.employees):
        known = load_accounts(settings.employees)
        present = known.get(options.name)
        if present is not None and not update:
            raise Conflict(
                f"The account {options.name} exists already.",
                hint=f"Choose another name, or change it: aura account add {options.name} --update …",
                code="name_used",
            )
        if present is None and update:
            raise _unknown(options.name, known)
        return await set_account(opened, account_of(options, present))


async def set_account(opened: DirectorSession, account: AccountFile) -> AccountChanged:
    """Record an account, then write its file. The caller holds the lock of the postings."""
    outcome = await opened.done(
        SetAccount(id=new_id(), at=now(), name=account.name, server=account.server, limits=account.limits)
    )
    save_account(opened.settings.employees, account)

    async def there() -> bool:
        row = account_row(await read_rows(opened.store, ManagerProjection.name, (AccountRow,)), account.name)
        return row is not None and (row.server, row.limits) == (account.server, account.limits)

    await in_time(there)
    return AccountChanged(name=account.name, server=account.server, seq=outcome.seq)


async def drop_account(settings: Settings, name: str, reason: str) -> AccountChanged:
    """Remove an account. Raises NotFound, Invalid without a reason, and Refused while an employee names it."""
    async with desk(settings) as opened, changing(settings.employees):
        known = load_accounts(settings.employees)
        users = [posting.name for posting in postings.load_all(settings.employees) if name in posting.accounts]
        if users:
            raise Refused(
                f"The account {name} is used by {', '.join(users)}.",
                hint=f"First give them other accounts: aura hire {users[0]} --update --accounts A,B "
                '(or --accounts "" for none).',
                code="in_use",
            )
        outcome = await opened.done(RemoveAccount(id=new_id(), at=now(), name=name, reason=reason))
        remove_account(settings.employees, name)

        async def gone() -> bool:
            return account_row(await read_rows(opened.store, ManagerProjection.name, (AccountRow,)), name) is None

        await in_time(gone)
    return AccountChanged(name=name, server=known[name].server if name in known else "", seq=outcome.seq)


async def reopen_account(settings: Settings, name: str, reason: str) -> AccountChanged:
    """Use an account again at once, for example after its bill was paid. Raises NotFound, Invalid without a reason."""
    async with desk(settings) as opened:
        outcome = await opened.done(ReopenAccount(id=new_id(), at=now(), name=name, reason=reason))

        async def is_open() -> bool:
            row = account_row(await read_rows(opened.store, ManagerProjection.name, (AccountRow,)), name)
            return row is not None and row.faults == 0

        await in_time(is_open)
    known = load_accounts(settings.employees).get(name)
    return AccountChanged(name=name, server=known.server if known else "", seq=outcome.seq)


async def list_accounts(settings: Settings) -> list[AccountLine]:
    """Return all accounts by name, then the keys of employees that name no account."""
    async with archive(settings) as store:
        rows = await read_rows(store, ManagerProjection.name, NEEDED)
    return await asyncio.to_thread(_lines, settings, rows, now())


async def one_account(settings: Settings, name: str) -> AccountLine:
    """Return one account. Raises NotFound."""
    lines = [line for line in await list_accounts(settings) if line.name]
    line = next((line for line in lines if line.name == name), None)
    if line is None:
        raise _unknown(name, {line.name: line for line in lines})
    return line


def account_of(options: AccountOptions, present: AccountFile | None = None) -> AccountFile:
    """Return the account that the options describe. Options that are not given keep the value of `present`.

    Raises Invalid for an option that is not valid, and for a text in the key's place that cannot be a key.
    """
    checked_account_name(options.name)
    base_url = address_of_server(options.base_url) if options.base_url else present.base_url if present else ""
    if not base_url:
        raise Invalid(
            f"The account {options.name} needs a server.", hint="Give --base-url, as the employee's hire does."
        )
    if options.key_env and options.key_file:
        raise Invalid("--key-env and --key-file were both given.", hint="A key is in one place: leave one out.")
    account = AccountFile(
        name=options.name,
        base_url=base_url,
        key_env=present.key_env if present else "",
        key_file=present.key_file if present else "",
        limits=_limits(options, present.limits if present else NO_LIMITS),
    )
    if options.key_env is not None:
        account = replace(account, key_env=options.key_env, key_file="")
    if options.key_file is not None:
        path = str(Path(options.key_file).expanduser().absolute()) if options.key_file else ""
        account = replace(account, key_file=path, key_env="")
    key_of_account(account, os.environ)
    return account


def _limits(options: AccountOptions, present: AccountLimits) -> AccountLimits:
    """Return the limits. Raises Invalid for an amount that is not a number."""
    usd = options.usd_per_day
    try:
        dollars = None if usd is None else Decimal(usd)
    except InvalidOperation:
        raise Invalid(f"--usd-per-day {usd} is not an amount.", hint="Write for example --usd-per-day 12.50") from None
    given = {
        "requests_per_minute": options.requests_per_minute,
        "tokens_per_minute": options.tokens_per_minute,
        "calls_max": options.calls,
        "usd_per_day": dollars,
        "tokens_per_day": options.tokens_per_day,
    }
    return replace(present, **{name: value or None for name, value in given.items() if value is not None})


def _lines(settings: Settings, rows: Rows, at: int) -> list[AccountLine]:
    known, staff = load_accounts(settings.employees), postings.load_all(settings.employees)
    capacity = AccountCapacity.of(rows, at)
    for attempt in open_attempts(rows):
        capacity.add(attempt)
    lines = [_line(row, capacity, known.get(row.key), _users(row.key, staff), at) for row in rows.all(AccountRow)]
    return lines + _without_name(staff)


def _line(
    row: AccountRow, capacity: AccountCapacity, file: AccountFile | None, users: tuple[str, ...], at: int
) -> AccountLine:
    standing, use = capacity.standing(row.key), capacity.use_of(row.key)
    in_minute, today = row.minute == at // MINUTE_US, row.day == at // DAY_US
    return AccountLine(
        name=row.key,
        server=row.server,
        key=_key_text(file),
        employees=users,
        state=standing.state,
        until=standing.until,
        reason=standing.reason,
        limits=row.limits,
        open_calls=use.calls,
        requests_in_minute=row.requests if in_minute else 0,
        tokens_in_minute=row.tokens if in_minute else 0,
        tokens_today=row.day_tokens if today else 0,
        usd_today=row.day_usd if today else Decimal(0),
        faults=row.faults,
    )


def _users(name: str, staff: Sequence[Posting]) -> tuple[str, ...]:
    return tuple(posting.name for posting in staff if name in posting.accounts)


def _key_text(file: AccountFile | None) -> str:
    """Return where the key of an account is."""
    if file is None:
        return "not in this home"
    return f"file {file.key_file}" if file.key_file else file.key_env or "none"


def _without_name(staff: Sequence[Posting]) -> list[AccountLine]:
    """Return one line for each key and server of employees that name no account."""
    users: dict[tuple[str, str], list[str]] = {}
    for posting in staff:
        if not posting.accounts and PROVIDERS[posting.kind].remote:
            users.setdefault((origin_of(posting.base_url), posting.api_key_env), []).append(posting.name)
    return [
        AccountLine(name="", server=server, key=key or "none", employees=tuple(names))
        for (server, key), names in sorted(users.items())
    ]


def _unknown(name: str, known: Mapping[str, object]) -> NotFound:
    return NotFound(
        f"There is no account {name[:80]!r}.",
        hint=f"The accounts are: {', '.join(sorted(known)) or 'none'}. `aura account add` adds one.",
    )
