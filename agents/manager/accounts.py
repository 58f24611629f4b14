"""The capacity of accounts of models at one moment: which account may take the next call, and why another may not.

It depends only on the manager's rows and the time (ADR 0087). An account is used in the order in which its employee
names it: the next one is used only if those before it cannot take the call.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

import msgspec

from bus.projection_rows import Rows
from domain.attempt import Attempt
from domain.model_account import AccountLimits
from domain.money import NOTHING, Amount
from domain.run import MINUTE_US
from projections.accounts import DAY_US, AccountRow

AccountState = Literal["open", "full", "limit", "exhausted", "failing", "removed", "failed_now"]
"""`full`: its calls at the same time are in use. `limit`: a limit of the Director is reached. `exhausted`: the provider
refused a call because of a limit or an unpaid bill. `failing`: it refused the key, or its server failed repeatedly.
`failed_now`: a worker says that its last call failed, and its receipt is on its way.
"""
EXHAUSTING = frozenset({"rate_limit", "payment"})
WAIT_MAX_S = 60
"""The longest wait of a permit for an account. Before a longer wait, the attempt ends, and others may have the task."""


class AccountStanding(msgspec.Struct, frozen=True, kw_only=True):
    """Whether an account may take a call. `until`: when it may again (microseconds UTC); None if no time is known.

    `reason`: why not, in words; empty for an open account. `fault`: the kind of the fault that closed it.
    """

    name: str
    state: AccountState
    until: int | None = None
    reason: str = ""
    fault: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == "open"


class Use(msgspec.Struct):
    """The present use of one account. `calls`: open ones. `coming`: orders whose first call is not permitted yet.

    `unseen`: open calls that the rows do not show yet. `committed`: the sum of the bounds.
    """

    calls: int = 0
    coming: int = 0
    unseen: int = 0
    committed: Amount = NOTHING


class AccountCapacity:
    """The accounts at one moment. `add`, `take` and `expect` count the calls that are open or still to come."""

    def __init__(self, rows: Iterable[AccountRow], now: int) -> None:
        """`now`: microseconds UTC."""
        self._rows: Mapping[str, AccountRow] = {row.key: row for row in rows}
        self._now = now
        self._use: dict[str, Use] = {}

    @classmethod
    def of(cls, rows: Rows, now: int) -> "AccountCapacity":
        """Return the accounts without the calls that are open. `add` counts them."""
        return cls(rows.all(AccountRow), now)

    def add(self, attempt: Attempt) -> None:
        """Count the calls of an attempt that has not ended. An attempt between two calls holds no call."""
        for call in attempt.open.values():
            if call.account:
                self.take(call.account, call.bound)
        if not attempt.calls and attempt.account:
            self.expect(attempt.account, attempt.reservation if attempt.form == "answer" else NOTHING)

    def take(self, name: str, bound: Amount, *, unseen: bool = False) -> None:
        """Count one open call. `unseen`: the rows do not show it yet, so its request is not counted in them."""
        use = self._use.setdefault(name, Use())
        use.calls += 1
        use.unseen += unseen
        use.committed = use.committed + bound

    def expect(self, name: str, bound: Amount) -> None:
        """Count an order whose first call is still to come."""
        use = self._use.setdefault(name, Use())
        use.coming += 1
        use.committed = use.committed + bound

    def choose(
        self, names: Sequence[str], bound: Amount = NOTHING, avoid: Collection[str] = (), first: str = ""
    ) -> str | None:
        """Return the first account that may take a call of this bound; None if none may.

        `first`: this account comes before the others. No names: the employee has one account without a name, "".
        """
        if not names:
            return ""
        for name in sorted(names, key=lambda name: name != first):
            if name not in avoid and self.standing(name, bound).is_open:
                return name
        return None

    def closed(self, names: Sequence[str]) -> bool:
        """Return whether no account can take a call, and none of them is only in use by other calls."""
        return bool(names) and all(self.standing(name).state not in ("open", "full") for name in names)

    def standings(
        self, names: Sequence[str], bound: Amount = NOTHING, avoid: Collection[str] = ()
    ) -> list[AccountStanding]:
        """Return why each of these accounts may, or may not, take a call of this bound."""
        return [
            AccountStanding(name=name, state="failed_now", reason="its last call failed")
            if name in avoid
            else self.standing(name, bound)
            for name in names
        ]

    def use_of(self, name: str) -> Use:
        """Return the open calls of an account."""
        return self._use.get(name, Use())

    def standing(self, name: str, bound: Amount = NOTHING) -> AccountStanding:
        """Return whether an account may take a call of this bound now."""
        row = self._rows.get(name)
        if row is None:
            return AccountStanding(name=name, state="removed", reason="there is no such account")
        if row.closed_until > self._now:
            state: AccountState = "exhausted" if row.fault in EXHAUSTING else "failing"
            return AccountStanding(name=name, state=state, until=row.closed_until, reason=_fault(row), fault=row.fault)
        use = self.use_of(name)
        most = row.limits.calls_max
        if most is not None and use.calls + use.coming >= most:
            return AccountStanding(name=name, state="full", reason=f"{most} of {most} calls are open")
        return next(
            (
                AccountStanding(name=name, state="limit", until=until, reason=reason)
                for until, reason in self._reached(row, use, bound)
            ),
            AccountStanding(name=name, state="open"),
        )

    def _reached(self, row: AccountRow, use: Use, bound: Amount) -> Iterator[tuple[int, str]]:
        """Yield the end and the words of each limit that does not allow a call of this bound."""
        limits: AccountLimits = row.limits
        minute, day = self._now // MINUTE_US, self._now // DAY_US
        in_minute, today = row.minute == minute, row.day == day
        next_minute, next_day = (minute + 1) * MINUTE_US, (day + 1) * DAY_US
        requests = (row.requests if in_minute else 0) + use.coming + use.unseen
        most = limits.requests_per_minute
        if most is not None and requests >= most:
            yield next_minute, f"{requests} of {most} requests of this minute are used"
        tokens = (row.tokens if in_minute else 0) + use.committed.tokens
        most = limits.tokens_per_minute
        if most is not None and tokens and tokens + bound.tokens > most:  # a larger call is made alone in its minute
            yield next_minute, f"{tokens} of {most} tokens of this minute are used"
        tokens = (row.day_tokens if today else 0) + use.committed.tokens
        most = limits.tokens_per_day
        if most is not None and (tokens >= most or tokens + bound.tokens > most):
            yield next_day, f"{tokens} of {most} tokens of this day are used{_next(bound.tokens)}"
        usd = (row.day_usd if today else Decimal(0)) + use.committed.usd
        if limits.usd_per_day is not None and (usd >= limits.usd_per_day or usd + bound.usd > limits.usd_per_day):
            yield next_day, f"{usd:f} of {limits.usd_per_day:f} USD of this day are used{_next(bound.usd)}"


def _fault(row: AccountRow) -> str:
    return f"{row.fault}: {row.reason}".removesuffix(": ")


def _next(amount: object) -> str:
    return f", and the next call may use {amount}" if amount else ""
