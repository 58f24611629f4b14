"""Accounts of models as text."""

from collections.abc import Sequence

from agents.manager.account_reasons import IN_WORDS
from director.services.accounts import AccountChanged, AccountLine
from director.terminal.escape import visible
from director.terminal.text import clock, money, table

NONE = "There are no accounts. Add one: `aura account add --help` explains how."


def accounts_text(lines: Sequence[AccountLine]) -> str:
    """Return one line for each account, and below them why an account takes no call."""
    if not lines:
        return NONE
    shown = [
        (
            line.name or "(no name)",
            visible(line.server),
            visible(line.key),
            _state(line),
            _use(line.open_calls, line.limits.calls_max),
            _use(line.requests_in_minute, line.limits.requests_per_minute),
            _use(line.tokens_in_minute, line.limits.tokens_per_minute),
            _use(line.tokens_today, line.limits.tokens_per_day),
            _dollars(line),
            ", ".join(line.employees) or "nobody",
        )
        for line in lines
    ]
    header = (
        *("account", "server", "key", "state", "calls", "requests/min", "tokens/min", "tokens/day", "USD/day"),
        "employees",
    )
    reasons = [f"{line.name}: {visible(line.reason)}{_until(line)}" for line in lines if line.reason]
    return "\n".join([table(header, shown), *reasons])


def changed_text(changed: AccountChanged, done: str) -> str:
    """Return the result of a change, for example: The account main at https://… is added, as event 7."""
    server = f" at {visible(changed.server)}" if changed.server else ""
    recorded = f", as event {changed.seq}" if changed.seq else ""
    return f"The account {changed.name}{server} {done}{recorded}."


def _state(line: AccountLine) -> str:
    return "-" if line.state is None else IN_WORDS[line.state]


def _until(line: AccountLine) -> str:
    return f" (until {clock(line.until)} UTC)" if line.until is not None else ""


def _use(used: int, most: int | None) -> str:
    return str(used) if most is None else f"{used} of {most}"


def _dollars(line: AccountLine) -> str:
    most = line.limits.usd_per_day
    return money(line.usd_today) if most is None else f"{money(line.usd_today)} of {money(most)}"
