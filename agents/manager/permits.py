"""The duty that permits model calls: the manager causes `call_started` if the call fits the attempt's reservation.

The permit is given only after that event is on the log and counts. Only the process with the manager's lease answers.
"""

import asyncio
from uuid import UUID

import msgspec

from agents.duty import either
from agents.manager.order_events import last_event
from agents.workers.permits import PermitAnswer, PermitRequest
from bus.clock import now
from bus.logger import SILENT, Logger
from bus.projection_rows import Rows
from bus.work_queue import WorkStream
from domain import task
from domain.errors import AuraError, Contention, Unavailable
from domain.message import derive
from domain.registry import Scope
from governance.gate import Gate
from governance.repository import Loader
from projections import manager as manager_view

RETRY_WAIT_S = 0.5


class Permitting:
    """Answers the requests of workers. A request is bound to the employee in its subject."""

    def __init__(self, gate: Gate, loader: Loader, work: WorkStream, *, log: Logger = SILENT) -> None:
        self._gate = gate
        self._loader = loader
        self._work = work
        self._log = log
        self._rows: Rows | None = None

    def note(self, rows: Rows, live: bool) -> None:
        self._rows = rows if live else None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._work.serve_permits(self.answer, stop)
            except Unavailable:
                await either(stop, wait_s=RETRY_WAIT_S)

    async def answer(self, employee: UUID, data: bytes) -> bytes:
        """Return the encoded answer to an encoded request. It never raises, because one request must not end others."""
        try:
            request = _request.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _encoded(PermitAnswer(status="refused", code="invalid", message="The request cannot be decoded."))
        try:
            return _encoded(await self._answer(request, employee))
        except Exception as error:  # a defect here must not leave the worker without an answer
            self._log.error("permit_defect", order=request.order, error=type(error).__name__)
            return _encoded(PermitAnswer(status="refused", code="defect", message="The permit failed.", again=True))

    async def _answer(self, request: PermitRequest, employee: UUID) -> PermitAnswer:
        phase = manager_view.organisation_phase(self._rows) if self._rows is not None else "running"
        if phase != "running":  # asked often during a long pause, so it is not a refusal on the log
            return PermitAnswer(status="refused", code=phase, message=f"The organisation is {phase}.", again=True)
        if (held := await self._held(request, employee)) is not None:
            return PermitAnswer(status="already_granted", claim=held)
        command = task.StartCall(
            id=derive(request.order, "permit", request.index, request.claim, request.ask),
            at=now(),
            cause=await last_event(self._loader, request.run, request.order),
            run=request.run,
            task=request.task,
            employee=employee,
            order=request.order,
            index=request.index,
            bound=request.bound,
            claim=request.claim,
        )
        try:
            outcome = await self._gate.handle(command, on_behalf_of=employee)
        except (Unavailable, Contention) as error:
            return PermitAnswer(status="refused", code=error.code, message=error.message, again=True)
        except AuraError as error:
            return PermitAnswer(status="refused", code=error.code, message=str(error))
        if outcome.void is not None or not outcome.events:
            return PermitAnswer(
                status="refused", code="void", message=f"The permit is void: {outcome.void}.", again=True
            )
        again = outcome.events[0].envelope.occurred_at != command.at  # the same request came before
        return PermitAnswer(status="already_granted" if again else "granted", claim=request.claim)

    async def _held(self, request: PermitRequest, employee: UUID) -> UUID | None:
        """Return the claim under which the call is open already, or None."""
        scope = Scope("run", request.run)
        async with self._loader.lock(scope):
            state = (await self._loader.load(scope, fresh=False)).state
        part = state.tasks.get(request.task)
        attempt = part.orders.get(request.order) if part is not None else None
        if attempt is None or attempt.employee != employee:
            return None
        call = attempt.open.get(request.index)
        return call.claim if call is not None else None


def _encoded(answer: PermitAnswer) -> bytes:
    return msgspec.json.encode(answer)


_request = msgspec.json.Decoder(PermitRequest)
