"""The manager's duty at a halt: it stops the workers, takes their orders back, and acknowledges for them and itself.

A worker has no key for the log. It answers the manager, and the manager causes its receipt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from agents.duty import insist, wake_at
from agents.halt_receipts import WORKER, receipt
from agents.workers.halting import CutOrder, HaltedWork, HaltOrder
from bus.clock import now
from bus.logger import SILENT, Logger
from bus.projection_rows import Rows
from domain import task
from domain.errors import Unavailable
from domain.halt import HALTED
from domain.message import Command, derive
from domain.money import NOTHING, Amount
from governance.gate import Outcome
from projections.halts import halt_in
from projections.manager import EmployeeRow
from projections.openrun import HAVE_ORDERS, busy_in

ASK_WAIT_S = 5.0
"""The longest wait for a worker's answer. A worker that does not answer has no receipt."""
_answer = msgspec.json.Decoder(HaltedWork)


class Channel(Protocol):
    """Questions to workers. `bus/probes.py` has the implementation."""

    async def ask(self, employee: UUID, question: bytes, wait_s: float, /) -> bytes | None: ...


class Halting:
    """The duty that stops all workers once for each halt."""

    def __init__(
        self, channel: Channel, send: Callable[[Command], Awaitable[Outcome]], *, log: Logger = SILENT
    ) -> None:
        self._channel = channel
        self._send = send
        self._log = log
        self._halt: UUID | None = None
        self._done: UUID | None = None
        self._staff: Mapping[UUID, str] = {}
        self._in_flight = NOTHING
        self._open_calls = 0
        self._wake = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        if not live:
            return
        before, self._halt = self._halt, halt_in(rows)
        if self._halt is None or self._halt == before:
            return
        self._staff = {row.scope: row.name for row in rows.all(EmployeeRow)}
        self._open_calls, self._in_flight = in_flight(rows)
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wake_at(stop, self._wake))
            while not stop.is_set():
                self._wake.clear()
                if self._halt is not None and self._halt != self._done:
                    self._done = self._halt
                    await self._stop_all(self._halt, stop)
                await self._wake.wait()

    async def _stop_all(self, halt: UUID, stop: asyncio.Event) -> None:
        """Stop all workers at the same time. The manager itself starts nothing any more when it reads the halt."""
        own = receipt(halt, "manager", now(), open_calls=self._open_calls, in_flight=self._in_flight)
        asked = (self._stop_worker(halt, who, name, stop) for who, name in self._staff.items())
        await asyncio.gather(self._insisted(own, stop), *asked)

    async def _stop_worker(self, halt: UUID, who: UUID, name: str, stop: asyncio.Event) -> None:
        try:
            answer = await self._channel.ask(who, msgspec.json.encode(HaltOrder(halt=halt)), ASK_WAIT_S)
            work = _answer.decode(answer) if answer is not None else None
        except (Unavailable, msgspec.DecodeError) as error:
            self._log.warning("worker_not_halted", employee=who, error=type(error).__name__)
            return
        if work is None:
            return  # nobody serves it
        if not work.still:  # otherwise something of it still works, so there is no receipt
            boxes = [each.box for each in work.cut if each.form == "session"]
            await self._insisted(receipt(halt, f"{WORKER}{name}", now(), boxes=boxes, calls=len(work.cut)), stop)
        for cut in work.cut:
            if cut.order not in work.still:
                await self._insisted(released(halt, cut), stop)

    async def _insisted(self, command: Command, stop: asyncio.Event) -> None:
        await insist(lambda: self._send(command), stop)


def released(halt: UUID, cut: CutOrder) -> task.ReleaseOrder:
    """Return the command that takes an order back. A call without a receipt is then charged at its upper bound."""
    return task.ReleaseOrder(
        id=derive(halt, "take back", cut.order),
        at=now(),
        cause=halt,
        run=cut.run,
        task=cut.task,
        employee=cut.employee,
        order=cut.order,
        reason=HALTED,
    )


def in_flight(rows: Rows) -> tuple[int, Amount]:
    """Return the number of permitted calls without a receipt, and the amount reserved and not settled."""
    calls, amount = 0, NOTHING
    for _, state in busy_in(rows, *HAVE_ORDERS):
        for part in state.tasks.in_progress():
            calls += len(part.attempt.open) if part.attempt is not None else 0
            amount = amount + part.reserved
    return calls, amount
