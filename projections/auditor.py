"""The Auditor's read model: one row per attempt with prompt, answer and findings, and one row per incident."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from bus.row_form import id_key
from domain import incident, task
from domain.judgement import Finding
from domain.message import Recorded, TaskEvent

_findings_decoder = msgspec.json.Decoder(tuple[Finding, ...])


class Attempt(Row, frozen=True, kw_only=True):
    """One order. The key is the order's id. Times are microseconds UTC, digests name blobs.

    `calls`: the number of receipts. Tokens and cost are their sums. Provider, model, prompt and answer are those of the
    last call.
    """

    table = "attempt"
    of_runs = True
    json_columns: ClassVar[JsonColumns] = {"findings": _findings_decoder}
    task: UUID
    employee: UUID
    attempt: int
    form: str  # answer or session
    calls: int
    assigned_at: int
    call_started_at: int | None
    call_finished_at: int | None
    outcome: str | None  # answered, a kind of failure, or cut_off; None while a session goes on
    message: str  # the reason why a call failed, in the provider's words
    fault: bool  # the order used up no attempt
    estimated: bool  # the cost follows from the bytes of prompt and answer
    provider: str | None
    model: str | None
    model_digest: str | None
    scripted: bool
    prompt: str | None
    answer: str | None
    tokens: int
    cost_usd: Decimal | None
    tree: str | None
    verdict: UUID | None
    verified: bool | None
    findings: tuple[Finding, ...]


class Incident(Row, frozen=True, kw_only=True):
    """One incident. The scope is the id of its run, or its own id if it has no run. The key is the incident's id."""

    table = "incident"
    kind: str
    detail: str
    strike: bool
    task: UUID | None
    employee: UUID | None
    raised_at: int


class AuditorProjection:
    """Turns events of tasks and incidents into the Auditor's rows."""

    name = "auditor"
    tables = (Attempt, Incident)
    reads = (TaskEvent, incident.Raised)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        event = recorded.event
        if isinstance(event, task.Assigned):
            rows.put(_begun(recorded, event))
        elif isinstance(event, TaskEvent):
            row = rows.get(Attempt, event.run, id_key(_order(event)))
            if row is not None:
                rows.put(_moved(row, recorded, event))
        elif isinstance(event, incident.Raised):
            rows.put(
                Incident(
                    scope=event.run or event.incident,
                    key=str(event.incident),
                    kind=event.kind,
                    detail=event.detail,
                    strike=event.strike,
                    task=event.task,
                    employee=event.employee,
                    raised_at=recorded.envelope.occurred_at,
                )
            )


def _order(event: TaskEvent) -> UUID:
    order: UUID = event.order  # type: ignore[attr-defined]  # every event of a task names its order
    return order


def _begun(recorded: Recorded, event: task.Assigned) -> Attempt:
    return Attempt(
        scope=event.run,
        key=id_key(event.order),
        task=event.task,
        employee=event.employee,
        attempt=event.attempt,
        form=event.form,
        calls=0,
        assigned_at=recorded.envelope.occurred_at,
        call_started_at=None,
        call_finished_at=None,
        outcome=None,
        message="",
        fault=False,
        estimated=False,
        provider=None,
        model=None,
        model_digest=None,
        scripted=False,
        prompt=None,
        answer=None,
        tokens=0,
        cost_usd=None,
        tree=None,
        verdict=None,
        verified=None,
        findings=(),
    )


def _moved(row: Attempt, recorded: Recorded, event: TaskEvent) -> Attempt:
    at = recorded.envelope.occurred_at
    match event:
        case task.CallStarted():
            return replace(row, call_started_at=at if row.call_started_at is None else row.call_started_at)
        case task.CallFinished():
            return _called(row, event, at)
        case task.AttemptEnded(outcome=outcome, message=message, counts=counts):
            return replace(row, outcome=outcome, message=message, fault=not counts)
        case task.Submitted(tree=tree):
            return replace(row, outcome="answered", tree=tree)
        case task.Verified(judgement=judgement) | task.Rejected(judgement=judgement):
            return replace(
                row,
                verdict=recorded.envelope.id,
                verified=judgement.verified,
                findings=judgement.findings,
            )
        case task.Released(cut_off=cut_off, reason=reason, charged=charged):
            outcome = row.outcome or ("cut_off" if cut_off else reason)
            cost = (row.cost_usd or Decimal(0)) + charged.usd if cut_off else row.cost_usd  # at its upper bound
            return replace(row, outcome=outcome, tokens=row.tokens + charged.tokens, cost_usd=cost)
    return row


def _called(row: Attempt, event: task.CallFinished, at: int) -> Attempt:
    """Return the row after the receipt of a call. The receipt of an answer also tells the order's outcome."""
    snapshot, one_call = event.snapshot, row.form == "answer"
    return replace(
        row,
        calls=row.calls + 1,
        call_finished_at=at,
        outcome=snapshot.outcome if one_call else row.outcome,
        message=snapshot.message if one_call else row.message,
        fault=not event.counts if one_call else row.fault,
        estimated=row.estimated or snapshot.estimated,
        provider=snapshot.provider,
        model=snapshot.model,
        model_digest=snapshot.model_digest,
        scripted=snapshot.scripted,
        prompt=snapshot.prompt,
        answer=snapshot.answer,
        tokens=row.tokens + event.charged.tokens,
        cost_usd=(row.cost_usd or Decimal(0)) + event.charged.usd,
    )
