"""The reasons why accounts take no call, in words."""

from collections.abc import Iterable, Sequence

from agents.manager.accounts import AccountCapacity, AccountStanding
from agents.manager.routing import call_bound_of
from agents.manager.wait_texts import clock
from domain.employee import Profile
from domain.waiting import Wait

NAMED_MAX = 4
Closed = Sequence[tuple[str, Sequence[AccountStanding]]]
"""Name of an employee -> why each of its accounts is not open."""
IN_WORDS = {
    "open": "open",
    "full": "in use",
    "limit": "at its limit",
    "exhausted": "exhausted",
    "failing": "failing",
    "removed": "removed",
    "failed_now": "failing",
}
"""State of an account -> its name in texts."""


def standing_text(standing: AccountStanding) -> str:
    """Return an account with its state, for example: main is exhausted until 12:00:01 UTC (rate_limit: slow down)."""
    until = f" until {clock(standing.until)} UTC" if standing.until is not None else ""
    reason = f" ({standing.reason})" if standing.reason else ""
    return f"{standing.name} is {IN_WORDS[standing.state]}{until}{reason}"


def closed_text(employee: str, standings: Sequence[AccountStanding]) -> str:
    """Return why an employee has no account for a call."""
    named = "; ".join(map(standing_text, standings[:NAMED_MAX]))
    more = f"; and {len(standings) - NAMED_MAX} more" if len(standings) > NAMED_MAX else ""
    return f"{employee} has no account for a call: {named}{more}."


def closed_accounts(staff: Iterable[Profile], accounts: AccountCapacity, prompt_tokens: int) -> Closed:
    """Return the employees that have no account for a call with such a prompt, with the state of their accounts."""
    closed = []
    for profile in staff:
        bound = call_bound_of(profile, prompt_tokens)
        if accounts.choose(profile.accounts, bound) is None:
            closed.append((profile.name, accounts.standings(profile.accounts, bound)))
    return closed


def wait_for_account(closed: Closed, what: str) -> Wait:
    """Return the reason if a task waits for an account. `what`: the name of the task."""
    standings = [standing for _, of_employee in closed for standing in of_employee]
    said = " ".join(closed_text(name, of_employee) for name, of_employee in closed[:NAMED_MAX])
    message = f"No account is open for {what}. {said}"
    if needs_somebody(standings):
        hint = 'Correct the key or pay the bill, then: aura account reopen NAME --reason "…". Or name another account: '
        return Wait(code="no_account", message=message, hint=f"{hint}aura hire NAME --update --accounts A,B")
    return Wait(code="account_limit", message=message, hint="The run continues by itself.")


def needs_somebody(standings: Iterable[AccountStanding]) -> bool:
    """Return whether a person must do something before one of these accounts is open again."""
    return all(
        standing.state in ("failing", "removed") or (standing.state == "exhausted" and not _passes(standing))
        for standing in standings
    )


def _passes(standing: AccountStanding) -> bool:
    return standing.fault == "rate_limit"
