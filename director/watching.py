"""Live progress of a run: a table that moves on a terminal, one line per event elsewhere."""

import asyncio
import sys
from typing import Any
from uuid import UUID

from bus.store import Store
from director import show
from director.desk import rows
from director.door import Door
from domain import employee, incident, refusal, run_messages, task
from domain.message import Recorded, TaskEvent

POLL_S = 0.25
RESTING = frozenset({"delivered", "ended"})
"""Phases in which a run waits for a person or for nothing."""


class Watch:
    """Follows one run until it rests. `quiet`: no output, for --json."""

    def __init__(self, store: Store, run: UUID, door: Door, *, quiet: bool = False) -> None:
        self._store = store
        self._run = run
        self._door = door
        self._quiet = quiet
        self._names: dict[UUID, str] = {}
        self._tasks: dict[UUID, str] = {}
        self._staff: set[UUID] = set()
        self._seq = 0

    async def until_rest(self) -> dict[str, Any]:
        """The run's line once it is delivered or has ended."""
        live = sys.stdout.isatty() and not self._quiet
        return await (self._on_terminal() if live else self._as_log())

    async def _line(self) -> dict[str, Any] | None:
        found = await rows(self._store, "door_run", self._run)
        return found[0] if found else None

    async def _as_log(self) -> dict[str, Any]:
        while True:
            line = await self._line()
            await self._tell_new()
            if line is not None and line["phase"] in RESTING:
                return line
            await asyncio.sleep(POLL_S)

    async def _tell_new(self) -> None:
        for recorded in await self._store.read(self._seq, limit=10_000):
            self._seq = recorded.seq
            text = self._sentence(recorded)
            if text and not self._quiet:
                self._door.say(f"{recorded.seq:>5}  {text}")

    async def _on_terminal(self) -> dict[str, Any]:
        from rich.console import Console
        from rich.live import Live

        console = Console()
        with Live(console=console, refresh_per_second=8, transient=True) as live:
            while True:
                data = await show.run_data(self._store, self._run)
                line: dict[str, Any] | None = data["run"]
                if line is not None:
                    live.update(self._table(data))
                    if line["phase"] in RESTING:
                        break
                await asyncio.sleep(POLL_S)
        await self._tell_new()  # what the table showed stays on the screen as lines
        return line

    def _table(self, data: dict[str, Any]) -> Any:
        from rich.table import Table

        line = data["run"]
        caption = f"{show.money(line['spent_usd'])}, {line['spent_tokens']} tokens, {len(data['attempts'])} attempts"
        table = Table("task", "phase", "tries", "who", "last reason", title=line["title"], caption=caption)
        for part in data["tasks"]:
            table.add_row(
                part["name"], part["phase"], str(part["attempts"]), part["employee_name"] or "", part["reason"] or ""
            )
        return table

    def _sentence(self, recorded: Recorded) -> str:
        """One event of this run, or of its staff, in words; empty for what is of no interest here."""
        event = recorded.event
        if isinstance(event, employee.Hired):
            self._names[event.employee] = event.profile.name + (" (scripted)" if event.profile.scripted else "")
            return ""
        concerns_staff = isinstance(event, employee.EmployeeEvent) and event.employee in self._staff
        if recorded.envelope.run != self._run and not concerns_staff:
            return ""
        if recorded.void:
            return f"void: {recorded.envelope.type} ({recorded.void})"
        if isinstance(event, run_messages.Planned):
            self._tasks = {part.id: part.name for part in event.tasks}
            return f"planned: {', '.join(self._tasks.values())}"
        if isinstance(event, employee.Warned | employee.Suspended):
            kind = "warned" if isinstance(event, employee.Warned) else "suspended"
            return f"{self._names.get(event.employee, event.employee)} is {kind}: {event.reason}"
        if isinstance(event, TaskEvent):
            self._staff.add(event.employee)
            return self._of_task(event, self._tasks.get(event.task, "?"), str(self._names.get(event.employee, "?")))
        return _of_run(event)

    def _of_task(self, event: TaskEvent, name: str, who: str) -> str:
        match event:
            case task.Assigned(attempt=attempt):
                return f"{name}: attempt {attempt} to {who}"
            case task.CallFinished(snapshot=snapshot) if snapshot.outcome != "answered":
                return f"{name}: the call of {who} failed ({snapshot.outcome})"
            case task.Verified():
                return f"{name}: verified, by {who}"
            case task.Rejected(judgement=judgement):
                found = [{"kind": one.kind, "path": one.path, "criterion": one.criterion} for one in judgement.findings]
                return f"{name}: rejected, by {who}: {show.reasons(found)}"
            case task.Released(reason=reason, cut_off=cut_off):
                return f"{name}: taken back from {who} ({reason}{', call cut off' if cut_off else ''})"
        return ""


def _of_run(event: object) -> str:
    match event:
        case run_messages.Submitted(title=title):
            return f"submitted: {title}"
        case run_messages.Merged(files=files):
            return f"merged {len(files)} files; the merged tree is judged once more"
        case run_messages.Verified():
            return "the merged tree is verified"
        case run_messages.Rejected():
            return "the merged tree is rejected"
        case run_messages.Delivered(folder=folder):
            return f"delivered to {folder}"
        case run_messages.Released(ref=ref):
            return f"released as {ref}"
        case run_messages.Ended(outcome=outcome, reason=reason):
            return f"ended: {outcome}. {reason}"
        case incident.Raised(kind=kind, detail=detail):
            return f"incident {kind}: {detail}"
        case refusal.Refused(command=command, message=message):
            return f"refused {command}: {message}"
    return ""
