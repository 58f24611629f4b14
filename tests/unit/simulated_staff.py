"""An organisation in memory with simulated employees: the real deciders, the manager's rows and its reactions.

Each employee has a rate of verified attempts and a cost. Tasks have a difficulty that all employees share, in part.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from agents.manager.reactor import Manager
from bus.projection import fold
from bus.projection_rows import Rows
from domain import employee, organisation, run_messages, task
from domain.employee import Profile
from domain.errors import AuraError
from domain.judgement import Finding
from domain.message import Command, Envelope, Event, Recorded, derive
from domain.money import Amount
from domain.routing.terms import RoutingSetting, WorkTerms
from domain.tree import Entry
from projections.manager import ManagerProjection
from tests.unit.samples import ALLOWANCE, AT, BAD, BLOB, CLAIM, GOOD, PRINCIPAL, PROFILE, SNAPSHOT, uuid
from tests.unit.world import World

SECOND = 1_000_000
CAP = Amount(Decimal(1_000_000), 10**12)
CASCADE = RoutingSetting(strategy="cascade", value_usd=Decimal(1))
Rate = Callable[[int], float]
"""Number of a task, from 0 -> the rate at which the employee solves it."""


@dataclass(frozen=True)
class Simulated:
    """One employee. `usd`: the cost of each attempt. `seconds`: the time of each attempt."""

    name: str
    rate: Rate
    usd: str = "0.01"
    seconds: int = 10
    slots: int = 1
    usd_max: str = "0.10"

    @property
    def id(self) -> UUID:
        return derive(PRINCIPAL, self.name)

    @property
    def profile(self) -> Profile:
        most = Decimal(self.usd_max)
        return replace(
            PROFILE, name=self.name, model=self.name, slots=self.slots, call_usd_max=most, prompt_usd_max=None
        )


def steady(rate: float) -> Rate:
    return lambda _: rate


@dataclass
class Simulation:
    """The organisation. `log`: every event. `assigned`: the assignments, in order."""

    staff: tuple[Simulated, ...]
    routing: RoutingSetting | None = CASCADE
    seed: int = 1
    world: World = field(default_factory=World)
    manager: Manager = field(default_factory=Manager)
    log: list[Recorded] = field(default_factory=list)
    now: int = AT
    tasks: int = 0
    runs: int = 0
    refused: list[AuraError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.projection = ManagerProjection()
        self.rows = Rows(self.projection.tables)
        self.chance = Random(self.seed)
        self.by_id: Mapping[UUID, Simulated] = {each.id: each for each in self.staff}
        self.waiting: deque[Command] = deque()
        self.send(organisation.Found(**self.stamp(), name="Aura", cap=CAP, routing=self.routing))
        for each in self.staff:
            self.send(employee.Hire(**self.stamp(), employee=each.id, profile=each.profile))

    @property
    def assigned(self) -> list[task.Assigned]:
        return [each.event for each in self.log if isinstance(each.event, task.Assigned)]

    def shares(self, begin: int = 0) -> Counter[str]:
        """Return how often each employee made the first attempt at a task, from this number of a task on."""
        firsts = [event for event in self.assigned if event.attempt == 1][begin:]
        return Counter(self.by_id[event.employee].name for event in firsts)

    def run(self, attempts_max: int = 6, work: WorkTerms | None = None, plan: int = 1) -> UUID:
        """Play one run to its end. Return its id."""
        run = self.submit(attempts_max, work, plan)
        self.play()
        self.end(run)
        return run

    def submit(self, attempts_max: int = 6, work: WorkTerms | None = None, plan: int = 1) -> UUID:
        """Submit a run with some tasks, and answer its assignments by nobody."""
        self.runs += 1
        run = derive(PRINCIPAL, "run", self.runs)
        names = [f"T{number}" for number in range(1, plan + 1)]
        self.send(
            run_messages.Submit(
                **self.stamp(),
                run=run,
                title="A task",
                requirement=BLOB,
                sealed=None,
                allowance=replace(ALLOWANCE, amount=Amount(Decimal(10), 10**9), minutes=10_000),
                plan=tuple(
                    run_messages.TaskPlan(name=name, criteria=("A1",), scope=(f"{name.lower()}.py",)) for name in names
                ),
                attempts_max=attempts_max,
                work=WorkTerms(deliver="library", language="python") if work is None else work,
            )
        )
        return run

    def play(self) -> None:
        """Let the employees work on all assigned tasks, until nobody has work."""
        while self._open():
            for event in self._open():
                self.work(event)

    def work(self, event: task.Assigned) -> None:
        """Let an employee make its attempt, and judge it."""
        who = self.by_id[event.employee]
        self.call(event)
        verified = self.chance.random() < who.rate(self.tasks)
        self.judge(event, verified=verified)

    def call(self, event: task.Assigned, outcome: str = "answered") -> None:
        """Let an employee make the call of its attempt."""
        ids, who = self.ids_of(event), self.by_id[event.employee]
        self.send(task.StartCall(**self.stamp(), **ids, index=0, bound=event.reservation, claim=CLAIM))
        self.now += who.seconds * SECOND
        snapshot = replace(SNAPSHOT, outcome=outcome, cost=Amount(Decimal(who.usd), 100), model=who.name)
        self.send(task.FinishCall(**self.stamp(), **ids, snapshot=snapshot))

    def judge(self, event: task.Assigned, *, verified: bool) -> None:
        """Hand in the work of an attempt, and judge it."""
        ids, digest = self.ids_of(event), f"{len(self.log):064x}"
        files = {"a.py": Entry(kind="file", digest=digest)}
        self.send(task.SubmitWork(**self.stamp(), **ids, files=files, tree=digest))
        honest = replace(BAD, findings=(Finding(kind="wrong_value", integrity=False, criterion="A1"),))
        self.send(task.Judge(**self.stamp(), **ids, judgement=replace(GOOD if verified else honest, tree=digest)))

    def end(self, run: UUID) -> None:
        """End a run, if it has not ended."""
        if self.world.runs[run].phase != "ended":
            self.send(run_messages.End(**self.stamp(), run=run, outcome="cancelled", reason="enough"))

    def update(self, who: Simulated, profile: Profile) -> None:
        """Give an employee another profile."""
        self.send(employee.Hire(**self.stamp(), employee=who.id, profile=profile))

    def set_routing(self, routing: RoutingSetting) -> None:
        self.send(organisation.SetRouting(**self.stamp(), routing=routing))

    def send(self, command: Command) -> None:
        """Decide a command, and all commands that follow from its events."""
        self.waiting.append(command)
        while self.waiting:
            command = self.waiting.popleft()
            decided = self.world.decide(command)
            if isinstance(decided, AuraError):
                self.refused.append(decided)
                self.manager.forget(command)
                continue
            for number, event in enumerate(decided):
                self.record(event, command, number)

    def record(self, event: Event, command: Command, number: int = 0) -> None:
        """Record an event, and take the manager's commands."""
        self.world.apply(event)
        if isinstance(event, task.Assigned) and event.attempt == 1:
            self.tasks += 1
        recorded = recorded_event(len(self.log) + 1, event, derive(command.id, number), self.now)
        self.log.append(recorded)
        self.waiting.extend(fold(self.projection, self.manager, recorded, self.rows, self.now))

    def _open(self) -> list[task.Assigned]:
        latest = {event.task: event for event in self.assigned}
        return [
            event
            for event in latest.values()
            if self.world.runs[event.run].phase == "planned"
            and self.world.runs[event.run].tasks[event.task].phase == "assigned"
        ]

    def stamp(self) -> dict[str, Any]:
        """Return the id and the time of the next command."""
        self.now += 1000
        return {"id": uuid(self.now), "at": self.now}

    def ids_of(self, event: task.Assigned) -> dict[str, Any]:
        """Return the ids of a command about an attempt."""
        return {"run": event.run, "task": event.task, "employee": event.employee, "order": event.order}


def recorded_event(seq: int, event: Event, id: UUID, at: int) -> Recorded:
    """Return an event as the log holds it."""
    entity, entity_id = event.entity()
    envelope = Envelope(
        id=id,
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=getattr(event, "run", None),
        employee=getattr(event, "employee", None),
        principal=PRINCIPAL,
        role="manager",
        occurred_at=at,
        command=id,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event)
