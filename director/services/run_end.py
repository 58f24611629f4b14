"""Waits until a run rests: it is delivered, or it has ended. On the way it says why the run waits for a person."""

import asyncio
from collections.abc import Callable, Collection
from uuid import UUID

from director.services.approvals import reject_run
from director.services.parked import MOVERS, parked_data
from director.services.session import DirectorSession
from director.services.views import RUN, RunLine
from director.services.waiting import Waits
from director.terminal.parked_text import cure, sentence
from domain.errors import Failed, LimitReached
from domain.waiting import Wait, WaitCode

POLL_S = 0.25
LOOK_EVERY_S = 5.0
"""Interval at which the reason of a wait is looked up."""
QUIET: Collection[WaitCode] = frozenset({"approval", "not_taken_up"})
NO_BUDGET: WaitCode = "organisation_budget"
GIVEN_UP = "The organisation's budget has no room for this run."


class RunEnd:
    """Waits for the end of one run. `needs_budget`: a run for which the organisation has no budget is cancelled."""

    def __init__(self, opened: DirectorSession, note: Callable[[str], None], *, needs_budget: bool = False) -> None:
        self._opened = opened
        self._note = note
        self._needs_budget = needs_budget
        self._waits = Waits(opened.store, opened.settings)
        self._said = ""

    async def of(self, run: UUID) -> RunLine:
        """Return the run's line when it is delivered or has ended.

        Raises Failed if the run is parked, and LimitReached if it needs budget that the organisation does not have.
        """
        looked_at, clock = 0.0, asyncio.get_running_loop().time
        while True:
            line = await RUN.first(self._opened.store, run)
            if line is not None and line.phase in ("delivered", "ended"):
                return line
            if clock() - looked_at > LOOK_EVERY_S:
                looked_at = clock()
                if found := await parked_data(self._opened.store, run, MOVERS):
                    raise Failed(f"The run is stopped: {sentence(found[0])}.", hint=cure(found), code="parked")
                await self._tell(run, await self._waits.of(run))
            await asyncio.sleep(POLL_S)

    async def _tell(self, run: UUID, wait: Wait | None) -> None:
        """Report once why a run waits for a person."""
        if wait is None:
            return
        if wait.code == NO_BUDGET and self._needs_budget:
            await reject_run(self._opened, run, GIVEN_UP)
            raise LimitReached(wait.message, hint=wait.hint, code=NO_BUDGET)
        if wait.needs_somebody and wait.code not in (self._said, *QUIET):
            self._note(f"The run waits: {wait.message} {wait.hint}".rstrip())
            self._said = wait.code
