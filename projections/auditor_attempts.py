"""The Auditor's row of each attempt, from the assignment to the verdict."""

from decimal import Decimal
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row
from bus.row_form import id_key
from domain import task
from domain.judgement import REVIEW, Finding
from domain.message import Recorded, TaskEvent
from domain.tree import digest_of

EXCHANGES_MAX = 40
"""The most exchanges of a session that its row holds."""
EXCHANGE_CHARS = 12

_findings_decoder = msgspec.json.Decoder(tuple[Finding, ...])
_texts_decoder = msgspec.json.Decoder(tuple[str, ...])


class Attempt(Row, frozen=True, kw_only=True):
    """One order. The key is the order's id. Times are microseconds UTC, digests name blobs.

    `calls`: the number of receipts. Tokens and cost are their sums. Provider, model, prompt and answer are those of the
    last call. `version`: the version of the employee at the assignment. `exchanges`: a short digest of the new messages
    of each of the last calls of a session. `review`: the result of a review (passed, failed), empty for other work.
    """

    table = "attempt"
    of_runs = True
    json_columns: ClassVar[JsonColumns] = {"findings": _findings_decoder, "exchanges": _texts_decoder}
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
    version: UUID | None
    exchanges: tuple[str, ...]
    review: str


def attempt_of(recorded: Recorded, event: task.Assigned, version: UUID | None) -> Attempt:
    """Return the row of a new order."""
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
        version=version,
        exchanges=(),
        review="",
    )


def attempt_after(row: Attempt, recorded: Recorded, event: TaskEvent) -> Attempt:
    """Return the row after an event of its order."""
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
                review=next((gate.result for gate in judgement.gates if gate.gate == REVIEW), ""),
            )
        case task.Released(cut_off=cut_off, reason=reason, charged=charged):
            outcome = row.outcome or ("cut_off" if cut_off else reason)
            cost = (row.cost_usd or Decimal(0)) + charged.usd if cut_off else row.cost_usd  # at its upper bound
            return replace(row, outcome=outcome, tokens=row.tokens + charged.tokens, cost_usd=cost)
    return row


def _called(row: Attempt, event: task.CallFinished, at: int) -> Attempt:
    """Return the row after the receipt of a call. The receipt of an answer also tells the order's outcome."""
    snapshot, one_call = event.snapshot, row.form == "answer"
    exchanges = row.exchanges
    if not one_call and event.prompt.messages and snapshot.outcome == "answered":
        exchanges = (*exchanges, digest_of("/".join(event.prompt.messages).encode())[:EXCHANGE_CHARS])[-EXCHANGES_MAX:]
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
        exchanges=exchanges,
    )
