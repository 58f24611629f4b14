"""What a worker hands in for an order: the snapshot of its one call, and the files that came of it."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

import msgspec

from agents.employees.call_errors import CallFailed, CallFailure
from agents.employees.contract import Answer, Employee, ModelResult, Order
from domain.money import Amount
from domain.task import DECLINED, Snapshot
from domain.tree import DELETED, Entry, Kind, Manifest, digest_of
from domain.tree_links import place_of, resolved
from verification.requirements.scope import PATH_CHARS_MAX

FILES_BYTES_MAX = 8 * 1024**2
DELETED_MAX = 1000  # paths that a hand-in deletes
DROPPED_MAX = 100  # paths that a hand-in names as dropped
NEVER_REACHED: frozenset[CallFailure] = frozenset(
    {"auth", "not_found", "rate_limit", "overloaded", "bad_request", "context_overflow"}
)
"""Failures that come before a provider computes anything: they cost nothing. Others may have cost what was reserved."""


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """One order's result. `prompt` and `answer`: what was sent and what came back.

    The difference that the employee made (`files` by path, and the paths that are `deleted`) is empty unless it was
    answered. `dropped`: paths outside its scope that the employee wrote and that are no part of it.
    """

    order: UUID
    run: UUID
    task: UUID
    employee: UUID
    snapshot: Snapshot
    prompt: bytes
    answer: bytes
    files: Mapping[str, bytes] = {}
    deleted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    def difference(self, before: Manifest) -> dict[str, Entry]:
        """What differs from the manifest that the order began with.

        A file that is written anew keeps its mode. What is written to a link, or below one, is written to what the link
        leads to: the scope is about that path, and so is the verdict.
        """
        links = {path: entry.target for path, entry in before.items() if entry.kind == "link"}
        changed = {place_of(path, links) or path: DELETED for path in self.deleted}
        links = {path: text for path, text in links.items() if path not in changed}
        for written, content in self.files.items():
            path = resolved(written, links) or written
            kind: Kind = "executable" if path in before and before[path].kind == "executable" else "file"
            changed[path] = Entry(kind=kind, digest=digest_of(content))
        return {path: changed[path] for path in sorted(changed)}


def answered(order: Order, answer: Answer, employee: Employee) -> HandIn:
    """The hand-in of a call that came back.

    Its outcome without code is `no_code`, or `declined` if the employee says why it cannot be done; with too much code
    it is `too_large`.
    """
    outcome = "answered" if answer.files or answer.deleted else DECLINED if answer.declined else "no_code"
    if sum(map(len, answer.files.values())) > FILES_BYTES_MAX or len(answer.deleted) > DELETED_MAX:
        outcome = "too_large"
    snapshot = _snapshot(answer.result, outcome, employee, message=answer.declined)
    hand_in = _hand_in(order, snapshot, answer.result)
    if outcome != "answered":
        return hand_in
    dropped = tuple(dict.fromkeys(map(_safe_path, answer.dropped)))[:DROPPED_MAX]
    return msgspec.structs.replace(hand_in, files=answer.files, deleted=answer.deleted, dropped=dropped)


def failed(order: Order, failure: CallFailed, employee: Employee) -> HandIn:
    """The hand-in of a call that did not come back as it should."""
    if failure.result is not None:
        snapshot = _snapshot(failure.result, failure.failure, employee, message=failure.message)
        return _hand_in(order, snapshot, failure.result)
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
    return _hand_in(order, snapshot, None)


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


def _safe_path(path: str) -> str:
    """A path that an employee named, so that it can stand in an event."""
    return path.encode("utf-8", "replace").decode()[:PATH_CHARS_MAX]


def _hand_in(order: Order, snapshot: Snapshot, result: ModelResult | None) -> HandIn:
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
    )
