"""The service of `aura run show --attempt`: one attempt, call by call, as it is on the log."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec

from agents.run_content import Library
from bus.blobs import Blobs
from bus.store import FAR, Store
from director.services.attempt_calls import CallReader, CallView
from director.services.attempt_record import OrderRecord, RunRecord, record_of
from director.services.changes import Change, diff_between
from director.services.session import run_state
from domain import task
from domain.errors import NotFound
from domain.judgement import Judgement

NAMING = ("employee.hired", "employee.renamed")
FOLLOW_POLL_S = 0.25
End = Literal["handed in", "ended", "released"]


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """One order of an attempt. `charged_usd`, `charged_tokens`: of all its receipts, and of its end.

    `end` None: the employee is still at work. "released": the lease ended. `outcome`, `message`: why there is no work.
    `paths`: the number of changed paths that were handed in. `dropped`: paths outside the scope that were left out.
    """

    order: UUID
    employee: str
    form: str
    calls_max: int
    reserved_usd: Decimal
    reserved_tokens: int
    charged_usd: Decimal
    charged_tokens: int
    end: End | None
    outcome: str
    message: str
    paths: int
    dropped: tuple[str, ...]


class AttemptView(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `verified` is None before a verdict. `changes` and `diff` are empty if no work was submitted."""

    task: str
    attempt: int
    verified: bool | None
    findings: list[dict[str, Any]]
    orders: list[OrderView]
    calls: list[CallView]
    changes: list[Change]
    diff: str


class AttemptPart(msgspec.Struct, frozen=True, kw_only=True):
    """A new part of an attempt that is followed: one call of an order, or without a call the end of the order."""

    order: OrderView
    call: CallView | None = None


async def attempt_of(
    store: Store, blobs: Blobs, run: UUID, number: int, task_name: str = "", *, up_to: int | None = None
) -> AttemptView:
    """Read an attempt of a run as of an event; None: as it is now.

    Raises NotFound if there is no such attempt, and Invalid if several tasks have an attempt with this number.
    """
    record = await _record(store, run, FAR if up_to is None else up_to)
    name, orders = record.attempt(run, number, task_name)
    readers = [(order, CallReader(order, record.names, blobs)) for order in orders]
    calls = [await reader.view(index) for order, reader in readers for index in sorted(order.started)]
    changes, diff = await _changed(store, blobs, run, orders[-1])
    verdict = next((order.verdict for order in reversed(orders) if order.verdict is not None), None)
    return AttemptView(
        task=name,
        attempt=number,
        verified=None if verdict is None else isinstance(verdict, task.Verified),
        findings=[] if verdict is None else await _findings(blobs, verdict.judgement),
        orders=[_order(order, record) for order in orders],
        calls=calls,
        changes=changes,
        diff=diff,
    )


async def _findings(blobs: Blobs, judgement: Judgement) -> list[dict[str, Any]]:
    """Return the findings with their details, which are in the stored verdict. If it was purged, without details."""
    findings = judgement.findings
    try:
        stored = (await Library(blobs).verdict(judgement.evidence)).findings
    except NotFound:
        stored = ()
    if len(stored) == len(findings):
        findings = tuple(
            msgspec.structs.replace(each, detail=told.detail) for each, told in zip(findings, stored, strict=True)
        )
    return [msgspec.to_builtins(each) for each in findings]


async def follow_attempt(
    store: Store, blobs: Blobs, run: UUID, number: int, task_name: str = ""
) -> AsyncIterator[AttemptPart]:
    """Yield each call of an attempt after its receipt, and the end of each order, until the attempt or the run ends.

    The receipt of the next call brings the results of a call's actions. Then the call is yielded again with `is_told`.
    If the attempt has not begun, wait for it. Raises the errors of `attempt_of` if it can no longer begin.
    """
    seq = 0
    told: set[tuple[UUID, object]] = set()
    record = record_of(await store.read_types(NAMING, FAR))
    while True:
        for recorded in await store.read_run(run, after=seq):
            record.hear(recorded)
            seq = recorded.seq
        orders = _begun(record, run, number, task_name)
        for order in orders:
            async for part in _new_parts(order, record, blobs, told):
                yield part
        if record.rests or (orders and _is_over(orders[-1])):
            return
        await asyncio.sleep(FOLLOW_POLL_S)


def _begun(record: RunRecord, run: UUID, number: int, task_name: str) -> list[OrderRecord]:
    """Return the orders of an attempt; none if it may still begin. Raises the errors of `RunRecord.attempt`."""
    try:
        return record.attempt(run, number, task_name)[1]
    except NotFound:
        if record.rests:
            raise
        return []


async def _new_parts(
    order: OrderRecord, record: RunRecord, blobs: Blobs, told: set[tuple[UUID, object]]
) -> AsyncIterator[AttemptPart]:
    """Yield the parts of an order that are not in `told`, and add them to it."""
    id, reader = order.assigned.order, CallReader(order, record.names, blobs)
    for index, receipt in order.finished.items():
        if (id, index) in told:
            continue
        told.add((id, index))
        base = receipt.prompt.base
        if base is not None and (id, ("results", base)) not in told and reader.has_results(base):
            told.add((id, ("results", base)))
            call = msgspec.structs.replace(await reader.view(base), is_told=True)
            yield AttemptPart(order=_order(order, record), call=call)
        call = msgspec.structs.replace(await reader.view(index), results=[])
        yield AttemptPart(order=_order(order, record), call=call)
    if order.is_over and (id, "end") not in told:
        told.add((id, "end"))
        yield AttemptPart(order=_order(order, record))


def _is_over(order: OrderRecord) -> bool:
    """Return whether the attempt has ended. After a fault, the attempt gets another order."""
    if isinstance(order.ended, task.AttemptEnded) and not order.ended.counts:
        return False
    return order.is_over


async def _record(store: Store, run: UUID, up_to: int) -> RunRecord:
    return record_of([*await store.read_types(NAMING, up_to), *await store.read_run(run, up_to=up_to)])


def _order(order: OrderRecord, record: RunRecord) -> OrderView:
    assigned, submitted = order.assigned, order.submitted
    end, outcome, message = _end(order)
    return OrderView(
        order=assigned.order,
        employee=record.names.get(assigned.employee, "?"),
        form=assigned.form,
        calls_max=assigned.calls_max,
        reserved_usd=assigned.reservation.usd,
        reserved_tokens=assigned.reservation.tokens,
        charged_usd=order.charged.usd,
        charged_tokens=order.charged.tokens,
        end=end,
        outcome=outcome,
        message=message,
        paths=len(submitted.files) if submitted is not None else 0,
        dropped=submitted.dropped if submitted is not None else (),
    )


def _end(order: OrderRecord) -> tuple[End | None, str, str]:
    """Return how an order ended, with the outcome and its message."""
    if order.submitted is not None:
        return "handed in", "", ""
    if isinstance(order.ended, task.Released):
        return "released", "cut_off" if order.ended.cut_off else "released", order.ended.reason
    if order.ended is not None:
        return "ended", order.ended.outcome, order.ended.message
    return None, "", ""


async def _changed(store: Store, blobs: Blobs, run: UUID, order: OrderRecord) -> tuple[list[Change], str]:
    """Return the changes in the work of an order, compared with the tree at the beginning of its task."""
    if order.submitted is None:
        return [], ""
    try:
        state = await run_state(store, run, order.submitted_seq - 1)
        before = await Library(blobs).before(state, order.submitted.task)
        return await diff_between(before, order.submitted.files, blobs)
    except NotFound:  # the content was purged
        return [Change(path, "not on record", entry.kind) for path, entry in order.submitted.files.items()], ""
