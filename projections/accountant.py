"""The Accountant's read model: work and cost of each employee per run, and each charge. SQL computes the totals."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain import incident, run_messages, task
from domain.estimate import Estimate
from domain.faults import weight_of
from domain.message import Recorded, TaskEvent
from projections.career_rows import CAREER_READS, CAREER_TABLES, put_career
from projections.routing_rows import ROUTING_READS, put_routing
from projections.routing_tables import ROUTING_TABLES, is_shadow
from projections.scorecard_rows import SCORECARD_READS, SCORECARD_TABLES, put_scorecard

RUN_KEY = "run"
_estimate_decoder = msgspec.json.Decoder(Estimate)


class Account(Row, frozen=True, kw_only=True):
    """One employee in one run. The key is the employee's id. Latency and verdict time are in microseconds."""

    table = "account"
    of_runs = True
    attempts: int = 0
    calls: int = 0
    cut_off: int = 0
    failed: int = 0
    unusable: int = 0  # failed calls with an answer without work. Each counts like a rejected hand-in
    declined: int = 0  # calls answered with "this cannot be done". Each counts a quarter of a rejected hand-in
    input_tokens: int = 0
    output_tokens: int = 0
    charged_tokens: int = 0
    charged_usd: Decimal = Decimal(0)
    unpriced: int = 0  # calls without a cost from the provider. They are charged at the reservation
    latency_us: int = 0
    verdict_us: int = 0
    verified: int = 0
    rejected: int = 0
    integrity: int = 0
    first_attempts: int = 0  # tasks for which this employee made the first attempt
    first_verified: int = 0  # those first attempts whose work was verified


class ShadowAccount(Account, frozen=True, kw_only=True):
    """One employee in one shadow run. It is counted apart, because the Director chose the task and the employee."""

    table = "shadow_account"


class OpenOrder(Row, frozen=True, kw_only=True):
    """The attempt number of an open order. The key is the order's id. The row exists until the order has an outcome.

    `account`: the account of its last permitted call.
    """

    table = "open_order"
    of_runs = True
    employee: UUID
    attempt: int
    account: str = ""


class Charge(Row, frozen=True, kw_only=True):
    """One amount that was charged to a run: the receipt of a call, or the bounds of calls without a receipt.

    The key is the event's id. `at`: microseconds UTC. `cut_off`: charged at the upper bound, because no receipt came.
    Model and provider are then empty. `unpriced`: the provider named no cost. `estimated`: the cost was computed from
    the bytes of prompt and answer. `price_source`: the origin of the price, with the version of the price table.
    `account`: that of the call; empty if it has no name. If several calls are cut off, that of the last one.
    """

    table = "charge"
    of_runs = True
    task: UUID
    employee: UUID
    at: int
    cut_off: bool = False
    provider: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    tokens: int
    usd: Decimal
    unpriced: bool = False
    estimated: bool = False
    price_source: str = ""
    account: str = ""


class Label(Row, frozen=True, kw_only=True):
    """One label of a run. The key is the label's name."""

    table = "label"
    of_runs = True
    value: str


class RunEstimate(Row, frozen=True, kw_only=True):
    """The estimate of a run, and what became of the run. The key is "run". Times are microseconds UTC.

    `delivered_at`: the time of the first delivery.
    """

    table = "estimate"
    of_runs = True
    json_columns: ClassVar[JsonColumns] = {"estimate": _estimate_decoder}
    estimate: Estimate
    submitted_at: int
    delivered_at: int | None = None
    outcome: str | None = None


class AccountantProjection:
    """Turns events of tasks into the Accountant's rows."""

    name = "accountant"
    tables: ClassVar[tuple[type[Row], ...]] = (
        Account,
        ShadowAccount,
        OpenOrder,
        Charge,
        Label,
        RunEstimate,
        *ROUTING_TABLES,
        *CAREER_TABLES,
        *SCORECARD_TABLES,
    )
    reads: ClassVar[tuple[type, ...]] = (
        TaskEvent,
        run_messages.Submitted,
        run_messages.Delivered,
        run_messages.Ended,
        *ROUTING_READS,
        *CAREER_READS,
        *SCORECARD_READS,
        incident.Raised,
    )

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        put_career(recorded, rows)
        put_routing(recorded, rows)
        put_scorecard(recorded, rows)
        if isinstance(event, run_messages.Submitted):
            for name, value in event.labels.items():
                rows.put(Label(scope=event.run, key=name, value=value))
            if event.estimate is not None:
                at = recorded.envelope.occurred_at
                rows.put(RunEstimate(scope=event.run, key=RUN_KEY, estimate=event.estimate, submitted_at=at))
        elif isinstance(event, run_messages.Delivered | run_messages.Ended):
            estimate = rows.get(RunEstimate, event.run, RUN_KEY)
            if estimate is not None:
                rows.put(_became(estimate, event, recorded.envelope.occurred_at))
        if not isinstance(event, TaskEvent):
            return
        charge = _charge(recorded, rows)
        if charge is not None:
            rows.put(charge)
        key = id_key(event.employee)
        kind = ShadowAccount if is_shadow(rows, event.run) else Account
        account = rows.get(kind, event.run, key) or kind(scope=event.run, key=key)
        rows.put(_booked(account, event, rows))


