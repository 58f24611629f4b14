"""Reception is the part of the manager that receives results. It stores their bytes and sends commands to the gate
with the manager's key. Results of one order are processed one after the other, in the order in which they were sent.

The NATS subject of the message names the employee. A hand-in is refused if its order belongs to another employee or is
no longer open. The refusal is recorded for the employee in the subject.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from msgspec.structs import replace

from agents.employees.adaptations import ADAPTATIONS_MAX
from agents.employees.safe_text import safe
from agents.manager.order_events import last_event
from agents.run_content import Library
from agents.workers.result import PARAMETERS_MAX, TEXT_CHARS_MAX, CallReceipt, HandIn
from agents.working_copies.hand_over import take_over
from bus.blobs import BLOB_BYTES_MAX, Blob, Blobs
from bus.clock import now
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.object_bucket import ObjectBucket
from bus.redaction import Redactor
from bus.work_queue import Parcel, WorkStream
from bus.worker_accounts import checked_worker_name, is_worker_name
from domain import task
from domain.errors import AuraError, Contention, Unavailable
from domain.message import derive
from domain.registry import Scope
from domain.snapshot import PromptRecord
from domain.tree import Manifest, overlay, tree_digest
from governance.gate import Gate
from governance.repository import Loader

IDLE_WAIT_S = 30.0
"""The longest request for a result. A stop, a result or a reconnect ends it at once."""
RETRY_WAIT_S = 0.5
PARALLEL_MAX = 16
BAD_HAND_IN = "bad_hand_in"
"""Outcome of a session whose difference cannot be read or breaks a rule of packs."""
RECEIPTS_MISSING = "calls_open"
"""Code of the refusal of an attempt's end while a receipt is missing."""


_hand_in = msgspec.json.Decoder(HandIn)


