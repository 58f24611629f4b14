"""The Director as a client outside the organisation, for kill tests. It keeps a list of acknowledged commands."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

from agents.employees.posting import Posting
from director.services.submit import submit
from domain import employee, organisation, run_messages
from domain.employee import SessionTerms
from domain.errors import Contention, Refused, Unavailable
from domain.message import Command, Recorded
from governance.gate import Outcome
from tests.integration.house import House, Sample, at
from tests.turns import script_of, turn

LOOK_EVERY_S = 0.1
CALL_WALL_S = 1.5
BETWEEN_INTERRUPTIONS_S = (0.5, 2.5)
INTERRUPTION_S = (0.05, 0.8)
ATTEMPTS_MAX = 90
"""Limit of attempts per task. A kill may cost an attempt, and no run of these tests may end because of that."""


@dataclass
class Director:
    """A client that keeps runs open, approves, reinstates, and keeps its own list of acknowledged commands."""

    house: House
    sample: Sample
    open_max: int = 2
    acknowledged: list[Recorded] = field(default_factory=list)
    log: list[Recorded] = field(default_factory=list)
    runs: dict[UUID, str] = field(default_factory=dict)
    suspended: set[UUID] = field(default_factory=set)
    warned: asyncio.Event = field(default_factory=asyncio.Event)
    _commands: dict[object, UUID] = field(default_factory=dict)

    async def work(self, enough: asyncio.Event) -> None:
        """Work until `enough` is set and every run has ended."""
        while not enough.is_set() or any(phase != "run.ended" for phase in self.runs.values()):
            try:
                await self._look()
                await self._act(enough.is_set())
            except (Unavailable, Contention):
                pass  # the same command ids go out again in the next round
            await asyncio.sleep(LOOK_EVERY_S)

    async def interrupt(self, draw: random.Random, enough: asyncio.Event) -> None:
        """Until `enough` is set, pause or halt the organisation again and again, and resume it after a while."""
        while not enough.is_set():
            await asyncio.sleep(draw.uniform(*BETWEEN_INTERRUPTIONS_S))
            kind = draw.choice((organisation.Pause, organisation.Halt))
            await self._insist(lambda id, kind=kind: kind(id=id, at=at(), reason="a drill"))  # type: ignore[misc]  # bound now
            await asyncio.sleep(draw.uniform(*INTERRUPTION_S))
            await self._insist(lambda id: organisation.Resume(id=id, at=at(), reason="the drill is over"))

    async def _insist(self, make: Callable[[UUID], Command]) -> None:
        """Send the same command again until it is acknowledged."""
        id = uuid4()
        while True:
            try:
                outcome = await self.house.director.handle(make(id))
            except (Unavailable, Contention):
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            self.acknowledged += outcome.events
            return

    async def _look(self) -> None:
        for event in await self.house.office.store.read(self.log[-1].seq if self.log else 0):
            self.log.append(event)
            run, kind = event.envelope.run, event.envelope.type
            if run in self.runs and kind in ("run.delivered", "run.approved", "run.ended"):
                self.runs[run] = kind
            if kind == "employee.warned":
                self.warned.set()
            if kind == "employee.suspended":
                self.suspended.add(event.envelope.entity_id)
            if kind in ("employee.reinstated", "employee.dismissed"):
                self.suspended.discard(event.envelope.entity_id)

    async def _act(self, last: bool) -> None:
        for run, phase in list(self.runs.items()):
            if phase == "run.delivered":
                await self._send("approve", run, lambda id, run=run: self._approve(id, run))  # type: ignore[misc]  # bound now
        for who in list(self.suspended):
            strikes = sum(event.envelope.entity_id == who for event in self.log)
            await self._send("reinstate", (who, strikes), lambda id, who=who: self._reinstate(id, who))  # type: ignore[misc]  # bound now
        if not last and sum(phase != "run.ended" for phase in self.runs.values()) < self.open_max:
            begun = await self._send("submit", len(self.runs), self._submit)
            if begun is not None:
                self.runs[begun] = "run.submitted"

    async def _send(self, what: str, which: object, act: Callable[[UUID], Awaitable[Outcome]]) -> UUID | None:
        """Send one command, with the same id until it is acknowledged. Return the run of its events."""
        id = self._commands.setdefault((what, which), uuid4())
        try:
            outcome = await act(id)
        except Refused:
            return None  # another look at the log will show why
        known = {event.envelope.id for event in self.acknowledged}
        self.acknowledged += [event for event in outcome.events if event.envelope.id not in known]
        return outcome.events[-1].envelope.run if outcome.events else None

    async def _approve(self, id: UUID, run: UUID) -> Outcome:
        return await self.house.director.handle(run_messages.Approve(id=id, at=at(), run=run))

    async def _reinstate(self, id: UUID, who: UUID) -> Outcome:
        command = employee.Reinstate(id=id, at=at(), employee=who, reason="the kill tests need its strikes")
        return await self.house.director.handle(command)

    async def _submit(self, id: UUID) -> Outcome:
        return await submit(
            self.house.director,
            self.house.blobs,
            self.sample.requirement(),
            id=id,
            run=id,  # the run of a command that is sent again is the same
            folder=self.house.home,
            attempts_max=ATTEMPTS_MAX,
            allow_degraded=True,
        )


async def hire_all(house: House, sample: Sample) -> None:
    """Hire three employees: one right, one wrong at first, and one that writes outside the scope."""
    limits: Mapping[str, object] = {"slots": 2, "wall_s": CALL_WALL_S, "delay_s": 0.05}
    tasks = list(sample.numbers)
    await house.hire("anna", {task: [sample.right(task)] for task in tasks}, **limits)
    await house.hire("bert", {task: [sample.wrong(task), sample.right(task)] for task in tasks}, **limits)
    await house.hire("carl", {task: [sample.outside(task)] for task in tasks}, **limits)


Hire = Callable[[House, Sample], Awaitable[None]]
_OUTSIDE = turn("write", path="conftest.py", content="x = 1\n")


async def hire_for_sessions(house: House, sample: Sample) -> None:
    """Hire three employees that work in sessions: one is quick, one is slow, one also writes outside its scope."""
    for name, delay_s, extra in (("anna", 0.02, []), ("bert", 0.2, [turn("check")]), ("carl", 0.05, [_OUTSIDE])):
        turns = {
            name_of_task: [
                turn("run", command="ls -A && git status --short"),
                *(turn("write", path=path, content=text) for path, text in sample.right(name_of_task).items()),
                *extra,
                turn("run", command="sleep 0.2; python3 -m compileall -q ."),
                turn("submit"),
            ]
            for name_of_task in sample.numbers
        }
        script = script_of(house.home / f"{name}.turns.json", turns)
        terms = SessionTerms(calls_max=20, minutes=2.0, tokens_max=200_000, usd_max=Decimal("0.10"))
        await house.post(
            Posting(
                name=name,
                kind="scripted",
                script=script,
                slots=2,
                wall_s=CALL_WALL_S,
                delay_s=delay_s,
                session=terms,
            )
        )