def _booked(account: Account, event: TaskEvent, rows: Rows) -> Account:
    end = task.end_without_work(event)
    if end is not None:
        _attempt(rows, end.run, end.order)
        account = replace(
            account,
            failed=account.failed + (end.outcome != task.DECLINED),
            unusable=account.unusable + _is_unusable(end.outcome),
            declined=account.declined + (end.outcome == task.DECLINED),
        )
    match event:
        case task.Assigned(order=order, attempt=attempt, run=run, employee=employee):
            row = OpenOrder(scope=run, key=id_key(order), employee=employee, attempt=attempt, account=event.account)
            rows.put(row)
            first = account.first_attempts + (attempt == 1)
            return replace(account, attempts=account.attempts + 1, first_attempts=first)
        case task.CallStarted(order=order, run=run):
            open_order = rows.get(OpenOrder, run, id_key(order))
            if open_order is not None and open_order.account != event.account:
                rows.put(replace(open_order, account=event.account))
            return replace(account, calls=account.calls + 1)
        case task.CallFinished(snapshot=snapshot, charged=charged):
            return replace(
                account,
                input_tokens=account.input_tokens + (snapshot.input_tokens or 0),
                output_tokens=account.output_tokens + (snapshot.output_tokens or 0),
                charged_tokens=account.charged_tokens + charged.tokens,
                charged_usd=account.charged_usd + charged.usd,
                unpriced=account.unpriced + (snapshot.cost is None),
                latency_us=account.latency_us + round(snapshot.latency_s * 1_000_000),
            )
        case task.Verified(judgement=judgement, order=order, run=run):
            first = _attempt(rows, run, order) == 1
            return replace(
                account,
                verified=account.verified + 1,
                first_verified=account.first_verified + first,
                verdict_us=account.verdict_us + round(judgement.wall_s * 1_000_000),
            )
        case task.Rejected(judgement=judgement, order=order, run=run):
            _attempt(rows, run, order)
            return replace(
                account,
                rejected=account.rejected + 1,
                integrity=account.integrity + any(finding.integrity for finding in judgement.findings),
                verdict_us=account.verdict_us + round(judgement.wall_s * 1_000_000),
            )
        case task.Released(charged=charged, cut_off=cut_off, order=order, run=run):
            _attempt(rows, run, order)
            return replace(
                account,
                cut_off=account.cut_off + cut_off,
                charged_tokens=account.charged_tokens + charged.tokens,
                charged_usd=account.charged_usd + charged.usd,
            )
    return account


def _charge(recorded: Recorded, rows: Rows) -> Charge | None:
    """Return the row of an event that charges an amount; None for any other event."""
    event = recorded.event
    if not isinstance(event, task.CallFinished | task.Released):
        return None
    charge = Charge(
        scope=event.run,
        key=str(recorded.envelope.id),
        task=event.task,
        employee=event.employee,
        at=recorded.envelope.occurred_at,
        tokens=event.charged.tokens,
        usd=event.charged.usd,
    )
    if isinstance(event, task.Released):
        row = rows.get(OpenOrder, event.run, id_key(event.order))
        return replace(charge, cut_off=True, account=row.account if row else "") if event.cut_off else None
    snapshot = event.snapshot
    return replace(
        charge,
        provider=snapshot.provider,
        model=snapshot.model,
        input_tokens=snapshot.input_tokens or 0,
        output_tokens=snapshot.output_tokens or 0,
        unpriced=snapshot.cost is None,
        estimated=snapshot.estimated,
        price_source=snapshot.cost_source or "",
        account=snapshot.account,
    )


def _became(estimate: RunEstimate, event: run_messages.Delivered | run_messages.Ended, at: int) -> RunEstimate:
    if isinstance(event, run_messages.Ended):
        return replace(estimate, outcome=event.outcome)
    return estimate if estimate.delivered_at is not None else replace(estimate, delivered_at=at)


def _is_unusable(outcome: str) -> bool:
    """Return whether the model answered without usable work. A fault does not count, because it has no answer."""
    return outcome not in ("answered", task.DECLINED) and not weight_of(outcome)


def _attempt(rows: Rows, run: UUID, order: UUID) -> int:
    """Delete the row of an order and return its attempt number; 0 if there is no row."""
    key = id_key(order)
    row = rows.get(OpenOrder, run, key)
    rows.drop(OpenOrder, run, key)
    return row.attempt if row else 0