class Reception:
    """The receiver of hand-ins. It acknowledges a hand-in after its events are on the log, or after its refusal."""

    def __init__(
        self,
        gate: Gate,
        loader: Loader,
        blobs: Blobs,
        library: Library,
        work: WorkStream,
        redactor: Redactor,
        uploads: Callable[[str], ObjectBucket],
        *,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        """`uploads`: returns the upload bucket of a worker's credential."""
        self._log = log
        self._gate = gate
        self._loader = loader
        self._blobs = blobs
        self._library = library
        self._work = work
        self._redactor = redactor
        self._uploads = uploads
        self._fault = fault
        self._turns: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()  # a lock lives while it is used

    async def run(self, stop: asyncio.Event) -> None:
        slots = asyncio.Semaphore(PARALLEL_MAX)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                await slots.acquire()
                try:
                    parcel = await self._work.next_result(IDLE_WAIT_S, stop)
                except Unavailable:
                    parcel = None
                    await asyncio.sleep(RETRY_WAIT_S)
                if parcel is None:
                    slots.release()
                    continue
                group.create_task(self._take(parcel, slots))

    async def _take(self, parcel: Parcel, slots: asyncio.Semaphore) -> None:
        """Process one result. An error in one result does not stop the next result."""
        try:
            result = _hand_in.decode(parcel.data)
            turn = self._turns.setdefault(result.order, asyncio.Lock())
            async with turn:
                await self._pass_on(result, parcel.employee)
        except (Unavailable, Contention):
            await parcel.again(RETRY_WAIT_S)
            return
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass  # data that cannot be decoded is dropped, because it names no order
        except AuraError as error:  # refused, and the gate has recorded it
            if error.code == RECEIPTS_MISSING:  # a receipt of this order failed, and comes again
                await parcel.again(RETRY_WAIT_S)
                return
        except Exception as error:  # the order's lease ends the call
            self._log.error("hand_in_lost", employee=parcel.employee, error=type(error).__name__)
        finally:
            slots.release()
        await parcel.done()

    async def _pass_on(self, result: HandIn, employee: UUID) -> None:
        ids: dict[str, Any] = {"run": result.run, "task": result.task, "employee": employee, "order": result.order}
        cause: UUID | None = None
        files = self._early_files(result)
        for index, call in enumerate(result.calls):
            self._fault("reception:before-receipt")
            receipt = await self._receipt(result, call, ids, () if index else files)
            finished = await self._gate.handle(receipt, on_behalf_of=employee)
            cause = finished.events[-1].envelope.id
        if result.outcome is None:
            return
        cause = cause or await last_event(self._loader, result.run, result.order)
        self._fault("reception:before-hand-in")
        last = await self._last(result, ids, cause, stored=bool(files))
        await self._gate.handle(last, on_behalf_of=employee)
        handed = result.handed
        if handed is not None and not handed.inline and is_worker_name(result.credential):
            await self._uploads(result.credential).delete(handed.pack)

    def _early_files(self, result: HandIn) -> Sequence[Blob]:
        """Return the files of an answer that are stored together with its first receipt, to save a transaction."""
        contents = result.files.values()
        if result.outcome != "answered" or result.handed is not None or not result.calls:
            return ()
        if max(map(len, contents), default=0) > BLOB_BYTES_MAX:
            return ()  # the receipt counts, and the hand-in is refused afterwards
        return self._blobs.named(contents, redact=False)

    async def _last(
        self, result: HandIn, ids: Mapping[str, Any], cause: UUID | None, *, stored: bool
    ) -> task.TaskCommand:
        """Return the command for the end of an attempt: its work, or why there is none."""
        if result.outcome != "answered":
            return self._end(result, ids, cause)
        if result.handed is None:
            if not result.files and not result.deleted:
                return self._end(replace(result, outcome="no_code"), ids, cause)
            if not stored:
                await self._blobs.put(result.files.values(), redact=False)
            return await self._hand_in(result, ids, cause)
        try:
            pack = await take_over(result.handed, self._uploads(checked_worker_name(result.credential)))
        except Unavailable:
            raise
        except AuraError as error:
            return self._end(replace(result, outcome=BAD_HAND_IN, message=error.message), ids, cause)
        await self._blobs.put(pack.contents.values(), redact=False)
        return await self._hand_in(result, ids, cause, pack.manifest)

    async def _receipt(
        self, result: HandIn, call: CallReceipt, ids: Mapping[str, Any], files: Sequence[Blob]
    ) -> task.FinishCall:
        """Store the call's prompt and answer, and the files. Return the command for the receipt."""
        kept = [content[:BLOB_BYTES_MAX] for content in (call.prompt, call.answer, *call.messages)]
        texts = self._blobs.named(kept)
        await self._blobs.store([*texts, *files])
        prompt, answer, *messages = (text.digest for text in texts)
        snapshot = safe_snapshot(call.snapshot, self._redactor, prompt=None if call.messages else prompt, answer=answer)
        return task.FinishCall(
            id=id_of_receipt(result.order, call.index),
            at=now(),
            cause=await last_event(
                self._loader,
                result.run,
                result.order,
                lambda event: isinstance(event, task.CallStarted) and event.index == call.index,
            ),
            **ids,
            snapshot=snapshot,
            index=call.index,
            prompt=PromptRecord(base=call.base, kept=call.kept, messages=tuple(messages)),
        )

    async def _hand_in(
        self, result: HandIn, ids: Mapping[str, Any], cause: UUID | None, difference: Manifest | None = None
    ) -> task.SubmitWork:
        """Return the command for a hand-in whose files are stored. `difference`: of a session."""
        scope = Scope("run", result.run)
        async with self._loader.lock(scope):
            state = (await self._loader.load(scope, fresh=False)).state
        before = await self._library.before(state, result.task)
        files = result.difference(before) if difference is None else dict(difference)
        return task.SubmitWork(
            id=derive(result.order, "reception.submitted"),
            at=now(),
            cause=cause,
            **ids,
            files=files,
            tree=tree_digest(overlay(before, files)),
            dropped=result.dropped,
        )

    def _end(self, result: HandIn, ids: Mapping[str, Any], cause: UUID | None) -> task.EndAttempt:
        assert result.outcome is not None
        return task.EndAttempt(
            id=end_of_attempt(result.order),
            at=now(),
            cause=cause,
            **ids,
            outcome=self._clean(result.outcome),
            message=self._clean(result.message),
        )

    def _clean(self, text: str) -> str:
        return self._redactor.clean_text(safe(text))[:TEXT_CHARS_MAX]


def id_of_receipt(order: UUID, index: int) -> UUID:
    """Return the id of the command for the receipt of a call. The id of the first call is that of older releases."""
    return derive(order, "reception.call_finished", *((index,) if index else ()))


def end_of_attempt(order: UUID) -> UUID:
    """Return the id of the command that ends an attempt, whoever sends it: the attempt ends once."""
    return derive(order, "reception.attempt_ended")


def safe_snapshot(snapshot: task.Snapshot, redactor: Redactor, **blobs: str | None) -> task.Snapshot:
    """Return a copy of a snapshot that is safe for an event. Each text is valid Unicode without NUL characters, has a
    maximum length, and contains no secrets.
    """

    def clean(value: Any) -> Any:
        return redactor.clean_text(safe(value))[:TEXT_CHARS_MAX] if isinstance(value, str) else value

    texts = {name: clean(getattr(snapshot, name)) for name in _TEXTS}
    parameters = {clean(name): clean(value) for name, value in [*snapshot.parameters.items()][:PARAMETERS_MAX]}
    adaptations = tuple(map(clean, snapshot.adaptations[:ADAPTATIONS_MAX]))
    return msgspec.structs.replace(snapshot, parameters=parameters, adaptations=adaptations, **texts, **blobs)


_TEXTS = (
    *("outcome", "provider", "endpoint", "model", "model_reported", "model_digest", "cost_source", "finish_reason"),
    *("request_id", "sdk", "message"),
)
