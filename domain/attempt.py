"""An attempt at a task: one order to one employee, with its reservation and its calls."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from domain.money import NOTHING, Amount

Form = Literal["answer", "session"]
"""`answer`: one call that returns the whole change. `session`: many calls, between which the employee uses tools."""
CALLS_MAX = 1000
"""The highest `calls_max` of an attempt."""


class OpenCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A permitted call without a receipt. `bound`: the most that it may cost. `claim`: who asked for the permit.

    `account`: the call goes through this account; empty if it has no name.
    """

    bound: Amount
    claim: UUID | None = None
    account: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt. `number` counts the attempts of the task from 1. `due_at`: end of the lease, microseconds UTC.

    `calls`: the number of permitted calls. The next call has this index. `open`: the permitted calls without a receipt,
    by index. `charged`: the sum of the receipts. `account`: that of the last permitted call, or of the first call.
    """

    order: UUID
    employee: UUID
    number: int
    seed: int
    due_at: int
    reservation: Amount
    form: Form = "answer"
    calls_max: int = 1
    calls: int = 0
    open: Mapping[int, OpenCall] = {}
    charged: Amount = NOTHING
    ended: bool = False
    draws: tuple[str, ...] = ()  # the tranches that it draws on (domain/tranches.py)
    account: str = ""

    @property
    def committed(self) -> Amount:
        """The sum of the upper bounds of the open calls."""
        total = NOTHING
        for call in self.open.values():
            total = total + call.bound
        return total

    @property
    def left(self) -> Amount:
        """The part of the reservation that a further call may use."""
        return not_negative(self.reservation - self.charged - self.committed)

    @property
    def reserved(self) -> Amount:
        """The part of the reservation that may still be spent. It is nothing once no call can follow."""
        if self.ended or (not self.open and self.calls >= self.calls_max):
            return NOTHING
        return not_negative(self.reservation - self.charged)


def started(attempt: Attempt, index: int, call: OpenCall) -> Attempt:
    """Return the attempt with one more open call."""
    opened = {**attempt.open, index: call}
    return replace(attempt, calls=max(attempt.calls, index + 1), open=opened, account=call.account)


def finished(attempt: Attempt, index: int, charged: Amount) -> Attempt:
    """Return the attempt after the receipt of a call."""
    still_open = {number: call for number, call in attempt.open.items() if number != index}
    return replace(attempt, open=still_open, charged=attempt.charged + charged)


def not_negative(amount: Amount) -> Amount:
    """Return the amount with 0 for a negative part."""
    return Amount(max(amount.usd, Decimal(0)), max(amount.tokens, 0))
