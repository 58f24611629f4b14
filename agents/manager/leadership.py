"""Leadership of the manager. The manager of a process is a standby until it holds the lease. Then it works until it
loses the lease or is stopped.

Each time it gets the lease, its parts (consumer, duties, Reception) are built again. They continue from the checkpoint.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any

from agents.duty import Duty, either, ended
from agents.manager.reactor import Manager
from bus.clock import now
from bus.consumer import Runner
from bus.history import Historian
from bus.lease import Lease
from bus.logger import Logger
from bus.projection import Reactor
from domain.errors import AuraError, Contention, Unavailable
from domain.message import Command
from governance.gate import Gate, Outcome
from observability.health import Standing

FLUSH_S = 5.0
ASK_S = 0.5
"""Seconds between two requests for the lease by a standby manager."""
GRACE_S = 8.0
"""Seconds that a stop waits for open calls, verdicts and hand-ins before it cancels them."""
STEP_DOWN_S = 2.0
"""Grace period in seconds after the lease was lost. It is short, because another manager already works."""
Act = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
Handle = Callable[[Command], Awaitable[Outcome]]
"""Type of the method `handle` of a gate."""


@dataclass(frozen=True)
class Parts:
    """The parts of one manager. `duties` get the rows after each commit. The functions in `beside` need no rows. All
    parts run until they are stopped. `historian` gets the committed events, and is one of the functions in `beside`.
    """

    reactor: Reactor
    send: Handle
    duties: Sequence[Duty]
    beside: Sequence[Act]
    historian: Historian | None = None


def forgetting(gate: Gate, manager: Manager) -> Handle:
    """Return a sender that reports commands without effect to the manager, so that the manager can decide again."""

    async def send(command: Command) -> Outcome:
        try:
            outcome = await gate.handle(command)
        except (Contention, Unavailable):
            raise
        except AuraError:
            manager.forget(command)
            raise
        if not outcome.events or outcome.void:
            manager.forget(command)
        return outcome

    return send


class Managing:
    """The loop that runs the manager while this process holds the lease.

    `parts` builds a new manager with empty memory. `consume` builds the manager's consumer and closes the consumer at
    the end.
    """

    def __init__(
        self,
        parts: Callable[[], Parts],
        lease: Lease,
        consume: Callable[[Parts], AbstractContextManager[Runner]],
        log: Logger,
    ) -> None:
        self._parts = parts
        self._lease = lease
        self._consume = consume
        self._log = log
        self._leads = False
        self._rested = asyncio.Event()

    def standing(self) -> Standing:
        """Return "leader" if this process's manager holds the lease, otherwise "standby"."""
        return "leader" if self._leads and self._lease.held else "standby"

    async def run(self, end_duties: asyncio.Event, end_log: asyncio.Event) -> None:
        """Lead while the lease is held, until `end_duties` is set. The consumer continues until `end_log` is set."""
        try:
            while not end_duties.is_set():
                if await self._won():
                    await self._lead(end_duties, end_log)
                else:
                    await either(end_duties, wait_s=ASK_S)
        finally:
            self._rested.set()

    async def rested(self) -> None:
        """Wait until the duties have ended."""
        await self._rested.wait()

    async def _won(self) -> bool:
        try:
            return await self._lease.acquire()
        except Unavailable:
            return False  # the caller asks again

    async def _lead(self, end_duties: asyncio.Event, end_log: asyncio.Event) -> None:
        """Lead for one term. A term begins with the lease and ends when the lease is lost or the process stops.

        After the term no task of the term runs any more. This is also true after an error.
        """
        parts, term = self._parts(), Term()
        self._leads = True
        self._log.info("leads")
        try:
            with self._consume(parts) as runner:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._keep(term))
                    acts: list[Act] = [*parts.beside, *(duty.run for duty in parts.duties)]
                    duties = [group.create_task(act(term.end_duties)) for act in acts]
                    log = group.create_task(runner.run(term.end_log))
                    try:
                        await either(end_duties, term.lost)
                        term.end_duties.set()
                        if not term.lost.is_set():
                            await ended(duties, GRACE_S)
                            self._rested.set()
                            await either(end_log, term.lost)
                        term.end_log.set()
                        if term.lost.is_set():
                            await ended([*duties, log], STEP_DOWN_S)
                        await asyncio.wait([log])
                    finally:
                        term.end()  # needed after an error in a task, because a cancel may be lost
        finally:
            self._leads = False
            await self._lease.release()
        if term.lost.is_set():
            self._log.warning("stands_by", why="another manager leads")
        else:
            self._log.info("leads_no_more")

    async def _keep(self, term: "Term") -> None:
        await self._lease.keep(term.over)
        if not term.over.is_set():
            term.lost.set()


class Term:
    """The signals of one term. When the term ends, also after an error, all signals except `lost` are set. Then all
    tasks of the term end.
    """

    def __init__(self) -> None:
        self.end_duties, self.end_log, self.over, self.lost = (asyncio.Event() for _ in range(4))

    def end(self) -> None:
        for event in (self.end_duties, self.end_log, self.over):
            event.set()


async def flush_refusals(gate: Gate, stop: asyncio.Event) -> None:
    """Write the summaries of refusals above the refusal limit, every FLUSH_S seconds and at the end."""
    while True:
        await either(stop, wait_s=FLUSH_S)
        with suppress(Unavailable):  # the gate keeps the counts, and the next flush writes them
            await gate.flush_refusals(at=now(), everything=stop.is_set())
        if stop.is_set():
            return
