"""The results of a worker for an order: the receipts of its calls, and the end of the attempt."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from msgspec.structs import replace

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Answer, Employee, ModelResult, Order
from agents.employees.safe_text import one_line, safe, safe_json
from agents.working_copies.hand_over import HandedOver
from bus.worker_accounts import DEFAULT_WORKER
from domain.attempt import Form
from domain.money import Amount
from domain.snapshot import REASONS_BETWEEN, Snapshot
from domain.task import DECLINED
from domain.tree import DELETED, Entry, Kind, Manifest, digest_of
from domain.tree_links import place_of, resolved
from verification.requirements.scope import PATH_CHARS_MAX

FILES_BYTES_MAX = 8 * 1024**2
DELETED_MAX = 1000  # most paths that a hand-in may delete
DROPPED_MAX = 100  # most paths that a hand-in names as dropped
KEPT_BYTES_MAX = 4 * 1024**2  # limit of the stored prompt and of the stored answer; a note marks a cut
MESSAGE_BYTES_MAX = 15 * 1024**2  # limit of an encoded hand-in; the NATS servers accept 16 MiB
TEXT_CHARS_MAX = 600  # limit of a message
PARAMETERS_MAX = 40
CUT = b"\n[cut here: the rest is not kept]"


class OrderIds(msgspec.Struct, frozen=True, kw_only=True):
    """The ids and the form of an order, which can be read even if the rest of the order cannot be decoded."""

    id: UUID
    run: UUID
    task: UUID
    employee: UUID
    form: Form = "answer"


class CallReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of one permitted call. `prompt` and `answer`: the sent request and the answer of the model.

    A session sends `messages` instead of `prompt`: the messages after the first `kept` messages of call `base`.
    """

    index: int
    snapshot: Snapshot
    prompt: bytes = b""
    answer: bytes = b""
    base: int | None = None
    kept: int = 0
    messages: tuple[bytes, ...] = ()


class HandIn(msgspec.Struct, frozen=True, kw_only=True):
    """One result of an order: receipts of calls, and perhaps the end of the attempt.

    `outcome` None: the attempt continues. "answered": `files` (by path) and `deleted` (paths) are the employee's
    difference. Otherwise: why the attempt ended without work. `dropped`: paths outside the scope that the employee
    wrote. They are not part of the difference.

    A session hands in `handed` instead of `files` and `deleted`: its difference as a pack. A large pack is in the
    upload bucket of the worker's credential, which is named `credential`.
    """

    order: UUID
    run: UUID
    task: UUID
    employee: UUID
    calls: tuple[CallReceipt, ...] = ()
    outcome: str | None = None
    message: str = ""
    files: Mapping[str, bytes] = {}
    deleted: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    handed: HandedOver | None = None
    credential: str = DEFAULT_WORKER

    def difference(self, before: Manifest) -> dict[str, Entry]:
        """Return the difference to the manifest at the start of the order.

        A file that is written again keeps its mode. A write to a link, or to a path below a link, changes the link's
        target. The scope and the verdict use the path of the target.
        """
        links = {path: entry.target for path, entry in before.items() if entry.kind == "link"}
        changed = {place_of(path, links) or path: DELETED for path in self.deleted}
        links = {path: text for path, text in links.items() if path not in changed}
        for written, content in self.files.items():
            path = resolved(written, links) or written
            kind: Kind = "executable" if path in before and before[path].kind == "executable" else "file"
            changed[path] = Entry(kind=kind, digest=digest_of(content))
        return {path: changed[path] for path in sorted(changed)}


def answered(order: Order, index: int, answer: Answer, employee: Employee) -> HandIn:
    """Return the hand-in of a call that has an answer. `index`: the index of the call.

    If the answer has no code, the outcome is `no_code`, or `declined` if the employee states why the task cannot be
    done. If the answer has too much code, the outcome is `too_large`.
    """
    outcome = "answered" if answer.files or answer.deleted else DECLINED if answer.declined else "no_code"
    if sum(map(len, answer.files.values())) > FILES_BYTES_MAX or len(answer.deleted) > DELETED_MAX:
        outcome = "too_large"
    snapshot = snapshot_of(answer.result, outcome, employee, message=answer.declined or _reasons(answer.not_understood))
    hand_in = _hand_in(order, index, snapshot, answer.result)
    if outcome != "answered":
        return hand_in
    dropped = tuple(dict.fromkeys(map(_safe_path, answer.dropped)))[:DROPPED_MAX]
    return replace(hand_in, files=answer.files, deleted=answer.deleted, dropped=dropped)


def _reasons(not_understood: tuple[str, ...]) -> str:
    """Return the parts of an answer that were not understood, in one line."""
    return REASONS_BETWEEN.join(reason.replace(REASONS_BETWEEN, " ") for reason in not_understood)


def failed(order: Order, index: int, failure: CallFailed, employee: Employee) -> HandIn:
    """Return the hand-in of a call that failed. `index`: of the call."""
    return _hand_in(order, index, snapshot_of_failure(failure, employee), failure.result)


