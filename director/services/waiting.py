"""Finds out why runs wait, from the manager's rows in Postgres, the home's processes, and parked events."""

import asyncio
import time
from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import asyncpg

from agents.manager.wait_reasons import WaitReasons
from bus.checkpoints import checkpoints, read_rows
from bus.clock import now
from bus.projection_rows import Rows
from bus.store import Store
from director.services.parked import MOVERS, parked_data
from director.services.views import rows
from director.settings import Settings
from director.terminal.parked_text import cure, sentence
from domain.waiting import RunWait, Wait, WaitCode
from domain.wording import counted
from observability.process_registry import serving
from projections.accounts import AccountRow
from projections.fallback import FallbackRow
from projections.holds import HoldRow
from projections.manager import EmployeeRow, ManagerProjection
from projections.openrun import OPEN_TABLES, RUN_KEY, OpenRun, open_state
from projections.organisation_rows import ORGANISATION_TABLES
from projections.routing_tables import ROUTING_RESIDENT

STANDING_S = 0.5
"""A consumer with unread events is stalled if its position does not change for this time."""
STANDING_POLL_S = 0.05
NEEDED: tuple[type[Any], ...] = (
    *OPEN_TABLES,
    *ORGANISATION_TABLES,
    *ROUTING_RESIDENT,
    EmployeeRow,
    HoldRow,
    FallbackRow,
    AccountRow,
)
CLEARER: Collection[WaitCode] = frozenset({"approval", "not_running", "no_recorder", "no_manager", "no_verifier"})
"""Reasons that explain more than a stalled consumer does."""


class Waits:
    """Finds the reasons why runs wait. Each call reads the store again."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    async def of(self, run: UUID) -> Wait | None:
        """Return the reason why a run waits; None if the run does not wait or has ended."""
        held = await self._held()
        row = held.get(OpenRun, run, RUN_KEY)
        if row is None and await rows(self._store, "door_run", run):
            return None
        wait = (await self._reasons(held)).of(run, open_state(held, row) if row is not None else None)
        return (await self._completed({run: wait}))[run]

    async def all(self, before: Mapping[str, int] | None = None) -> list[RunWait]:
        """Return every open run that waits, oldest first. `before`: positions of consumers that were just read."""
        held = await self._held()
        reasons, states = await self._reasons(held), {row.scope: open_state(held, row) for row in held.all(OpenRun)}
        open_runs = {run: state for run, state in states.items() if state.phase != "ended"}
        waits = await self._completed({run: reasons.of(run, state) for run, state in open_runs.items()}, before)
        titles = {run: state.submitted.title if state.submitted else "" for run, state in open_runs.items()}
        return [RunWait(run=run, title=titles[run], waiting=wait) for run, wait in sorted(waits.items()) if wait]

    async def held_up(self) -> list[RunWait]:
        """Return the runs that need a person, but no deliveries, because the inbox lists these separately."""
        return [one for one in await self.all() if one.waiting.needs_somebody and one.waiting.code != "approval"]

    async def _held(self) -> Rows:
        """Return the manager's rows; no rows if they are of another release, which other queries will report."""
        try:
            return await read_rows(self._store, ManagerProjection.name, NEEDED)
        except asyncpg.UndefinedColumnError:
            return Rows(NEEDED)

    async def _reasons(self, held: Rows) -> WaitReasons:
        all_here = self._settings.nats_url is None
        return WaitReasons(held, await asyncio.to_thread(serving, self._settings.root, all_here=all_here), now())

    async def _completed(
        self, waits: dict[UUID, Wait | None], before: Mapping[str, int] | None = None
    ) -> dict[UUID, Wait | None]:
        """Replace a reason if a parked event or a stalled consumer explains the wait, which the rows do not show."""
        parked = {one["scope"]: one for one in await parked_data(self._store, None, MOVERS)}
        unclear = {run for run, wait in waits.items() if wait is None or wait.code not in CLEARER}
        behind = await self._behind(before) if unclear - parked.keys() else {}
        for run in unclear:
            wait = waits[run]
            if run in parked:
                message = f"The run is stopped: {sentence(parked[run])}."
                waits[run] = Wait(code="parked", message=message, hint=cure([parked[run]]))
            elif "manager" in behind or (behind and wait is not None and wait.code == "verifier"):
                waits[run] = _standing(behind)
        return waits

    async def _behind(self, before: Mapping[str, int] | None) -> dict[str, int]:
        """Return the consumers that are stalled, each with its lag in events. `before`: earlier positions, if known."""
        read = before if before is not None else await checkpoints(self._store, MOVERS)
        before, last = {name: read[name] for name in MOVERS if name in read}, await self._store.recorded_up_to()
        if all(seq >= last for seq in before.values()):
            return {}
        standing, ends_at = {name for name, seq in before.items() if seq < last}, time.monotonic() + STANDING_S
        while standing and time.monotonic() < ends_at:  # a consumer that works soon commits its next batch
            after = await checkpoints(self._store, MOVERS)
            standing = {name for name in standing if after.get(name) == before[name]}
            if standing:
                await asyncio.sleep(STANDING_POLL_S)
        return {name: last - before[name] for name in before if name in standing}


def _standing(behind: Mapping[str, int]) -> Wait:
    name, events = next(iter(behind.items()))
    return Wait(
        code="behind",
        message=f"The {name} does not read the log: it is {counted(events, 'event')} behind.",
        hint="See whether its process answers: aura status. If not, end the process: the supervisor starts it again.",
    )
