"""Accounts of models: a key at a server, with the capacity that its provider or the Director gives it (ADR 0087).

The log holds the name, the server and the limits of an account, and never its key. The decisions are about the accounts
of the organisation, so they guard the organisation's part of the log.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from domain.errors import Invalid, NotFound
from domain.message import Command
from domain.money import USD_MAX
from domain.organisation_messages import OrganisationEvent
from domain.reason import reason_of

ACCOUNTS_MAX = 256
"""The most accounts of the organisation."""
ACCOUNTS_OF_EMPLOYEE_MAX = 16
"""The most accounts that one employee may name."""
LIMIT_MAX = 10**12
NAME_CHARACTERS_MAX = 64


class AccountLimits(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The capacity of an account. None: no limit is known, so only the provider limits it.

    A minute and a day are those of the clock in UTC. `calls_max`: calls at the same time.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    calls_max: int | None = None
    usd_per_day: Decimal | None = None
    tokens_per_day: int | None = None


NO_LIMITS = AccountLimits()


class ModelAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One account. `server`: scheme, host and port."""

    server: str
    limits: AccountLimits = NO_LIMITS


class AccountSet(OrganisationEvent, frozen=True, kw_only=True):
    """An account exists from now on, or has another server or other limits. Its faults are forgotten."""

    type = "organisation.account_set"
    name: str
    server: str
    limits: AccountLimits


class AccountRemoved(OrganisationEvent, frozen=True, kw_only=True):
    """No further call goes through this account."""

    type = "organisation.account_removed"
    name: str
    reason: str


class AccountReopened(OrganisationEvent, frozen=True, kw_only=True):
    """The account may be used at once, for example after its key was renewed or its bill was paid."""

    type = "organisation.account_reopened"
    name: str
    reason: str


class SetAccount(Command, frozen=True, kw_only=True):
    name: str
    server: str
    limits: AccountLimits = NO_LIMITS


class RemoveAccount(Command, frozen=True, kw_only=True):
    name: str
    reason: str


class ReopenAccount(Command, frozen=True, kw_only=True):
    name: str
    reason: str


AccountCommand = SetAccount | RemoveAccount | ReopenAccount
AccountEvent = AccountSet | AccountRemoved | AccountReopened
Accounts = Mapping[str, ModelAccount]
"""The accounts of the organisation by name."""


def checked_account_name(name: str) -> str:
    """Return the name of an account. Raises Invalid if it is not plain."""
    plain = name.isascii() and name.replace("-", "a").replace("_", "a").isalnum() and name[:1].isalnum()
    if not plain or len(name) > NAME_CHARACTERS_MAX:
        raise Invalid(
            f"{name[:80]!r} is not a name of an account.",
            hint="Use 1 to 64 letters, digits, - and _, and begin with a letter or a digit.",
        )
    return name


def decide_account(command: AccountCommand, accounts: Accounts) -> tuple[AccountEvent, ...]:
    """Decide a command about an account. Raises Invalid and NotFound."""
    match command:
        case SetAccount(name=name, server=server, limits=limits):
            checked_account_name(name)
            if not server:
                raise Invalid(f"Account {name} names no server.", hint="Give --base-url.")
            if accounts.get(name) == ModelAccount(server=server, limits=_checked(limits)):
                return ()
            if name not in accounts and len(accounts) >= ACCOUNTS_MAX:
                raise Invalid(
                    f"The organisation has {len(accounts)} accounts. The limit is {ACCOUNTS_MAX}.",
                    hint="Remove one: aura account remove NAME --reason …",
                )
            return (AccountSet(name=name, server=server, limits=limits),)
        case RemoveAccount(name=name, reason=reason):
            _known(name, accounts)
            return (AccountRemoved(name=name, reason=reason_of(reason)),)
        case ReopenAccount(name=name, reason=reason):
            _known(name, accounts)
            return (AccountReopened(name=name, reason=reason_of(reason)),)


def evolve_accounts(accounts: Accounts, event: AccountEvent) -> Accounts:
    """Return the accounts after an event."""
    if isinstance(event, AccountSet):
        return {**accounts, event.name: ModelAccount(server=event.server, limits=event.limits)}
    if isinstance(event, AccountRemoved):
        return {name: account for name, account in accounts.items() if name != event.name}
    return accounts


def checked_accounts_of(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the accounts that an employee names, in order. Raises Invalid."""
    if len(names) > ACCOUNTS_OF_EMPLOYEE_MAX or len(set(names)) < len(names):
        raise Invalid(
            f"An employee names {len(names)} accounts, or one of them twice.",
            hint=f"Name each account once, and at most {ACCOUNTS_OF_EMPLOYEE_MAX} accounts.",
        )
    for name in names:
        checked_account_name(name)
    return names


def _checked(limits: AccountLimits) -> AccountLimits:
    numbers = {
        "requests per minute": limits.requests_per_minute,
        "tokens per minute": limits.tokens_per_minute,
        "calls at the same time": limits.calls_max,
        "tokens per day": limits.tokens_per_day,
    }
    for what, number in numbers.items():
        if number is not None and not 1 <= number <= LIMIT_MAX:
            raise Invalid(
                f"A limit of {number} {what} is not possible.",
                hint=f"Give a number from 1 to {LIMIT_MAX}, or leave the limit out.",
            )
    usd = limits.usd_per_day
    if usd is not None and (not usd.is_finite() or not 0 < usd <= USD_MAX):
        raise Invalid(
            f"A limit of {usd} USD per day is not possible.",
            hint=f"Give an amount above 0, up to {USD_MAX}, or leave the limit out.",
        )
    return limits


def _known(name: str, accounts: Accounts) -> None:
    if name not in accounts:
        known = ", ".join(sorted(accounts)) or "none"
        raise NotFound(f"There is no account {name[:80]!r}.", hint=f"The accounts are: {known}.")
