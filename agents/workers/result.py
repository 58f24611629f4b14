"""What a worker hands in for an order: the snapshot of its one call, and the files that came of it."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import Answer, Employee, ModelResult, Order
from domain.money import Amount
from domain.task import DECLINED, Snapshot

FILES_BYTES_MAX = 8 * 1024**2
NEVER_REACHED: frozenset[CallFailure] = frozenset(
    {"auth", "not_found", "rate_limit", "overloaded", "bad_request", "context_overflow"}
)
"""Failures that come before a provider computes anything: they cost nothing. Others may have cost what was reserved."""


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """One order's result. `prompt` and `answer`: what was sent and what came back. No files unless it was answered."""

    order: UUID
    run: UUID
    task: UUID
    employee: UUID
    snapshot: Snapshot
    prompt: bytes
    answer: bytes
    files: Mapping[str, bytes] = {}


def answered(order: Order, answer: Answer, employee: Employee) -> HandIn:
    """The hand-in of a call that came back.

    Its outcome without code is `no_code`, or `declined` if the employee says why it cannot be done; with too much code
    it is `too_large`.
    """
    outcome = "answered" if answer.files else DECLINED if answer.declined else "no_code"
    if sum(map(len, answer.files.values())) > FILES_BYTES_MAX:
        outcome = "too_large"
    snapshot = _snapshot(answer.result, outcome, employee, message=answer.declined)
    return _hand_in(order, snapshot, answer.result, answer.files if outcome == "answered" else {})


def failed(order: Order, failure: CallFailed, employee: Employee) -> HandIn:
    """The hand-in of a call that did not come back as it should."""
    if failure.result is not None:
        snapshot = _snapshot(failure.result, failure.failure, employee, message=failure.message)
        return _hand_in(order, snapshot, failure.result, {})
    about = employee.describe()
    snapshot = Snapshot(
        outcome=failure.failure,
        provider=employee.provider,
        endpoint=about.get("endpoint", ""),
        model=about.get("model", ""),
        model_digest=about.get("model_digest"),
        cost=Amount() if failure.failure in NEVER_REACHED else None,
        scripted=employee.scripted,
        message=failure.message,
    )
    return _hand_in(order, snapshot, None, {})


def _snapshot(result: ModelResult, outcome: str, employee: Employee, message: str = "") -> Snapshot:
    return Snapshot(
        outcome=outcome,
        provider=result.provider,
        endpoint=result.endpoint,
        model=result.model_requested,
        model_reported=result.model_reported,
        model_digest=result.model_digest,
        parameters=_parameters(result.request),
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        cost=_cost(result.cost, result.input_tokens, result.output_tokens),
        cost_source=result.cost_source,
        latency_s=result.latency_s,
        finish_reason=result.finish_raw or result.finish,
        request_id=result.request_id,
        sdk=result.sdk,
        scripted=employee.scripted,
        message=message,
    )


def _parameters(request: Mapping[str, object]) -> dict[str, str | int | float | bool | None]:
    """The scalar parameters of a request: temperature, seed, limits. The messages are in the prompt's blob."""
    return {
        name: value
        for name, value in sorted(request.items())
        if value is None or (isinstance(value, int | float | bool | str) and len(str(value)) <= 200)
    }


def _cost(usd: Decimal | None, input_tokens: int | None, output_tokens: int | None) -> Amount | None:
    """What the call cost; None when the provider left a part of it open."""
    if usd is None or input_tokens is None or output_tokens is None:
        return None
    return Amount(usd, input_tokens + output_tokens)


def _hand_in(order: Order, snapshot: Snapshot, result: ModelResult | None, files: Mapping[str, bytes]) -> HandIn:
    prompt = msgspec.json.encode(result.request if result else {"brief": order.brief})
    answer = (result.text or result.refusal or "") if result else ""
    return HandIn(
        order=order.id,
        run=order.run,
        task=order.task,
        employee=order.employee,
        snapshot=snapshot,
        prompt=prompt,
        answer=answer.encode(),
        files=files,
    )
