"""Reception is the part of the manager that receives hand-ins. It stores their bytes and sends commands to the gate
with the manager's key.

The NATS subject of the message names the employee. A hand-in is refused if its order belongs to another employee or is
no longer open. The refusal is recorded for the employee in the subject.
"""

import asyncio
from typing import Any
from uuid import UUID

import msgspec

from agents.employees.adaptations import ADAPTATIONS_MAX
from agents.employees.safe_text import safe
from agents.run_content import Library
from agents.workers.result import PARAMETERS_MAX, TEXT_CHARS_MAX, HandIn
from bus.blobs import BLOB_BYTES_MAX, Blobs
from bus.clock import now
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.redaction import Redactor
from bus.work_queue import Parcel, WorkStream
from domain import task
from domain.errors import AuraError, Contention, Unavailable
from domain.message import derive
from domain.registry import Scope
from domain.tree import overlay, tree_digest
from governance.gate import Gate
from governance.repository import Loader

IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.5
PARALLEL_MAX = 16


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
        *,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self._log = log
        self._gate = gate
        self._loader = loader
        self._blobs = blobs
        self._library = library
        self._work = work
        self._redactor = redactor
        self._fault = fault

    async def run(self, stop: asyncio.Event) -> None:
        slots = asyncio.Semaphore(PARALLEL_MAX)
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                await slots.acquire()
                try:
                    parcel = await self._work.next_result(IDLE_WAIT_S)
                except Unavailable:
                    parcel = None
                    await asyncio.sleep(RETRY_WAIT_S)
                if parcel is None:
                    slots.release()
                    continue
                group.create_task(self._take(parcel, slots))

    async def _take(self, parcel: Parcel, slots: asyncio.Semaphore) -> None:
        """Process one hand-in. An error in one hand-in does not stop the next hand-in."""
        try:
            result = _hand_in.decode(parcel.data)
            await self._pass_on(result, parcel.employee)
        except (Unavailable, Contention):
            await parcel.again(RETRY_WAIT_S)
            return
        except (msgspec.DecodeError, UnicodeDecodeError, AuraError):
            pass  # the gate has recorded a refusal; data that cannot be decoded is dropped, because it names no order
        except Exception as error:  # the order's lease ends the call
            self._log.error("hand_in_lost", employee=parcel.employee, error=type(error).__name__)
        finally:
            slots.release()
        await parcel.done()

    async def _pass_on(self, result: HandIn, employee: UUID) -> None:
        prompt, answer = await self._blobs.put([result.prompt[:BLOB_BYTES_MAX], result.answer[:BLOB_BYTES_MAX]])
        snapshot = safe_snapshot(result.snapshot, self._redactor, prompt=prompt, answer=answer)
        ids: dict[str, Any] = {"run": result.run, "task": result.task, "employee": employee, "order": result.order}
        self._fault("reception:before-receipt")
        receipt = task.FinishCall(
            id=derive(result.order, "reception.call_finished"),
            at=now(),
            cause=await self._started(result),
            **ids,
            snapshot=snapshot,
        )
        finished = await self._gate.handle(receipt, on_behalf_of=employee)
        if not result.files and not result.deleted:
            return
        await self._blobs.put(result.files.values(), redact=False)
        scope = Scope("run", result.run)
        async with self._loader.lock(scope):
            state = (await self._loader.load(scope, fresh=False)).state
        before = await self._library.before(state, result.task)
        files = result.difference(before)
        self._fault("reception:before-hand-in")
        await self._gate.handle(
            task.SubmitWork(
                id=derive(result.order, "reception.submitted"),
                at=now(),
                cause=finished.events[-1].envelope.id,
                **ids,
                files=files,
                tree=tree_digest(overlay(before, files)),
                dropped=result.dropped,
            ),
            on_behalf_of=employee,
        )

    async def _started(self, result: HandIn) -> UUID | None:
        """Return the id of the event that started the call, or None. Read it from the log, not from the hand-in."""
        scope = Scope("run", result.run)
        async with self._loader.lock(scope):
            for fresh in (False, True):
                loaded = await self._loader.load(scope, fresh=fresh)
                for recorded in (event for events in loaded.commands.values() for event in events):
                    if isinstance(recorded.event, task.CallStarted) and recorded.event.order == result.order:
                        return recorded.envelope.id
        return None


def safe_snapshot(snapshot: task.Snapshot, redactor: Redactor, **blobs: str) -> task.Snapshot:
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
