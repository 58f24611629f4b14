"""The runner of sessions in a worker: it runs the loop in the session's box, and hands in the result."""

import asyncio
import time
from typing import Any

from agents.briefs.fence import Fence
from agents.cli_agents.command_line import AgentJob
from agents.cli_agents.employee import AgentEmployee
from agents.duty import either
from agents.employees.by_account import ByAccount, first_way
from agents.employees.contract import Employee, Order, SessionOrder
from agents.gateway.gateway import Gateway
from agents.gateway.spending import Spending
from agents.permits import ENDS_ATTEMPT, Permits
from agents.sessions.employee import SessionEmployee, session_model
from agents.sessions.hand_in import Handed, handed
from agents.sessions.loop import STOPPED, CallSettings, Session, SessionEnd
from agents.sessions.prompt import first_messages
from agents.sessions.transcript import Transcript
from agents.sessions.visible_check import VisibleCheck
from agents.sessions.workspace import BoxEnded, Workspace
from agents.workers.agent_session import AgentSession
from agents.workers.gateway_permits import GatewayPermits
from agents.workers.receipts import ModelReceipts, Receipts, ResultQueue, send_with_retries
from agents.workers.result import DROPPED_MAX, HandIn, message_of, without_work
from agents.workers.session_accounts import SessionAccounts, agents_by_account
from agents.workers.session_box import NotPrepared, OpenSession, SessionPlace, open_session, preparing
from agents.working_copies.hand_over import HandedOver, hand_over
from domain.errors import AuraError, Unavailable
from verification.working_tree.left_out import left_out_rule

STOP_WAIT_S = 5.0
"""Seconds that a session has to end its present call or command when the worker must stop."""
HAND_IN_S = 10.0
"""Seconds before the end of the lease at which a session ends, so that its work can still be handed in."""
UPLOAD_ATTEMPTS_MAX = 10
UPLOAD_WAIT_S = 2.0
CONFIRM_WAIT_S = 0.05
CONFIRM_WAIT_MAX_S = 5.0
SEND_AGAIN_S = 15.0
"""Seconds after which a result is sent again if the manager does not have it."""
SNAPSHOT = "This check saw your files as they were a moment ago, while your program runs."


class SessionRunner:
    """Runs sessions of one worker."""

    def __init__(self, place: SessionPlace, queue: ResultQueue) -> None:
        self._place = place
        self._queue = queue

    async def run(self, order: Order, employee: Employee, permits: Permits, stop: asyncio.Event) -> None:
        """Run one session to its end, and hand in its result until the manager has it.

        Raises TakenElsewhere and PermitRefused. `stop`: the worker stops.
        """
        await _Attempt(self._place, self._queue, order, permits, stop).run(employee)


