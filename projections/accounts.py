"""The manager's rows of accounts of models: their limits, their use, and their faults (ADR 0087).

Each number comes from an event and its time. So a rebuild gives the same rows.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import ClassVar

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import task
from domain.faults import ACCOUNT_FAULTS, weight_of
from domain.message import ORGANISATION, TaskEvent
from domain.model_account import AccountEvent, AccountLimits, AccountRemoved, AccountSet
from domain.money import Amount
from domain.run import MINUTE_US, RunState
from projections.rests import rest_s

DAY_US = 24 * 60 * MINUTE_US
MICRO = 1_000_000
REASON_CHARS_MAX = 200
REPEATED = 3
"""Faults of the server in a row after which an account is closed for a while. A single one is the employee's rest."""
SERVER_FAULTS = frozenset({"connection", "overloaded", "timeout", "malformed_response", "tls"})
PASSING_FAULTS = frozenset({"rate_limit", *SERVER_FAULTS})
_limits_decoder = msgspec.json.Decoder(AccountLimits)


class AccountRow(Row, frozen=True, kw_only=True):
    """One account. The scope is the organisation, the key is the account's name.

    `faults`: consecutive calls that failed because of the account or its server. `fault`, `reason`: the last of them,
    and the provider's words; empty after an answer. `closed_until`: no call before this time (microseconds UTC).
    `minute`, `day`: number of the minute and of the day (UTC) of the last call. `requests`, `tokens`: in that minute.
    `day_tokens`, `day_usd`: charged on that day.
    """

    table = "account"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"limits": _limits_decoder}
    server: str
    limits: AccountLimits
    faults: int = 0
    fault: str = ""
    reason: str = ""
    closed_until: int = 0
    minute: int = 0
    requests: int = 0
    tokens: int = 0
    day: int = 0
    day_tokens: int = 0
    day_usd: Decimal = Decimal(0)


def account_row(rows: Rows, name: str) -> AccountRow | None:
    """Return the row of an account; None if there is no such account."""
    return rows.get(AccountRow, ORGANISATION, name)


def put_account(event: AccountEvent, rows: Rows) -> None:
    """Write an account after it was set, reopened or removed. Its use of this minute and day stays."""
    if isinstance(event, AccountRemoved):
        rows.drop(AccountRow, ORGANISATION, event.name)
        return
    row = account_row(rows, event.name)
    if isinstance(event, AccountSet):
        row = row or AccountRow(scope=ORGANISATION, key=event.name, server=event.server, limits=event.limits)
        row = replace(row, server=event.server, limits=event.limits)
    if row is not None:
        rows.put(replace(row, faults=0, fault="", reason="", closed_until=0))


def put_use(event: TaskEvent, at: int, before: RunState, rows: Rows) -> None:
    """Count a call on its account: the request at its permit, its charge and its outcome at its end."""
    if isinstance(event, task.CallStarted) and event.account:
        row = account_row(rows, event.account)
        if row is not None:
            row = _in_minute(row, at)
            rows.put(replace(row, requests=row.requests + 1))
    elif isinstance(event, task.CallFinished) and event.snapshot.account:
        row = account_row(rows, event.snapshot.account)
        if row is not None:
            rows.put(_after(_charged(row, at, event.charged), at, event))
    elif isinstance(event, task.Released) and event.cut_off:
        for name, bound in _open_calls(event, before):
            row = account_row(rows, name)
            if row is not None:
                rows.put(_charged(row, at, bound))


def _open_calls(event: task.Released, before: RunState) -> Iterator[tuple[str, Amount]]:
    """Yield the accounts of the calls that were cut off, with their bounds, which are charged."""
    part = before.tasks.get(event.task)
    attempt = part.orders.get(event.order) if part is not None else None
    for call in attempt.open.values() if attempt is not None else ():
        if call.account:
            yield call.account, call.bound


def _in_minute(row: AccountRow, at: int) -> AccountRow:
    """Return the row with the counts of the minute and of the day of this time."""
    minute, day = at // MINUTE_US, at // DAY_US
    if minute != row.minute:
        row = replace(row, minute=minute, requests=0, tokens=0)
    return row if day == row.day else replace(row, day=day, day_tokens=0, day_usd=Decimal(0))


def _charged(row: AccountRow, at: int, charged: Amount) -> AccountRow:
    row = _in_minute(row, at)
    return replace(
        row,
        tokens=row.tokens + charged.tokens,
        day_tokens=row.day_tokens + charged.tokens,
        day_usd=row.day_usd + charged.usd,
    )


def _after(row: AccountRow, at: int, event: task.CallFinished) -> AccountRow:
    """Return the row after the outcome of a call.

    An answer of a call that began before the last fault does not reopen the account before its time.
    """
    snapshot, outcome = event.snapshot, event.snapshot.outcome
    if outcome not in ACCOUNT_FAULTS | SERVER_FAULTS:
        answered = not weight_of(outcome) and at >= row.closed_until
        return replace(row, faults=0, fault="", reason="", closed_until=0) if answered else row
    faults = row.faults + 1
    closed_until = row.closed_until
    if outcome in ACCOUNT_FAULTS or faults >= REPEATED:
        wait_s = rest_s(faults, snapshot.retry_after_s, lasting=outcome not in PASSING_FAULTS)
        closed_until = max(closed_until, at + round(wait_s * MICRO))
    return replace(
        row, faults=faults, fault=outcome, reason=snapshot.message[:REASON_CHARS_MAX], closed_until=closed_until
    )
