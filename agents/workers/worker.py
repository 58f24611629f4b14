"""A worker: it takes the orders of one employee, asks for a permit before each call, and hands in the results.

It reads no log and uses no SQL. A call is made only with a permit, and each permit is used once, so an interrupted call
is never repeated automatically.
"""

import asyncio
import json
import time
import traceback
from typing import Protocol
from uuid import UUID

import msgspec

from agents.employees.by_account import through
from agents.employees.call_errors import CallFailed
from agents.employees.contract import Employee, Order
from agents.permits import ENDS_ATTEMPT, NO_ACCOUNT, PermitQueue, PermitRefused, Permits, TakenElsewhere
from agents.workers.halting import CutOrder, HaltedWork
from agents.workers.receipts import send_with_retries
from agents.workers.result import HandIn, OrderIds, answered, defective, failed, message_of, without_work
from agents.workers.session_runner import SessionRunner
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from domain.errors import Unavailable
from domain.task import Snapshot

IDLE_WAIT_S = 30.0
"""The longest request for an order. A stop, an order or a reconnect ends it at once."""
RETRY_WAIT_S = 0.5
HALT_WAIT_S = 4.0
"""The longest wait for the boxes and connections of the work that a halt cuts off."""
ORDERS_REMEMBERED_MAX = 10_000
"""Number of orders remembered as taken. NATS may send an order again if NATS fails before it confirms the
acknowledgement.
"""


_order = msgspec.json.Decoder(Order)
_ids = msgspec.json.Decoder(OrderIds)


class OrderMessage(Protocol):
    """One order as the queue delivers it."""

    @property
    def data(self) -> bytes: ...

    async def done(self) -> bool: ...

    async def again(self, wait_s: float, /) -> None: ...


class Queue(PermitQueue, Protocol):
    """The source of a worker's orders and the destination of its results. `bus/work_queue.py` has the real one."""

    async def next_order(self, employee: UUID, wait_s: float, stop: asyncio.Event, /) -> OrderMessage | None: ...

    async def send_result(self, employee: UUID, id: str, data: bytes, /) -> None: ...


