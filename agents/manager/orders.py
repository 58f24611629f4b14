"""The duty that sends orders. When `assigned` is on the log and counts, it sends the order to the worker.

The worker asks for a permit before each call. So an order may be sent twice without the risk of a second call.
"""

import asyncio
from collections import deque
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import replace

from agents.briefs.brief import Brief
from agents.duty import either, insist, wake_at
from agents.employees.call_errors import MESSAGE_CHARS_MAX
from agents.employees.contract import CallLimits, Order
from agents.employees.safe_text import one_line
from agents.manager.briefing import brief_for
from agents.manager.intake import end_of_attempt
from agents.manager.leadership import Handle
from agents.manager.session_orders import Accepted, SessionOrders, without_files
from agents.run_content import Library
from bus.clock import now
from bus.fault_points import Fault
from bus.logger import SILENT, Logger
from bus.projection_rows import Rows
from bus.work_queue import WorkStream
from domain import task
from domain.attempt import Attempt
from domain.employee import Profile
from domain.errors import AuraError, Unavailable
from domain.run import RunState
from domain.task import TaskState
from projections import manager as manager_view
from projections.openrun import HAVE_ORDERS, OpenRun, busy_in, open_state

ORDER_BYTES_MAX = 12 * 1024**2  # limit of an encoded order; the NATS servers accept 16 MiB
ORDERS_KNOWN_MAX = 10_000
"""Number of orders that are remembered as sent, even if the rows are read again from an earlier commit."""
QUEUES_CHECK_S = 5.0
"""Seconds between two checks that the stream of orders is still there."""
MICRO = 1_000_000


class Due(NamedTuple):
    """An attempt that needs its order. `adaptations`: parts of a request that the employee's server refuses.

    `cause`: the last event that changed the run. `accepted`: limits of boxes that the Director accepted.
    """

    run: UUID
    cause: UUID
    state: RunState
    part: TaskState
    attempt: Attempt
    profile: Profile
    adaptations: tuple[str, ...]
    accepted: Accepted