class _Attempt:
    """One session of one order."""

    def __init__(
        self, place: SessionPlace, queue: ResultQueue, order: Order, permits: Permits, stop: asyncio.Event
    ) -> None:
        assert order.session is not None, "the order of a session says what it needs"
        self._place = place
        self._queue = queue
        self._order = order
        self._needs = order.session
        self._permits = permits
        self._receipts = Receipts(queue, order)
        self._stop = stop

    async def run(self, employee: Employee) -> None:
        signs = asyncio.create_task(self._give_signs())
        try:
            result = await self._result(employee, signs)
            if result is not None:
                await self._hand_in(result)
        finally:
            await _cancelled(signs)

    async def _result(self, employee: Employee, signs: "asyncio.Task[None]") -> HandIn | None:
        """Return the result. None: the order is no longer this worker's."""
        order, first = self._order, first_way(employee)
        if not isinstance(first, SessionEmployee | AgentEmployee):
            return without_work(order, "bad_settings", f"{employee.name} cannot work in sessions.")
        try:
            with preparing("bad_settings"):
                job = await asyncio.to_thread(first.job, order) if isinstance(first, AgentEmployee) else None
            async with open_session(self._place, order, self._needs, job) as opened:
                end = await self._end(self._work(employee, opened, job), signs)
                return None if end is None else await self._work_of(opened, end)
        except NotPrepared as error:
            return without_work(order, error.outcome, error.message)

    async def _end(self, session: Session | AgentSession, signs: "asyncio.Task[None]") -> SessionEnd | None:
        """Run a session to its end. None: the order is no longer this worker's."""
        work = asyncio.create_task(session.run())
        stopping = asyncio.create_task(self._stop.wait())
        left_s = self._permits.ends_at - min(HAND_IN_S, self._order.lease_s / 2) - time.monotonic()
        try:
            await asyncio.wait({work, signs, stopping}, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and stopping.done():
                await asyncio.wait({work}, timeout=STOP_WAIT_S)
            if work.done():
                return work.result()
            if stopping.done():
                return STOPPED
            if signs.done():
                return None
            return SessionEnd(outcome="lease_ended", message="The time of the session is used up.")
        except BoxEnded as error:
            return SessionEnd(outcome="box_ended", message=f"The box of the session ended: {error}.")
        finally:
            await _cancelled(work)
            await _cancelled(stopping)

    def _work(self, employee: Employee, opened: OpenSession, job: AgentJob | None) -> Session | AgentSession:
        """Return the work of a session: the loop with a model, or a coding agent."""
        first = first_way(employee)
        if not isinstance(first, AgentEmployee):
            return self._loop(employee, opened)
        assert job is not None, "the job of an agent was made before the box"
        gateway = Gateway(
            first.upstream(self._order),
            GatewayPermits(self._permits, self._receipts),
            Spending(self._order.reservation),
            accounts=agents_by_account(employee, self._order),
            check=lambda: self._checked(opened, while_running=True),
        )
        return AgentSession(opened.box, job, gateway)

    def _loop(self, employee: Employee, opened: OpenSession) -> Session:
        order, fence = self._order, Fence(self._order.id)
        accounts = SessionAccounts(employee, order, self._permits) if isinstance(employee, ByAccount) else None
        model = accounts or session_model(employee, order)
        first = first_messages(order.brief, fence, native=model.has_tools)
        workspace = Workspace(opened.box, fence, lambda: self._checked(opened))
        return Session(
            model,
            Transcript(first, prompt_tokens_max=order.limits.prompt_tokens_max),
            accounts or self._permits,
            ModelReceipts(self._receipts, employee),
            workspace.act,
            CallSettings(
                output_tokens_max=order.limits.output_tokens_max,
                wall_s=order.limits.wall_s,
                seed=order.seed,
                adaptations=order.adaptations,
            ),
            self._stop.is_set,
            *([accounts.may_go_on] if accounts is not None else []),
        )

    async def _give_signs(self) -> None:
        """Give signs of life until the order is no longer this worker's, or is complete."""
        while await self._is_ours():  # noqa: ASYNC110 - no event says it
            await asyncio.sleep(self._place.sign_times.every_s)

    async def _is_ours(self) -> bool:
        """Return whether the order is still open and this worker's. Lost receipts are sent again."""
        standing = await self._permits.standing(self._place.credential)
        if standing.ours and standing.open is not None:
            await self._receipts.settle(standing.open)
        return standing.ours

    async def _hand_in(self, result: HandIn) -> None:
        """Send the result until the manager has it. The queue is in the server's memory, so a result can be lost."""
        data, wait_s, sent_at = message_of(result), CONFIRM_WAIT_S, float("-inf")
        while True:
            if time.monotonic() - sent_at > SEND_AGAIN_S:
                await send_with_retries(self._queue, result.employee, f"{result.order}-end", data)
                sent_at = time.monotonic()
            await either(self._stop, wait_s=wait_s)
            if not await self._is_ours() or self._stop.is_set():
                return
            wait_s = min(2 * wait_s, CONFIRM_WAIT_MAX_S)

    async def _checked(self, opened: OpenSession, *, while_running: bool = False) -> str:
        """Judge a copy of the work against the visible cases, and return what the employee may see."""
        needs, prepared = self._needs, opened.prepared
        if not needs.criteria:
            return "This task has no cases to check."
        check = VisibleCheck(
            prepared.sandbox,
            prepared.requirement,
            prepared.copy.initial,
            origin=prepared.base,
            criteria=needs.criteria,
            earlier=needs.earlier,
            scope=needs.scope,
            libraries=prepared.libraries,
            seed=self._order.seed,
            allow_degraded=prepared.allow_degraded,
            accepted=prepared.accepted,
            outcomes=self._place.outcomes,
            on_fault=self._place.say,
        )
        text = await check.text(await _handed(needs, opened, while_running=while_running))
        return f"{SNAPSHOT}\n{text}" if while_running else text

    async def _work_of(self, opened: OpenSession, end: SessionEnd) -> HandIn:
        """Return the hand-in of a session that has ended.

        A session that has used up its calls, its reservation or its time hands in its work as it is.
        """
        order = self._order
        if end.outcome not in ("answered", *ENDS_ATTEMPT):
            return without_work(order, end.outcome, end.message)
        try:
            work = await _handed(self._needs, opened)
            if not work.manifest:
                outside = f" Changed outside the scope: {', '.join(work.dropped[:5])}." if work.dropped else ""
                nothing = "no_code", f"The session changed nothing in its scope.{outside}"
                return without_work(order, *(nothing if end.outcome == "answered" else (end.outcome, end.message)))
            return await self._with_work(work)
        except Unavailable:
            raise
        except AuraError as error:
            return without_work(order, "too_large" if error.kind == "limit_reached" else "bad_hand_in", str(error))

    async def _with_work(self, work: Handed) -> HandIn:
        order = self._order
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


async def _handed(session: SessionOrder, opened: OpenSession, *, while_running: bool = False) -> Handed:
    """Return the part of the present work that would be handed in. `while_running`: a command may change it now."""
    prepared = opened.prepared
    initial, own = prepared.copy.initial, prepared.own_files
    read = opened.box.snapshot if while_running else opened.box.difference
    difference = await read(left_out_rule(initial, session.scope, own))
    return await asyncio.to_thread(handed, initial, difference, session.scope, of_program=own, given=prepared.tests)


async def _cancelled(task: "asyncio.Task[Any]") -> None:
    """Cancel a task and wait for its end. Its result or error is no longer wanted."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