class Worker:
    """One employee's worker, with at most `slots` calls at the same time."""

    def __init__(
        self,
        employee: Employee,
        work: Queue,
        *,
        slots: int = 1,
        sessions: SessionRunner | None = None,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self.employee = employee
        self._work = work
        self._slots = asyncio.Semaphore(slots)
        self._sessions = sessions
        self._stop = asyncio.Event()
        self._fault = fault
        self._log = log
        self._taken: dict[UUID, None] = {}
        self._at_work: dict[asyncio.Task[None], CutOrder] = {}
        self.replaced = False
        """Whether another worker serves this employee from now on. In this case a late order goes back to the queue."""

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Then finish the open calls.

        An order that arrives at the moment of the stop is worked on too, because nobody else may be there to do it. It
        goes back to the queue only if another worker serves this employee, which may have another version, or if it is
        an order for a session, which takes too long.
        """
        self._stop = stop
        async with asyncio.TaskGroup() as calls:
            while not stop.is_set():
                await self._slots.acquire()
                parcel = await self._next(stop)
                if parcel is None:
                    self._slots.release()
                    continue
                if stop.is_set() and (self.replaced or _is_session(parcel.data)):
                    await parcel.again(0)
                    self._slots.release()
                    break
                self._begin(parcel, calls)
        await self._close()

    def _begin(self, parcel: OrderMessage, calls: asyncio.TaskGroup) -> None:
        work = calls.create_task(self._take(parcel))
        work.add_done_callback(lambda _: self._slots.release())  # a task that is cut off before it begins, too
        try:
            ids = _ids_of(parcel.data)
        except (ValueError, msgspec.ValidationError):
            return  # an order that nobody can read: the task says so, and ends at once
        cut = CutOrder(order=ids.id, run=ids.run, task=ids.task, employee=ids.employee, form=ids.form)
        self._at_work[work] = cut
        work.add_done_callback(lambda done: self._at_work.pop(done, None))

    @property
    def working(self) -> bool:
        """Whether a call or a session is open."""
        return bool(self._at_work)

    async def halt(self) -> HaltedWork:
        """Cut off all calls and end all sessions at once, without a hand-in. Later orders are taken as before."""
        working = dict(self._at_work)
        for work in working:
            work.cancel()
        still = (await asyncio.wait(working, timeout=HALT_WAIT_S))[1] if working else set()
        return HaltedWork(cut=tuple(working.values()), still=tuple(working[work].order for work in still))

    async def _close(self) -> None:
        try:
            await self.employee.close()
        except Exception as error:
            self._log.warning("close_failed", employee=self.employee.id, error=type(error).__name__)

    async def _next(self, stop: asyncio.Event) -> OrderMessage | None:
        try:
            return await self._work.next_order(self.employee.id, IDLE_WAIT_S, stop)
        except Unavailable:
            if not stop.is_set():
                await asyncio.sleep(RETRY_WAIT_S)
            return None

    async def _take(self, parcel: OrderMessage) -> None:
        """Process one order. An error in one call stops neither the other calls nor the process."""
        # The work need not wait: if the acknowledgement is lost, the order comes again, but its permit does not.
        done = asyncio.create_task(parcel.done())
        try:
            await self._hand_in(await self._result(parcel))
        except Exception as error:
            self._log.error("order_lost", employee=self.employee.id, **_defect(error))
        finally:
            await done

    async def _result(self, parcel: OrderMessage) -> HandIn | None:
        """Return the hand-in for an order. None: the order was taken before, or is no longer the task's order."""
        ids = _ids_of(parcel.data)
        if not self._first(ids.id):
            return None
        log = self._log.bind(run=ids.run, task=ids.task, order=ids.id, employee=ids.employee)
        log.info("order_taken")
        call = _Call()
        try:
            result = await self._call(_order.decode(parcel.data), call, log)
        except TakenElsewhere:
            log.warning("order_taken_elsewhere")
            return None
        except PermitRefused as error:
            log.info("call_not_permitted", code=error.code)
            ends = error.code in (*ENDS_ATTEMPT, NO_ACCOUNT)
            return without_work(ids, error.code, error.message) if ends else None
        except Exception as error:
            log.error("call_defect", **_defect(error))
            result = defective(ids, call.index, error, self.employee)
        for receipt in result.calls if result is not None else ():
            log.info("call_finished", **_shown(receipt.snapshot))
        return result

    def _first(self, order: UUID) -> bool:
        """Return whether the order is new. The model is called only once for each order."""
        if order in self._taken:
            return False
        self._taken[order] = None
        while len(self._taken) > ORDERS_REMEMBERED_MAX:
            del self._taken[next(iter(self._taken))]
        return True

    async def _call(self, order: Order, call: "_Call", log: Logger) -> HandIn | None:
        permits = Permits(
            self._work,
            run=order.run,
            task=order.task,
            order=order.id,
            employee=order.employee,
            ends_at=time.monotonic() + order.lease_s,
        )
        if order.form == "session":
            if self._sessions is None:
                return without_work(order, "bad_settings", "This worker runs no sessions.")
            await self._sessions.run(order, self.employee, permits, self._stop)
            return None  # the runner has handed in the result
        permit = await permits.permit(order.reservation)
        call.index = permit.index
        log.info("call_started", **({"account": permit.account} if permit.account else {}))
        self._fault("worker:mid-call")
        try:
            answer = await through(self.employee, permit.account).work(order)
        except CallFailed as failure:
            return failed(order, call.index, failure, self.employee)
        return answered(order, call.index, answer, self.employee)

    async def _hand_in(self, result: HandIn | None) -> None:
        if result is not None:
            await send_with_retries(self._work, result.employee, f"{result.order}-end", message_of(result))


class _Call:
    """The present call of an order. `index` None: it is not permitted yet."""

    index: int | None = None


TOO_DEEP = "The order is nested too deeply."


def _is_session(data: bytes) -> bool:
    """Return whether an order is for a session. An order that cannot be decoded is not."""
    try:
        return _ids.decode(data).form == "session"
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _ids_of(data: bytes) -> OrderIds:
    """Return the ids of an order, even if the rest of the order cannot be decoded.

    Raises ValueError for data that is not JSON, and ValidationError for JSON that is not an order.
    """
    try:
        return _ids.decode(data)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        read = json.loads(data)
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    return _ids.decode(json.dumps({name: read[name] for name in OrderIds.__struct_fields__ if name in read}))


def _defect(error: Exception) -> dict[str, object]:
    """Return the class and the place of an unexpected error. The message of the error is omitted, because it may
    contain secrets.
    """
    last = traceback.extract_tb(error.__traceback__)[-1:]
    return {"error": type(error).__name__, "at": ", ".join(f"{each.filename}:{each.lineno}" for each in last)}


def _shown(call: Snapshot) -> dict[str, object]:
    """Return the log fields of a call: its cost and its outcome. Prompt and answer are not included."""
    return {
        "provider": call.provider,
        "model": call.model,
        "outcome": call.outcome,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cost_usd": call.cost.usd if call.cost else None,
        "seconds": round(call.latency_s, 3),
    }