def snapshot_of_failure(failure: CallFailed, employee: Employee) -> Snapshot:
    """Return the snapshot of a call that failed."""
    if failure.result is not None:
        return snapshot_of(failure.result, failure.failure, employee, message=failure.message)
    about = employee.describe()
    return Snapshot(
        outcome=failure.failure,
        provider=employee.provider,
        endpoint=about.get("endpoint", ""),
        model=about.get("model", ""),
        model_digest=about.get("model_digest"),
        cost=_cost_of_failure(failure),
        scripted=employee.scripted,
        message=_text(failure.message),
        retry_after_s=failure.retry_after_s,
    )


def defective(ids: OrderIds, index: int | None, error: Exception, employee: Employee) -> HandIn:
    """Return the hand-in for an error of this program, not of the call. `index`: of the call, None without a permit."""
    message = _text(f"{type(error).__name__} in the worker of {employee.name}.")
    snapshot = Snapshot(
        outcome="defect",
        provider=employee.provider,
        endpoint="",
        model="",
        cost=None,  # the call may have cost something
        scripted=employee.scripted,
        message=message,
    )
    return HandIn(
        order=ids.id,
        run=ids.run,
        task=ids.task,
        employee=ids.employee,
        calls=() if index is None else (CallReceipt(index=index, snapshot=snapshot),),
        outcome="defect",
        message=message,
    )


def without_work(ids: OrderIds | Order, outcome: str, message: str) -> HandIn:
    """Return the hand-in that ends an attempt without work and without a further receipt."""
    return HandIn(
        order=ids.id, run=ids.run, task=ids.task, employee=ids.employee, outcome=outcome, message=_text(message)
    )


def message_of(hand_in: HandIn) -> bytes:
    """Return the encoded hand-in, at most MESSAGE_BYTES_MAX long. Prompts and answers are cut first, then the files are
    removed.
    """
    data = msgspec.json.encode(hand_in)
    if len(data) > MESSAGE_BYTES_MAX:
        short = tuple(
            replace(call, prompt=cut(call.prompt, 2**20), answer=cut(call.answer, 2**20)) for call in hand_in.calls
        )
        hand_in = replace(hand_in, calls=short)
        data = msgspec.json.encode(hand_in)
    if len(data) > MESSAGE_BYTES_MAX:
        data = msgspec.json.encode(replace(hand_in, outcome="too_large", files={}, deleted=(), dropped=(), handed=None))
    return data


def _cost_of_failure(failure: CallFailed) -> Amount | None:
    """Return zero if the call costs nothing. Otherwise return None, because only the upper bound of the cost is
    known.
    """
    return Amount() if failure.costs_nothing else None


def snapshot_of(result: ModelResult, outcome: str, employee: Employee, message: str = "") -> Snapshot:
    """Return the snapshot of a call that the model answered."""
    return Snapshot(
        outcome=outcome,
        provider=result.provider,
        endpoint=result.endpoint,
        model=result.model_requested,
        model_reported=result.model_reported,
        model_digest=result.model_digest,
        parameters=_parameters(result),
        input_tokens=result.input_tokens,
        output_tokens=result.output_tokens,
        cost=_cost(result),
        cost_source=result.cost_source,
        latency_s=result.latency_s,
        finish_reason=result.finish_raw or result.finish,
        request_id=result.request_id,
        sdk=result.sdk,
        scripted=employee.scripted,
        message=_text(message),
        estimated=result.estimated,
        adaptations=result.adaptations,
    )


def _parameters(result: ModelResult) -> dict[str, str | int | float | bool | None]:
    """Return the scalar parameters of a request: temperature, seed, limits. The messages are in the prompt's blob.

    `adapted`: changes to the request that were needed because the server refuses the usual form.
    """
    sent = sorted(result.request.items())[:PARAMETERS_MAX]
    shown = {
        name: value
        for name, value in sent
        if value is None or (isinstance(value, int | float | bool | str) and len(str(value)) <= 200)
    }
    return shown | ({"adapted": ", ".join(result.adaptations)} if result.adaptations else {})


def _cost(result: ModelResult) -> Amount | None:
    """Return the cost of the call, or None if only the upper bound of the cost is known."""
    tokens = result.tokens
    if tokens is None and result.input_tokens is not None and result.output_tokens is not None:
        tokens = result.input_tokens + result.output_tokens
    return None if result.cost is None or tokens is None else Amount(result.cost, tokens)


def _text(text: str) -> str:
    return one_line(text, TEXT_CHARS_MAX)


def _safe_path(path: str) -> str:
    """Convert a path from an employee's answer to a text that an event can contain."""
    return path.encode("utf-8", "replace").decode()[:PATH_CHARS_MAX]


def _hand_in(order: Order, index: int, snapshot: Snapshot, result: ModelResult | None) -> HandIn:
    sent = result.request if result else {"brief": msgspec.to_builtins(order.brief)}
    prompt = msgspec.json.encode(safe_json(sent))
    answer = (result.text or result.refusal or "") if result else ""
    receipt = CallReceipt(
        index=index,
        snapshot=snapshot,
        prompt=cut(prompt, KEPT_BYTES_MAX),
        answer=cut(safe(answer).encode(), KEPT_BYTES_MAX),
    )
    return HandIn(
        order=order.id,
        run=order.run,
        task=order.task,
        employee=order.employee,
        calls=(receipt,),
        outcome=snapshot.outcome,
        message=snapshot.message,
    )


def cut(content: bytes, most: int = KEPT_BYTES_MAX) -> bytes:
    """Return the content, or its first `most` bytes and a note that the rest was cut off."""
    return content if len(content) <= most else content[:most] + CUT
