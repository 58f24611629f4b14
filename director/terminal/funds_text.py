"""Events about money in words: caps, tranches, warnings, and requests for a larger budget."""

from collections.abc import Callable
from uuid import UUID

from domain import fund_messages, organisation
from domain.caps import EMPLOYEE, Limit, cap_of
from domain.money import Amount

Named = Callable[[UUID], str]
"""Function that returns the name of a task or an employee."""


def funds_sentence(event: object, named: Named) -> str:
    """Return the description of an event about money; empty for any other event."""
    match event:
        case organisation.CapSet(cap=cap, limit=None):
            return f"the cap {cap_name(cap, named)} is removed"
        case organisation.CapSet(cap=cap, limit=limit) if limit is not None:
            return f"the cap {cap_name(cap, named)} is {limit_text(limit)}"
        case organisation.CapWarned(cap=cap, limit=limit, committed=committed):
            share = _of(limit, committed)
            return f"warning: {share} of the budget of {cap_name(cap, named)} is spent or lent ({limit_text(limit)})"
        case fund_messages.TrancheReceived(amounts=amounts):
            parts = [f"{amount_text(amount)} of {cap_name(key, named)}" for key, amount in amounts.items()]
            return f"the run may spend {', '.join(parts)}"
        case fund_messages.TrancheReturned(parts=parts):
            return f"the run gave back what it does not need of {', '.join(cap_name(key, named) for key in parts)}"
        case fund_messages.BudgetWarned(task=task, limit=limit, committed=committed):
            whose = "the run's budget" if task is None else f"the budget of task {named(task)}"
            return f"warning: {_of(limit, committed)} of {whose} is spent or reserved ({limit_text(limit)})"
        case fund_messages.BudgetRaised(task=task, amount=amount, reason=reason):
            whose = "the run's budget" if task is None else f"the budget of task {named(task)}"
            return f"{whose} is raised by {amount_text(amount)}" + (f": {reason}" if reason else "")
        case fund_messages.FundsRequested(reason=reason):
            return f"the run asks for a larger budget, and waits: {reason}"
        case fund_messages.FundsRefused(reason=reason):
            return f"a larger budget is refused: {reason}"
    return ""


def cap_name(key: str, named: Named) -> str:
    """Return the name of a cap, with the name of its employee instead of the id."""
    return f"{EMPLOYEE}{named(UUID(key.removeprefix(EMPLOYEE)))}" if cap_of(key).startswith(EMPLOYEE) else key


def limit_text(limit: Limit) -> str:
    """Return a limit in words, without the part that has no limit."""
    parts = ("" if limit.usd is None else f"{limit.usd} USD", "" if limit.tokens is None else f"{limit.tokens} tokens")
    return " and ".join(filter(None, parts))


def amount_text(amount: Amount) -> str:
    """Return an amount in words."""
    return f"{amount.usd} USD and {amount.tokens} tokens"


def _of(limit: Limit, committed: Amount) -> str:
    """Return the larger of the two shares that are spent or reserved, in percent."""
    usd = int(committed.usd * 100 / limit.usd) if limit.usd else 0
    tokens = committed.tokens * 100 // limit.tokens if limit.tokens else 0
    return f"{max(usd, tokens)}%"
