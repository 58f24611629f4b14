"""Gauges of the accounts of models: what their limits allow, what is used of them, and which accounts rest.

The leading manager reports them from its rows. At most ACCOUNTS_MAX accounts have gauges, in the order of their names,
so that a page stays small. `aura account list` shows all of them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge

from bus.projection_rows import Rows
from domain.run import MINUTE_US, RunState
from projections.accounts import DAY_US, AccountRow

ACCOUNTS_MAX = 50
AccountLimit = Literal["requests_per_minute", "tokens_per_minute", "calls", "usd_per_day", "tokens_per_day"]


def open_calls(states: Iterable[RunState]) -> Counter[str]:
    """Return the number of open calls of each account."""
    calls: Counter[str] = Counter()
    for state in states:
        for task in state.tasks.in_progress():
            for attempt in task.orders.values():
                calls.update(call.account for call in attempt.open.values() if call.account)
    return calls


def capacities(row: AccountRow, calls: int, now: int) -> Iterator[tuple[AccountLimit, float, float]]:
    """Yield each limit that an account has, with what it allows and what is used. `now`: microseconds UTC.

    The counts of a row are those of the minute and day of its last call.
    """
    limits = row.limits
    this_minute, today = row.minute == now // MINUTE_US, row.day == now // DAY_US
    known: Mapping[AccountLimit, tuple[Decimal | int | None, float]] = {
        "requests_per_minute": (limits.requests_per_minute, row.requests * this_minute),
        "tokens_per_minute": (limits.tokens_per_minute, row.tokens * this_minute),
        "calls": (limits.calls_max, calls),
        "usd_per_day": (limits.usd_per_day, float(row.day_usd) * today),
        "tokens_per_day": (limits.tokens_per_day, row.day_tokens * today),
    }
    for name, (capacity, used) in known.items():
        if capacity is not None:
            yield name, float(capacity), float(used)


class AccountMetrics:
    """Gauges of accounts. An account that was removed has none."""

    def __init__(self, here: CollectorRegistry) -> None:
        self._capacity = Gauge(
            "aura_account_capacity", "What a limit of an account allows.", ("account", "limit"), registry=here
        )
        self._used = Gauge(
            "aura_account_used", "What is used of a limit of an account.", ("account", "limit"), registry=here
        )
        self._resting = Gauge(
            "aura_account_resting",
            "1 if the account takes no call for now, because of a fault.",
            ("account",),
            registry=here,
        )

    def show(self, rows: Rows, states: Iterable[RunState], now: int) -> None:
        """Set the gauges. `now`: microseconds UTC."""
        for gauge in (self._capacity, self._used, self._resting):
            gauge.clear()
        calls = open_calls(states)
        for row in sorted(rows.all(AccountRow), key=lambda each: each.key)[:ACCOUNTS_MAX]:
            self._resting.labels(row.key).set(row.closed_until > now)
            for limit, capacity, used in capacities(row, calls[row.key], now):
                self._capacity.labels(row.key, limit).set(capacity)
                self._used.labels(row.key, limit).set(used)