class Ordering:
    """The duty that sends the order of each attempt without a call. A worker works on an order only once.

    If an order cannot be made or is too large, its attempt ends immediately and costs nothing.
    """

    def __init__(
        self,
        library: Library,
        sessions: SessionOrders,
        work: WorkStream,
        send: Handle,
        *,
        fault: Fault = lambda _: None,
        log: Logger = SILENT,
    ) -> None:
        self._library = library
        self._sessions = sessions
        self._work = work
        self._send_command = send
        self._fault = fault
        self._log = log
        self._known: dict[UUID, None] = {}
        self._due: deque[Due] = deque()
        self._wake = asyncio.Event()
        self._noted: Rows | None = None
        self._staff: set[UUID] = set()
        self._ensured: frozenset[UUID] = frozenset()
        self._stream: object = None
        self._checked_at = float("-inf")  # on the loop's clock
        self._staff_changed = asyncio.Event()
        self._ready = asyncio.Event()  # the streams exist

    def note(self, rows: Rows, live: bool) -> None:
        if not live:
            self._noted = None
            return
        anew, self._noted = rows is not self._noted, rows
        people = rows.all(manager_view.EmployeeRow) if anew else rows.changed_of(manager_view.EmployeeRow)
        self._note_staff({row.scope for row in people}, anew=anew)
        runs = [row for row, _ in busy_in(rows, *HAVE_ORDERS)] if anew else rows.changed_of(OpenRun)
        for row in runs:
            if row.phase in HAVE_ORDERS:
                self._note_run(row, rows)
        while len(self._known) > ORDERS_KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def _note_run(self, row: OpenRun, rows: Rows) -> None:
        state = open_state(rows, row)
        for part in state.tasks.in_progress():
            attempt = part.attempt
            if part.phase != "assigned" or attempt is None or attempt.calls or attempt.order in self._known:
                continue
            employee = rows.get(manager_view.EmployeeRow, attempt.employee, "employee")
            if employee is not None:
                profile, refused = employee.profile, manager_view.adaptations_of(employee)
                accepted = manager_view.organisation_state(rows).accepted
                self._due.append(Due(row.scope, row.moved_by, state, part, attempt, profile, refused, accepted))
                self._wake.set()
            self._known[attempt.order] = None

    def _note_staff(self, people: set[UUID], *, anew: bool) -> None:
        """Note employees. A dismissed employee keeps its empty queue."""
        new = people - self._staff
        if anew:
            self._staff = people
        if new:
            self._staff |= new
            self._staff_changed.set()

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as sending:
            sending.create_task(wake_at(stop, self._wake))
            queues = sending.create_task(self._keep_queues())
            while not stop.is_set():
                self._wake.clear()
                while self._due:
                    sending.create_task(self._send(self._due.popleft(), stop))
                await self._wake.wait()
            queues.cancel()

    async def _keep_queues(self) -> None:
        """Check the queues every QUEUES_CHECK_S and at each change of the staff."""
        while True:
            self._staff_changed.clear()
            await self._ensure_queues()
            await either(self._staff_changed, wait_s=QUEUES_CHECK_S)

    async def _ensure_queues(self) -> None:
        """Create the queue of each employee that has none, also after the server has lost its streams in memory.

        Between two checks of the stream a new employee costs only the request for its queue.
        """
        now = asyncio.get_running_loop().time()
        try:
            if not self._ensured or now - self._checked_at >= QUEUES_CHECK_S / 2:
                self._stream = await self._created_at()
                self._checked_at = now
            for employee in sorted(self._staff - self._ensured):
                await self._work.ensure_orders_of(employee)
                self._ensured |= {employee}
            self._ready.set()
        except Unavailable:
            self._checked_at = float("-inf")
            return  # the next turn tries again

    async def _created_at(self) -> object:
        """Return when the stream of orders was created. Forget the queues of an older stream."""
        if not self._ensured:
            await self._work.ensure()
        try:
            created = await self._work.created_at()
        except Unavailable:
            self._ensured = frozenset()
            await self._work.ensure()
            created = await self._work.created_at()
        if created != self._stream:
            self._ensured = frozenset()
        return created

    async def _send(self, due: Due, stop: asyncio.Event) -> None:
        """Send one order with retries, or end its call. An error in one order does not stop the other orders."""

        async def act() -> None:
            failure = await self._sent(due)
            if failure is not None:
                await self._send_command(_not_ordered(due, *failure))

        await either(self._ready, stop)
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
        part, attempt, profile = due.part, due.attempt, due.profile
        brief, session = await brief_for(self._library, due.state, part), None
        if attempt.form == "session":
            brief, session = without_files(brief), await self._sessions.of(due.state, part, due.accepted)
        lease_s = max(0.0, (attempt.due_at - now()) / MICRO)
        order = order_of(due.run, part, attempt, profile, brief, lease_s=lease_s)
        return replace(order, adaptations=due.adaptations, session=session)


def order_of(run: UUID, part: TaskState, attempt: Attempt, profile: Profile, brief: Brief, *, lease_s: float) -> Order:
    """Return the order of an attempt, without the part that only a session needs."""
    return Order(
        id=attempt.order,
        run=run,
        task=part.id,
        task_name=part.name,
        employee=attempt.employee,
        attempt=attempt.number,
        seed=attempt.seed,
        brief=brief,
        limits=CallLimits(
            output_tokens_max=profile.output_tokens_max,
            wall_s=profile.call_wall_s,
            cost_usd_max=attempt.reservation.usd,
            prompt_tokens_max=None if profile.scripted else profile.prompt_tokens_max,
        ),
        form=attempt.form,
        calls_max=attempt.calls_max,
        reservation=attempt.reservation,
        lease_s=lease_s,
    )


def _not_ordered(due: Due, outcome: str, message: str) -> task.EndAttempt:
    """Return the end of an attempt for which no order was sent. A worker's end of the same attempt has the same id."""
    return task.EndAttempt(
        id=end_of_attempt(due.attempt.order),
        at=now(),
        cause=due.cause,
        run=due.run,
        task=due.part.id,
        employee=due.attempt.employee,
        order=due.attempt.order,
        outcome=outcome,
        message=one_line(message, MESSAGE_CHARS_MAX),
    )
