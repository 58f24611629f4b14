"""The duty that watches deadlines: when a deadline in the manager's rows has passed, it sends a command."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from agents.duty import either, insist
from agents.manager.purse import past_days
from agents.manager.reactor import Manager
from agents.manager.run_ends import end
from bus.clock import now
from bus.outbox import Send
from bus.projection import Cause
from bus.projection_rows import Rows
from domain import fund_messages, organisation, task
from domain import run as run_rules
from domain.message import NAMESPACE, Command, Recorded, Unreadable, derive
from domain.registry import Scope
from domain.run import RunState
from projections import manager as manager_view
from projections.openrun import HAVE_ORDERS, RUN_KEY, OpenRun, busy_in, has_runs_in, open_in, runs_in

TICK_S = 0.25
SWEEP_EVERY_TICKS = 8
AGAIN_US = 1_000_000
AGAIN_MAX_US = 60_000_000
PICK_WAIT_US = 5_000_000
"""Microseconds after which a requested assignment that has no event counts as lost."""


NOBODY_ANSWERED = "The run asked for a larger budget, and nobody answered within 24 hours."
History = Callable[[Scope], Awaitable[Sequence[Recorded]]]


class Deadlines:
    """The duty for leases of orders, lost workers and time limits of runs. It also looks for work that was not done
    because of a refusal.
    """

    def __init__(self, manager: Manager, history: History, send: Send) -> None:
        self._manager = manager
        self._history = history
        self._send = send
        self._rows: Rows | None = None
        self._taken_up: Rows | None = None
        self._fired: dict[UUID, int] = {}
        self._again_at: dict[UUID, int] = {}
        self._noted = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        self._rows = rows if live else None
        self._noted.set()

    async def run(self, stop: asyncio.Event) -> None:
        ticks = 0
        while not stop.is_set():
            await either(stop, wait_s=TICK_S)
            if not self._has_work():
                await either(self._noted, stop)  # without an open order no time matters, so nothing wakes this duty
            self._noted.clear()
            ticks += 1
            if self._rows is None:
                continue
            commands = self._due(self._rows, now())
            if self._rows is not self._taken_up:  # the consumer has started or restarted
                self._taken_up = self._rows
                commands += self._manager.take_up(self._rows, now())
                for run in _unsettled(self._rows):
                    await insist(lambda run=run: self._settle(run), stop)  # type: ignore[misc]  # early binding
            if ticks % SWEEP_EVERY_TICKS == 0:
                commands += self._sweep(self._rows, now())
            for command in commands:
                await insist(lambda command=command: self._send(command), stop)  # type: ignore[misc]  # early binding

    def _has_work(self) -> bool:
        """Return whether a run may have a deadline or work to sweep, or whether the consumer has just started."""
        if self._rows is None:
            return False
        return self._rows is not self._taken_up or has_runs_in(self._rows, *HAVE_ORDERS)

    async def _settle(self, run: UUID) -> None:
        """Give the unspent budget of an ended run back to the organisation. This is for a run that ended while the
        manager could not process the run's events.
        """
        state = _state_of(await self._history(Scope("run", run)))
        if state.submitted is not None and state.settled:
            if state.tranches:
                back = derive(run, "manager.return")
                await self._send(fund_messages.ReturnTranche(id=back, at=now(), run=run))
            id = derive(run, "manager.settle")
            await self._send(organisation.SettleBudget(id=id, at=now(), run=run, spent=state.spent))

    def _due(self, rows: Rows, now: int) -> list[Command]:
        """Return a command for each deadline that has passed.

        The id of a command depends on the number of attempts. So a refused command is sent again with another id.
        """
        commands: list[Command] = []
        for row, state in busy_in(rows, *HAVE_ORDERS):
            for part in state.tasks.in_progress():
                if part.phase not in ("assigned", "calling", "answered") or part.order is None:
                    continue
                lost = self._why_lost(part, now)
                if not lost and not self._is_due(part.order, part.due_at, now):
                    continue
                assert part.employee is not None
                commands.append(
                    task.ReleaseOrder(
                        id=self._fire(part.order, now),
                        at=now,
                        run=row.scope,
                        task=part.id,
                        employee=part.employee,
                        order=part.order,
                        reason=lost or "lease_ended",
                    )
                )
        for row, state in open_in(rows, "planned"):
            due_at = state.due_at if state.asked is None else state.asked.until
            if due_at and self._is_due(row.scope, due_at, now):
                fields = Cause(self._fire(row.scope, now), now, of_event=False)
                why = "The run's minutes are used up." if state.asked is None else NOBODY_ANSWERED
                commands.append(end(row.scope, "rejected", why, fields))
        for run, key in past_days(rows, now):
            if self._is_due(deadline := derive(run, key), 0, now):
                id = self._fire(deadline, now)
                commands.append(fund_messages.ReturnTranche(id=id, at=now, run=run, keys=(key,)))
        return commands

    def _why_lost(self, part: task.TaskState, now: int) -> str:
        """Return why the worker of a session is lost; empty if it is not, or if the last command had no effect yet."""
        assert part.attempt is not None
        lost = self._manager.signs.why_lost(part.attempt)
        return lost if lost and self._is_due(part.attempt.order, 0, now) else ""

    def _is_due(self, deadline: UUID, due_at: int, now: int) -> bool:
        return now >= max(due_at, self._again_at.get(deadline, 0))

    def _fire(self, deadline: UUID, now: int) -> UUID:
        """Return the command id of the next attempt. Attempts without effect are repeated with back-off."""
        count = self._fired[deadline] = self._fired.get(deadline, -1) + 1
        self._again_at[deadline] = now + min(AGAIN_US * 2**count, AGAIN_MAX_US)
        return derive(deadline, "due", count)

    def _sweep(self, rows: Rows, now: int) -> list[Command]:
        """Return commands for work that should be in progress but is not."""
        self._manager.forget_older(now - PICK_WAIT_US)
        self._manager.turns.keep({row.scope for row in runs_in(rows, "planned")})
        states = [state for _, state in busy_in(rows, *HAVE_ORDERS)]
        self._manager.signs.keep({part.order for state in states for part in state.tasks.in_progress() if part.order})
        return list(self._manager.dispatch(rows, Cause(derive(_SWEEP, now), now, of_event=False)))


def _unsettled(rows: Rows) -> list[UUID]:
    """Return the runs that are no longer open but still hold a part of the organisation's budget."""
    kinds = (manager_view.ReservationRow, manager_view.TrancheRow)
    held = dict.fromkeys(row.scope for kind in kinds for row in rows.all(kind))
    return [run for run in held if rows.get(OpenRun, run, RUN_KEY) is None]


def _state_of(history: Sequence[Recorded]) -> RunState:
    """Return a run's state from its events."""
    state = run_rules.initial
    for recorded in history:
        if recorded.void is None and not isinstance(recorded.event, Unreadable):
            state = run_rules.evolve(state, recorded.event)
    return state


_SWEEP = derive(NAMESPACE, "manager", "sweep")
