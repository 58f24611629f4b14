"""The runner of sessions in a worker: it opens the working copy and the box, runs the loop, and makes the hand-in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from agents.employees.contract import Employee, Order, SessionOrder
from agents.employees.conversation import Model
from agents.permits import ENDS_ATTEMPT, SIGN_TIMES, Permits, SignTimes
from agents.sessions.hand_in import Handed, handed
from agents.sessions.loop import CANCELLED, CallSettings, Session, SessionEnd
from agents.sessions.prompt import Fence, first_messages
from agents.sessions.transcript import Transcript
from agents.sessions.visible_check import VisibleCheck
from agents.sessions.workspace import BoxEnded, Workspace
from agents.workers.receipts import ModelReceipts, Receipts, ResultQueue
from agents.workers.result import HandIn, without_work
from agents.workers.session_box import NotPrepared, OpenSession, preparing, session_box
from agents.working_copies.hand_over import HandedOver, hand_over
from agents.working_copies.working_copy import WorkingCopies
from bus.object_bucket import ObjectBucket
from domain.errors import AuraError, Unavailable
from verification.packages.libraries import libraries_of
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.base import Sandbox
from verification.working_tree.left_out import left_out_rule

STOP_WAIT_S = 5.0
"""Seconds in which a session may come to the end of its present call or command after the worker has to stop."""
UPLOAD_ATTEMPTS_MAX = 10
UPLOAD_WAIT_S = 2.0
DROPPED_MAX = 100  # most paths that a hand-in names as dropped


@runtime_checkable
class SessionEmployee(Employee, Protocol):
    """An employee whose model can work in sessions."""

    def model_for(self, order: Order) -> Model:
        """Return the model of a session of this order."""


@dataclass(frozen=True)
class SessionPlace:
    """The parts that all sessions of one process share. `credential`: the name of this process's upload bucket.

    `libraries`, `outcomes`: folders for installed dependencies, and for the results of a base's own tests.
    """

    open_sandbox: Callable[[], Sandbox]
    copies: WorkingCopies
    uploads: ObjectBucket
    credential: str
    libraries: Path
    outcomes: Path
    machine: str
    allow_degraded: bool = False
    sign_times: SignTimes = SIGN_TIMES
    say: Callable[[str], None] = lambda _: None


class SessionRunner:
    """Runs sessions of one worker."""

    def __init__(self, place: SessionPlace, queue: ResultQueue) -> None:
        self._place = place
        self._queue = queue

    async def run(self, order: Order, employee: Employee, permits: Permits, stop: asyncio.Event) -> HandIn | None:
        """Run one session to its end. Return None if the order is no longer this worker's.

        Raises TakenElsewhere and PermitRefused. `stop`: the worker stops.
        """
        assert order.session is not None, "the order of a session says what it needs"
        if not isinstance(employee, SessionEmployee):
            return without_work(order, "bad_settings", f"{employee.name} cannot work in sessions.")
        try:
            async with self._opened(order, order.session) as opened:
                end = await self._ended(order, employee, permits, opened, stop)
                return None if end is None else await self._hand_in(order, opened, end)
        except NotPrepared as error:
            return without_work(order, error.outcome, error.message)

    @asynccontextmanager
    async def _opened(self, order: Order, session: SessionOrder) -> AsyncIterator[OpenSession]:
        """Open the working copy and its box. Raises NotPrepared."""
        place = self._place
        with preparing("working_copy"):
            copy = await place.copies.open(session.packs)
            base = None
            if session.has_base:
                base = copy.initial if len(session.packs) == 1 else await place.copies.base(session.packs[0])
            requirement = _requirement(session)
        with preparing("libraries"):
            libraries = await libraries_of(requirement, place.libraries, place.say)
        sandbox = place.open_sandbox()
        opened = OpenSession(
            requirement=requirement,
            copy=copy,
            base=base,
            libraries=libraries,
            sandbox=sandbox,
            accepted=session.accepted.get(place.machine, ()),
            allow_degraded=place.allow_degraded or session.allow_degraded,
        )
        with preparing("no_box"):
            box = await session_box(order, opened)
            await box.__aenter__()
        try:
            yield opened.with_box(box)
        finally:
            await box.close()

    async def _ended(
        self, order: Order, employee: SessionEmployee, permits: Permits, opened: OpenSession, stop: asyncio.Event
    ) -> SessionEnd | None:
        """Run the loop, and tell the manager that this worker still works. None: the order is no longer its own."""
        work = asyncio.create_task(self._session(order, employee, permits, opened, stop).run())
        signs = asyncio.create_task(self._give_signs(permits))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({work, signs, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and stopping.done():
                await asyncio.wait({work}, timeout=STOP_WAIT_S)
            if work.done():
                return work.result()
            return SessionEnd(outcome=CANCELLED, message="The worker stops.") if stopping.done() else None
        except BoxEnded as error:
            return SessionEnd(outcome="box_ended", message=f"The box of the session ended: {error}.")
        finally:
            for each in (work, signs, stopping):
                await _cancelled(each)

    def _session(
        self, order: Order, employee: SessionEmployee, permits: Permits, opened: OpenSession, stop: asyncio.Event
    ) -> Session:
        fence, model = Fence(order.id), employee.model_for(order)
        first = first_messages(order.brief, fence, native=model.has_tools)
        workspace = Workspace(opened.box, fence, lambda: self._checked(order, opened))
        return Session(
            model,
            Transcript(first, prompt_tokens_max=order.limits.prompt_tokens_max),
            permits,
            ModelReceipts(Receipts(self._queue, order), employee),
            workspace.act,
            CallSettings(
                output_tokens_max=order.limits.output_tokens_max,
                wall_s=order.limits.wall_s,
                seed=order.seed,
                adaptations=order.adaptations,
            ),
            stop.is_set,
        )

    async def _give_signs(self, permits: Permits) -> None:
        """Give signs of life until the order is no longer this worker's."""
        while await permits.still_ours(self._place.credential):  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(self._place.sign_times.every_s)

    async def _checked(self, order: Order, opened: OpenSession) -> str:
        """Judge a copy of the work against the visible cases, and return what the employee may see."""
        assert order.session is not None
        if not order.session.criteria:
            return "This task has no cases to check."
        check = VisibleCheck(
            opened.sandbox,
            opened.requirement,
            opened.copy.initial,
            origin=opened.base,
            criteria=order.session.criteria,
            earlier=order.session.earlier,
            scope=order.session.scope,
            libraries=opened.libraries,
            seed=order.seed,
            allow_degraded=opened.allow_degraded,
            accepted=opened.accepted,
            outcomes=self._place.outcomes,
            on_fault=self._place.say,
        )
        return await check.text(await _handed(order.session, opened))

    async def _hand_in(self, order: Order, opened: OpenSession, end: SessionEnd) -> HandIn:
        """Return the hand-in of a session that has ended.

        A session that has used up its calls or its reservation hands in its work as it is.
        """
        assert order.session is not None
        if end.outcome not in ("answered", *ENDS_ATTEMPT):
            return without_work(order, end.outcome, end.message)
        try:
            work = await _handed(order.session, opened)
            if not work.manifest:
                outside = f" Changed outside the scope: {', '.join(work.dropped[:5])}." if work.dropped else ""
                nothing = "no_code", f"The session changed nothing in its scope.{outside}"
                return without_work(order, *(nothing if end.outcome == "answered" else (end.outcome, end.message)))
            return await self._with_work(order, work)
        except Unavailable:
            raise
        except AuraError as error:
            return without_work(order, "too_large" if error.kind == "limit_reached" else "bad_hand_in", str(error))

    async def _with_work(self, order: Order, work: Handed) -> HandIn:
        return HandIn(
            order=order.id,
            run=order.run,
            task=order.task,
            employee=order.employee,
            outcome="answered",
            dropped=work.dropped[:DROPPED_MAX],
            handed=await self._uploaded(work),
            credential=self._place.credential,
        )

    async def _uploaded(self, work: Handed) -> HandedOver:
        """Return the pack of the work, which is in the upload bucket if it is large. Raises Unavailable at the end."""
        for _ in range(UPLOAD_ATTEMPTS_MAX - 1):
            try:
                return await hand_over(work.manifest, work.tree, self._place.uploads)
            except Unavailable:
                await asyncio.sleep(UPLOAD_WAIT_S)
        return await hand_over(work.manifest, work.tree, self._place.uploads)


async def _handed(session: SessionOrder, opened: OpenSession) -> Handed:
    """Return the part of the present work that would be handed in."""
    initial = opened.copy.initial
    difference = await opened.box.difference(left_out_rule(initial, session.scope))
    return await asyncio.to_thread(handed, initial, difference, session.scope)


def _requirement(session: SessionOrder) -> Requirement:
    return parse_requirement(
        session.requirement, None, name=session.title, folder=None, fixtures=dict(session.fixtures)
    )


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end. Its result or error is no longer wanted."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
