"""A worker: takes one employee's orders, calls the model once for each, and hands in what came of it.

It reads no log and has no SQL. An order is acknowledged before the call, so that a call that is cut off is never made
again by itself.
"""

import asyncio
from uuid import UUID

import msgspec

from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, Order
from agents.workers.result import HandIn, answered, failed
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.work_queue import Parcel, WorkStream
from domain.errors import Unavailable
from domain.task import Snapshot

IDLE_WAIT_S = 1.0
RETRY_WAIT_S = 0.5
HAND_IN_ATTEMPTS_MAX = 20
ORDERS_REMEMBERED_MAX = 10_000
"""Orders known as taken. When NATS dies before it confirms an order it may be sent again, after it was taken."""


_order = msgspec.json.Decoder(Order)


class Worker:
    """One employee at work, with at most `slots` calls at the same time."""

    def __init__(
        self,
        employee: Employee,
        work: WorkStream,
        *,
        slots: int = 1,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self.employee = employee
        self._work = work
        self._slots = asyncio.Semaphore(slots)
        self._fault = fault
        self._log = log
        self._taken: dict[UUID, None] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until stopped; the calls at hand are finished first."""
        async with asyncio.TaskGroup() as calls:
            while not stop.is_set():
                await self._slots.acquire()
                parcel = await self._next(stop)
                if parcel is None:
                    self._slots.release()
                    continue
                calls.create_task(self._take(parcel))
        await self.employee.close()

    async def _next(self, stop: asyncio.Event) -> Parcel | None:
        try:
            return await self._work.next_order(self.employee.id, IDLE_WAIT_S)
        except Unavailable:
            if not stop.is_set():
                await asyncio.sleep(RETRY_WAIT_S)
            return None

    async def _take(self, parcel: Parcel) -> None:
        try:
            if not await parcel.done():
                return  # nobody knows whether it will come again: the lease decides
            order = _order.decode(parcel.data)
            if not self._first(order.id):
                return
            self._fault("worker:mid-call")
            log = self._log.bind(run=order.run, task=order.task, order=order.id, employee=order.employee)
            log.info("call_started")
            result = await self._call(order)
            log.info("call_finished", **_told(result.snapshot))
            await self._hand_in(result)
        finally:
            self._slots.release()

    def _first(self, order: UUID) -> bool:
        """Whether the order was not taken before: an order is one call."""
        if order in self._taken:
            return False
        self._taken[order] = None
        while len(self._taken) > ORDERS_REMEMBERED_MAX:
            del self._taken[next(iter(self._taken))]
        return True

    async def _call(self, order: Order) -> HandIn:
        try:
            answer = await self.employee.work(order)
        except CallFailed as failure:
            return failed(order, failure, self.employee)
        return answered(order, answer, self.employee)

    async def _hand_in(self, result: HandIn) -> None:
        data = msgspec.json.encode(result)
        for _ in range(HAND_IN_ATTEMPTS_MAX):
            try:
                await self._work.send_result(result.employee, result.order, data)
            except Unavailable:
                await asyncio.sleep(RETRY_WAIT_S)
            else:
                return


def _told(call: Snapshot) -> dict[str, object]:
    """A call as a log line says it: what it cost, and how it ended, and nothing of what was asked or answered."""
    return {
        "provider": call.provider,
        "model": call.model,
        "outcome": call.outcome,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cost_usd": call.cost.usd if call.cost else None,
        "seconds": round(call.latency_s, 3),
    }
