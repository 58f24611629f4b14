"""The duty to send orders: after `call_started` is committed, the order goes to the worker, once."""

import asyncio
from collections import deque
from uuid import UUID

import msgspec

from agents.briefs.brief import Brief, brief_of
from agents.briefs.review_brief import review_brief
from agents.duty import either, insist
from agents.employees.contract import CallLimits, Order
from agents.run_content import Library
from bus.fault_points import Fault
from bus.projection_rows import Rows
from bus.work_queue import WorkStream
from domain.employee import Profile
from domain.review import is_review
from domain.run import RunState
from domain.task import TaskState
from projections import manager as manager_view
from projections.openrun import HAVE_ORDERS, open_in
from verification.requirements.model import Requirement

ORDERS_FOLLOW = ("task.call_started",)
"""An order goes out once, so what it follows from is on the disk before this duty sees it."""
ORDERS_KNOWN_MAX = 10_000
"""Orders that are remembered as sent, also when the rows are read again from an earlier commit."""


class Ordering:
    """Sends an order for each call that starts while this process looks on.

    A call that was found started at the beginning is not ordered again, for nobody knows whether it was made: its lease
    ends it.
    """

    def __init__(self, library: Library, work: WorkStream, *, fault: Fault = lambda _: None) -> None:
        self._library = library
        self._work = work
        self._fault = fault
        self._known: dict[UUID, None] = {}
        self._due: deque[tuple[UUID, RunState, TaskState, Profile]] = deque()
        self._wake = asyncio.Event()
        self._begun = False

    def note(self, rows: Rows, live: bool) -> None:
        for row, state in open_in(rows, *HAVE_ORDERS):
            for part in state.tasks.values():
                if part.phase != "calling" or part.order is None or part.employee is None:
                    continue
                employee = rows.get(manager_view.EmployeeRow, part.employee, "employee")
                if part.order not in self._known and self._begun and live and employee:
                    self._due.append((row.scope, state, part, manager_view.profile_of(employee)))
                    self._wake.set()
                self._known[part.order] = None
        while len(self._known) > ORDERS_KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._begun = True

    async def run(self, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as sending:
            while not stop.is_set():
                while self._due:
                    run, state, part, profile = self._due.popleft()
                    sending.create_task(self._send(run, state, part, profile, stop))
                self._wake.clear()
                await either(self._wake, stop)

    async def _send(self, run: UUID, state: RunState, part: TaskState, profile: Profile, stop: asyncio.Event) -> None:
        async def act() -> None:
            order = await self._order(run, state, part, profile)
            await self._work.send_order(order.employee, order.id, msgspec.json.encode(order))

        self._fault("ordering:before-order")
        await insist(act, stop)

    async def _order(self, run: UUID, state: RunState, part: TaskState, profile: Profile) -> Order:
        assert state.submitted is not None, "a run without a requirement has no tasks"
        assert part.order is not None, "a call has an order"
        assert part.employee is not None, "an order has an employee"
        requirement = await self._library.requirement(state.submitted)
        feedback = tuple(dict.fromkeys(found.for_author for found in part.findings if found.for_author))
        return Order(
            id=part.order,
            run=run,
            task=part.id,
            task_name=part.name,
            employee=part.employee,
            attempt=part.attempts,
            seed=part.seed,
            brief=await self._brief(state, part, requirement, feedback),
            limits=CallLimits(
                output_tokens_max=profile.output_tokens_max,
                wall_s=profile.call_wall_s,
                cost_usd_max=part.reservation.usd,
            ),
        )

    async def _brief(
        self, state: RunState, part: TaskState, requirement: Requirement, feedback: tuple[str, ...]
    ) -> Brief:
        if is_review(part):
            return await review_brief(self._library, state, requirement, feedback)
        base = await self._library.contents(await self._library.before(state, part.id))
        return brief_of(requirement, part.name, base=base, feedback=feedback)
