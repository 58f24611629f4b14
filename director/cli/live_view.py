"""Live progress of a run: a table on a terminal, and one line per event if the output is not a terminal."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from bus.checkpoints import checkpoints
from bus.store import FAR, Store
from director.cli.output import Door
from director.services.parked import MOVERS, parked_data
from director.services.run_record import run_data
from director.services.views import rows
from director.terminal.event_text import NAMING_TYPES, Story
from director.terminal.parked_text import cure, sentence
from director.terminal.text import money
from director.terminal.wait_text import wait_lines
from domain import employee
from domain.errors import Failed, Unavailable
from domain.message import Recorded, TaskEvent
from domain.waiting import Wait
from domain.wording import counted

POLL_S = 0.25
RECORDED_WAIT_S = 5.0
RESTING = frozenset({"delivered", "ended"})
"""Phases in which a run waits for a person, or has ended."""
LOOK_EVERY_S = 1.0
SAID_AFTER_S = 2.0
AskWait = Callable[[UUID], Awaitable[Wait | None]]
"""Returns the reason why a run waits."""


class WaitTeller:
    """Decides when to print the reason of a wait: once for each new reason, after it has lasted for SAID_AFTER_S."""

    def __init__(self) -> None:
        self._code: str | None = None
        self._since = 0.0
        self._said = False

    def next(self, wait: Wait | None, at_s: float) -> Wait | None:
        """Return the reason if it is to be printed now. `at_s`: seconds of a monotonic clock."""
        code = wait.code if wait is not None else None
        if code != self._code:
            self._code, self._since, self._said = code, at_s, False
        if wait is None or self._said or at_s - self._since < SAID_AFTER_S:
            return None
        self._said = True
        return wait


class Watch:
    """Follows one run until it is delivered or has ended. `quiet`: print only why it waits (for --json)."""

    def __init__(
        self, store: Store, run: UUID, door: Door, *, quiet: bool = False, waits: AskWait | None = None
    ) -> None:
        self._store = store
        self._run = run
        self._door = door
        self._quiet = quiet
        self._story = Story()
        self._staff: set[UUID] = set()
        self._seq: int | None = None  # the last sequence that was printed; None if nothing is printed yet
        self._waits = waits
        self._teller = WaitTeller()
        self._wait: Wait | None = None
        self._looked_at = -LOOK_EVERY_S

    async def until_rest(self) -> dict[str, Any]:
        """Follow the run, and return its line when it is delivered or has ended."""
        live = sys.stdout.isatty() and not self._quiet
        return await (self._on_terminal() if live else self._as_log())

    async def _line(self) -> dict[str, Any] | None:
        found = await rows(self._store, "door_run", self._run)
        return found[0] if found else None

    async def _not_parked(self) -> None:
        """Raise Failed if a consumer that the run needs has parked the run, because such a run never continues."""
        found = await parked_data(self._store, self._run, MOVERS)
        if found:
            raise Failed(f"The run is stopped: {sentence(found[0])}.", hint=cure(found), code="parked")

    async def _as_log(self) -> dict[str, Any]:
        while True:
            line = await self._line()
            rests = line is not None and line["phase"] in RESTING
            await self._tell_new(rests=rests)
            await self._not_parked()
            if line is not None and rests:
                return line
            said = await self._look()
            if said is not None:
                self._door.say("\n".join(f"{'':>5}  {line}" for line in wait_lines(said)))
            await asyncio.sleep(POLL_S)

    async def _look(self) -> Wait | None:
        """Look up the reason of a wait every LOOK_EVERY_S. Return it if it is to be printed now."""
        at_s = time.monotonic()
        if self._waits is None or at_s - self._looked_at < LOOK_EVERY_S:
            return None
        self._looked_at = at_s
        self._wait = await self._waits(self._run)
        return self._teller.next(self._wait, time.monotonic())

    async def _tell_new(self, *, rests: bool) -> None:
        """Print the run's new events since the last call. `rests`: print all of them, because the run makes no more."""
        if self._quiet:
            return
        if rests:
            await self._all_recorded()
        span = await self._store.run_span(self._run)
        if span is None:
            return
        if self._seq is None:
            for naming in await self._store.read_types(NAMING_TYPES, span[0]):
                self._story.hear(naming)
            self._seq = span[0] - 1
        up_to = span[1] if rests else FAR
        while page := await self._store.read(self._seq, up_to):
            for recorded in page:
                text = self._sentence(recorded)
                if text:
                    self._door.say(f"{recorded.seq:>5}  {text}")
            self._seq = page[-1].seq

    async def _all_recorded(self) -> None:
        """Wait until the recorder has stored every event that the manager's rows already contain."""
        position = (await checkpoints(self._store, ("manager",))).get("manager", 0)
        with suppress(Unavailable):  # no recorder runs: print the stored events
            await self._store.wait_recorded(position, RECORDED_WAIT_S)

    async def _on_terminal(self) -> dict[str, Any]:
        from rich.console import Console
        from rich.live import Live

        console = Console()
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            while True:
                data = await run_data(self._store, self._run)
                await self._not_parked()
                await self._look()
                line: dict[str, Any] | None = data["run"]
                if line is not None:
                    live.update(self._table(data))
                    if line["phase"] in RESTING:
                        break
                await asyncio.sleep(POLL_S)
        await self._tell_new(rests=True)  # the table disappears; the lines stay on the screen
        return line

    def _table(self, data: dict[str, Any]) -> Any:
        from rich.table import Table
        from rich.text import Text

        line = data["run"]
        caption = (
            f"{money(line['spent_usd'])}, {line['spent_tokens']} tokens, {counted(len(data['attempts']), 'attempt')}"
        )
        if self._wait is not None:
            caption = "\n".join([caption, *wait_lines(self._wait)])
        table = Table("task", "phase", "tries", "who", "last reason", title=line["title"], caption=Text(caption))
        said = {row["task_name"]: row["message"] for row in data["attempts"]}  # the last attempt's message wins
        for part in data["tasks"]:
            reason = ": ".join(filter(None, (part["reason"], said.get(part["name"]))))
            table.add_row(part["name"], part["phase"], str(part["attempts"]), part["employee_name"] or "", reason)
        return table

    def _sentence(self, recorded: Recorded) -> str:
        """Return an event of this run or its staff in words; empty for other events."""
        event = recorded.event
        self._story.hear(recorded)
        if isinstance(event, TaskEvent) and event.run == self._run and not recorded.void:
            self._staff.add(event.employee)
        concerns_staff = isinstance(event, employee.EmployeeEvent) and event.employee in self._staff
        if recorded.envelope.run != self._run and not concerns_staff:
            return ""
        return self._story.tell(recorded)
