"""The duty that sends orders. After `call_started` is committed, it sends the order to the worker once."""

import asyncio
from collections import deque
from typing import NamedTuple
from uuid import UUID

import msgspec

from agents.duty import either, insist
from agents.employees.call_errors import MESSAGE_CHARS_MAX
from agents.employees.contract import CallLimits, Order
from agents.employees.safe_text import one_line
from agents.manager.briefing import brief_for
from agents.manager.leadership import Handle
from agents.run_content import Library
from bus.clock import now
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.projection_rows import Rows
from bus.work_queue import WorkStream
from domain import task
from domain.employee import Profile
from domain.errors import AuraError, Unavailable
from domain.message import derive
from domain.money import NOTHING
from domain.run import RunState
from domain.task import TaskState
from projections import manager as manager_view
from projections.openrun import HAVE_ORDERS, open_in

ORDER_BYTES_MAX = 12 * 1024**2  # limit of an encoded order; the NATS servers accept 16 MiB
ORDERS_FOLLOW = ("task.call_started",)
"""Events that cause an order. An order is sent only once, so these events are synced to disk before the duty gets
them.
"""
ORDERS_KNOWN_MAX = 10_000
"""Number of orders that are remembered as sent, even if the rows are read again from an earlier commit."""


class Due(NamedTuple):
    """A call that has started and needs its order. `adaptations`: parts of a request that the employee's server
    refuses.

    `cause`: the last event that changed the run.
    """

    run: UUID
    cause: UUID
    state: RunState
    part: TaskState
    profile: Profile
    adaptations: tuple[str, ...]


class Ordering:
    """The duty that sends an order for each call that starts while this process runs.

    For a call that had started before, no second order is sent, because it is unknown whether the model was called.
    Such a call ends when its lease expires. If an order cannot be made or is too large, its call ends immediately and
    costs nothing.
    """

    def __init__(
        self,
        library: Library,
        work: WorkStream,
        send: Handle,
        *,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self._library = library
        self._work = work
        self._send_command = send
        self._fault = fault
        self._log = log
        self._known: dict[UUID, None] = {}
        self._due: deque[Due] = deque()
        self._wake = asyncio.Event()
        self._begun = False

    def note(self, rows: Rows, live: bool) -> None:
        for row, state in open_in(rows, *HAVE_ORDERS):
            for part in state.tasks.values():
                if part.phase != "calling" or part.order is None or part.employee is None:
                    continue
                employee = rows.get(manager_view.EmployeeRow, part.employee, "employee")
                if part.order not in self._known and self._begun and live and employee:
                    profile, refused = manager_view.profile_of(employee), manager_view.adaptations_of(employee)
                    self._due.append(Due(row.scope, row.moved_by, state, part, profile, refused))
                    self._wake.set()
                self._known[part.order] = None
        while len(self._known) > ORDERS_KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._begun = True

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as sending:
            while not stop.is_set():
                while self._due:
                    sending.create_task(self._send(self._due.popleft(), stop))
                self._wake.clear()
                await either(self._wake, stop)

    async def _send(self, due: Due, stop: asyncio.Event) -> None:
        """Send one order with retries, or end its call. An error in one order does not stop the other orders."""

        async def act() -> None:
            failure = await self._sent(due)
            if failure is not None:
                await self._send_command(_not_ordered(due, *failure))

        self._fault("ordering:before-order")
        await insist(act, stop)

    async def _sent(self, due: Due) -> tuple[str, str] | None:
        """Send the order. Return (outcome, message) if no order can be sent. Raises Unavailable."""
        try:
            order = await self._order(due)
            data = msgspec.json.encode(order)
        except Unavailable:
            raise
        except AuraError as error:
            return "defect", f"The order cannot be made: {error.message}"
        except Exception as error:
            self._log.error("order_defect", run=due.run, task=due.part.id, error=type(error).__name__)
            return "defect", f"The order cannot be made: {type(error).__name__}."
        if len(data) > ORDER_BYTES_MAX:
            most = ORDER_BYTES_MAX // 1024**2
            return "prompt_too_large", f"The order has {len(data) // 1024**2} MiB; at most {most} MiB can be sent."
        await self._work.send_order(order.employee, order.id, data)
        return None

    async def _order(self, due: Due) -> Order:
        part, profile = due.part, due.profile
        assert part.order is not None, "a call has an order"
        assert part.employee is not None, "an order has an employee"
        return Order(
            id=part.order,
            run=due.run,
            task=part.id,
            task_name=part.name,
            employee=part.employee,
            attempt=part.attempts,
            seed=part.seed,
            brief=await brief_for(self._library, due.state, part),
            limits=CallLimits(
                output_tokens_max=profile.output_tokens_max,
                wall_s=profile.call_wall_s,
                cost_usd_max=part.reservation.usd,
                prompt_tokens_max=None if profile.scripted else profile.prompt_tokens_max,
            ),
            adaptations=due.adaptations,
        )


def _not_ordered(due: Due, outcome: str, message: str) -> task.FinishCall:
    """Return the receipt of a call for which no order was sent.

    It has the same id as the receipt of a worker's result, so only one of the two receipts counts.
    """
    part, profile = due.part, due.profile
    assert part.order is not None, "a call has an order"
    assert part.employee is not None, "an order has an employee"
    snapshot = task.Snapshot(
        outcome=outcome,
        provider=profile.provider,
        endpoint="",
        model=profile.model,
        model_digest=profile.model_digest,
        cost=NOTHING,
        scripted=profile.scripted,
        message=one_line(message, MESSAGE_CHARS_MAX),
    )
    return task.FinishCall(
        id=derive(part.order, "reception.call_finished"),
        at=now(),
        cause=due.cause,
        run=due.run,
        task=part.id,
        employee=part.employee,
        order=part.order,
        snapshot=snapshot,
    )
