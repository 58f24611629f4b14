"""The duty that permits model calls: the manager causes `call_started` if the call fits the attempt's reservation.

The permit is given only after that event is on the log and counts. Only the process with the manager's lease answers.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

import msgspec

from agents.duty import either
from agents.manager.account_permits import AccountPermits
from agents.manager.order_events import last_event
from agents.manager.signs_of_life import SignsOfLife
from agents.permits import PermitAnswer, PermitRequest, SignOfLife
from bus.clock import now
from bus.logger import SILENT, Logger
from bus.object_bucket import ObjectBucket
from bus.projection_rows import Rows
from bus.work_queue import WorkStream
from bus.worker_accounts import is_worker_name
from domain import task
from domain.attempt import Attempt
from domain.errors import AuraError, Contention, Unavailable
from domain.message import derive
from domain.registry import Scope
from governance.gate import Gate
from governance.repository import Loader
from projections import manager as manager_view

RETRY_WAIT_S = 0.5


class Permitting:
    """Answers the requests of workers. A request is bound to the employee in its subject."""

    def __init__(
        self,
        gate: Gate,
        loader: Loader,
        work: WorkStream,
        signs: SignsOfLife,
        uploads: Callable[[str], ObjectBucket],
        *,
        log: Logger = SILENT,
    ) -> None:
        """`uploads`: returns the upload bucket of a worker's credential."""
        self._signs = signs
        self._uploads = uploads
        self._ensured: set[str] = set()
        self._gate = gate
        self._loader = loader
        self._work = work
        self._log = log
        self._rows: Rows | None = None
        self._accounts = AccountPermits()

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
            if isinstance(request, SignOfLife):
                return _encoded(await self._sign(request, employee))
            return _encoded(await self._answer(request, employee))
        except Exception as error:  # a defect here must not leave the worker without an answer
            self._log.error("permit_defect", order=request.order, error=type(error).__name__)
            return _encoded(PermitAnswer(status="refused", code="defect", message="The permit failed.", again=True))

    async def _sign(self, sign: SignOfLife, employee: UUID) -> PermitAnswer:
        """Note a sign of life, and say whether the order is still this worker's. Create its upload bucket."""
        if not is_worker_name(sign.credential):
            return PermitAnswer(status="refused", code="invalid", message="The sign of life names no credential.")
        attempt = await self._attempt(sign.run, sign.task, sign.order, employee)
        if attempt is None or attempt.ended:
            return PermitAnswer(status="refused", code="order_ended", message="The order is no longer open.")
        if any(call.claim not in (None, sign.claim) for call in attempt.open.values()):
            return PermitAnswer(status="refused", code="taken", message="Another worker has this order.")
        self._signs.heard(sign.order)
        await self._ensure_uploads(sign.credential)
        return PermitAnswer(status="granted", claim=sign.claim, open=tuple(sorted(attempt.open)))

    async def _ensure_uploads(self, credential: str) -> None:
        if credential not in self._ensured:
            await self._uploads(credential).ensure()
            self._ensured.add(credential)

    async def _answer(self, request: PermitRequest, employee: UUID) -> PermitAnswer:
        phase = manager_view.organisation_phase(self._rows) if self._rows is not None else "running"
        if phase != "running":  # asked often during a long pause, so it is not a refusal on the log
            return PermitAnswer(status="refused", code=phase, message=f"The organisation is {phase}.", again=True)
        attempt = await self._attempt(request.run, request.task, request.order, employee)
        if attempt is not None and (held := attempt.open.get(request.index)) is not None and held.claim is not None:
            return PermitAnswer(status="already_granted", claim=held.claim, account=held.account)
        account = self._accounts.choose(request, attempt, self._rows) if attempt is not None else ""
        if isinstance(account, PermitAnswer):
            return account
        answer = await self._permitted(request, employee, account)
        if answer.status == "refused":
            self._accounts.forget(request)
        return answer

    async def _permitted(self, request: PermitRequest, employee: UUID, account: str) -> PermitAnswer:
        """Cause `call_started`, and return the answer after it is known whether the event counts."""
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
            account=account,
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
        (recorded,) = outcome.events
        again = recorded.envelope.occurred_at != command.at  # the same request came before, perhaps with another choice
        account = recorded.event.account if isinstance(recorded.event, task.CallStarted) else ""
        return PermitAnswer(status="already_granted" if again else "granted", claim=request.claim, account=account)

    async def _attempt(self, run: UUID, part: UUID, order: UUID, employee: UUID) -> Attempt | None:
        """Return the employee's attempt with this order, if it is the task's present or last one."""
        scope = Scope("run", run)
        async with self._loader.lock(scope):
            state = (await self._loader.load(scope, fresh=False)).state
        present = state.tasks.get(part)
        attempt = present.orders.get(order) if present is not None else None
        return attempt if attempt is not None and attempt.employee == employee else None


def _encoded(answer: PermitAnswer) -> bytes:
    return msgspec.json.encode(answer)


_request: msgspec.json.Decoder[PermitRequest | SignOfLife] = msgspec.json.Decoder(PermitRequest | SignOfLife)
