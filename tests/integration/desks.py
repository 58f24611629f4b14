"""Gates as in several processes on the same servers, each with separate caches. Publishes can be delayed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from uuid import UUID, uuid4

from bus.live_log import Live
from bus.projection import Stamp
from bus.publisher import Outgoing, Publisher, Unknown
from bus.recorder import Recorder
from domain import employee, organisation, run_messages
from domain.judgement import Judgement
from domain.message import Command, Recorded
from domain.money import Amount
from domain.planning import task_id
from domain.registry import Scope
from domain.run import RunState
from domain.task import Assign, EndAttempt, FinishCall, Judge, Snapshot, StartCall, SubmitWork
from domain.tree import from_version_1
from governance import keys
from governance.authority import Role
from governance.gate import Gate, Outcome
from governance.log_session import LogSession

WAIT_S = 240.0
READS, FOLLOWS = "reads", "follows"
"""The two ways in which the gates of a desk read the log: the stream at each decision, or the live log."""
DIGEST = "0" * 64
CALL = Amount(Decimal(0), 100)
Act = Callable[[], Awaitable[object]]


def at() -> int:
    """Return the present time in microseconds UTC."""
    return time.time_ns() // 1000


def stamp() -> Stamp:
    """Return the fields that every command has, as from a door."""
    return Stamp(id=uuid4(), at=at(), cause=None)


class HeldPublisher(Publisher):
    """A real publisher. `before` runs once, directly before a publish to `subject_end`. `after` runs once after it.

    The answer to that publish is then lost.
    """

    before: Act | None = None
    after: Act | None = None
    subject_end = ""

    async def publish_events(self, key: UUID, messages: Sequence[Outgoing]) -> tuple[int, ...]:
        ours = any(message.subject.endswith(self.subject_end) for message in messages)
        if ours and self.before is not None:
            before, self.before = self.before, None
            await before()
        seqs = await super().publish_events(key, messages)
        if ours and self.after is not None:
            after, self.after = self.after, None
            await after()
            raise Unknown("No acknowledgement came: the test lost it.")
        return seqs


class Order(NamedTuple):
    """One order of one task, with the ids that every command about it needs."""

    run: UUID
    task: UUID
    employee: UUID
    order: UUID

    def assign(self, *, attempt: int = 1) -> Assign:
        return Assign(**stamp(), **self._asdict(), attempt=attempt, seed=1, reservation=CALL, due_at=at() + 60_000_000)

    def start(self) -> StartCall:
        return StartCall(**stamp(), **self._asdict(), index=0, bound=CALL, claim=uuid4())

    def finish(self) -> FinishCall:
        snapshot = Snapshot(outcome="answered", provider="scripted", endpoint="", model="m", cost=CALL)
        return FinishCall(**stamp(), **self._asdict(), snapshot=snapshot)

    def end(self) -> EndAttempt:
        return EndAttempt(**stamp(), **self._asdict(), outcome="no_code", message="The answer has no code.")

    def submit(self) -> SubmitWork:
        return SubmitWork(**stamp(), **self._asdict(), files=from_version_1({"a.py": DIGEST}), tree=DIGEST)

    def judge(self, *, verified: bool = True) -> Judge:
        return Judge(**stamp(), **self._asdict(), judgement=judgement(verified=verified))


def judgement(*, verified: bool = True) -> Judgement:
    return Judgement(
        verified=verified,
        tree=DIGEST,
        grade="C",
        findings=(),
        evidence=DIGEST,
        seed=1,
        sandbox="none",
        not_held=(),
        wall_s=0.0,
    )


def submit(run: UUID, *, tasks: int = 2) -> run_messages.Submit:
    names = [f"T{number}" for number in range(1, tasks + 1)]
    return run_messages.Submit(
        **stamp(),
        run=run,
        title="t",
        requirement=DIGEST,
        sealed=None,
        allowance=run_messages.Allowance(amount=Amount(Decimal(1), 10_000), minutes=5),
        plan=tuple(run_messages.TaskPlan(name=name, criteria=("A1",), scope=("a.py",)) for name in names),
        attempts_max=3,
    )


def profile(name: str = "e") -> employee.Profile:
    return employee.Profile(name=name, provider="scripted", model="m", model_digest=None, style="chat", scripted=True)


class Desk:
    """The caches of one process, with the gate of every role."""

    def __init__(self, office: LogSession, folder: Path) -> None:
        self.office = office
        self.publisher = HeldPublisher(office.client)
        office.publisher = self.publisher
        self._keys = folder

    def gate(self, role: Role, *, name: str | None = None) -> Gate:
        return self.office.gate(keys.load_or_create(self._keys, role, name=name))

    async def send(self, role: Role, command: Command) -> Outcome:
        return await self.gate(role).handle(command)

    async def pause(self) -> Outcome:
        return await self.send("director", organisation.Pause(**stamp(), reason="lunch"))

    async def resume(self) -> Outcome:
        return await self.send("director", organisation.Resume(**stamp(), reason="back"))

    async def hire(self) -> UUID:
        who = uuid4()
        await self.send("director", employee.Hire(**stamp(), employee=who, profile=profile()))
        return who

    async def suspend(self, who: UUID) -> Outcome:
        return await self.send("director", employee.Suspend(**stamp(), employee=who, reason="asked"))

    async def end(self, run: UUID) -> Outcome:
        return await self.send("manager", run_messages.End(**stamp(), run=run, outcome="cancelled", reason="asked"))

    async def found(self) -> None:
        cap = Amount(Decimal(1000), 10**9)
        await self.send("director", organisation.Found(**stamp(), name="Test", cap=cap))

    async def planned(self, *, tasks: int = 2) -> UUID:
        """Return a run that is submitted, admitted and planned."""
        run = uuid4()
        await self.send("director", submit(run, tasks=tasks))
        await self.send("manager", run_messages.Admit(**stamp(), run=run))
        await self.send("manager", run_messages.Plan(**stamp(), run=run))
        return run

    async def order(self, run: UUID | None = None, *, name: str = "T1", who: UUID | None = None) -> Order:
        """Return an order that could be assigned now. Nothing of it is assigned yet."""
        run = run or await self.planned()
        return Order(run, task_id(run, name), who or await self.hire(), uuid4())

    async def state(self, run: UUID, *, fresh: bool = True) -> RunState:
        """Return the run's state as this gate knows it."""
        scope = Scope("run", run)
        async with self.office.loader.lock(scope):
            state: RunState = (await self.office.loader.load(scope, fresh=fresh)).state
            return state


class Desks:
    """A factory of desks on the test's servers, which can also record the log."""

    def __init__(self, nats_url: str, postgres_dsn: str, folder: Path, *, follow: bool = False) -> None:
        self.follow = follow
        self.nats_url = nats_url
        self.postgres_dsn = postgres_dsn
        self.folder = folder
        self._closing = AsyncExitStack()
        self._recording: asyncio.Task[None] | None = None
        self._following: list[tuple[asyncio.Task[None], asyncio.Event]] = []
        self._lives: dict[LogSession, Live] = {}

    async def open(self) -> Desk:
        """Open a desk with separate caches, as in another process."""
        office = await LogSession.open(self.nats_url, self.postgres_dsn)
        self._closing.push_async_callback(office.close)
        if self.follow:
            live, stop = Live(office.client, office.store), asyncio.Event()
            office.loader.follow(live)
            self._lives[office] = live
            self._following.append((asyncio.create_task(live.run(stop)), stop))
        return Desk(office, self.folder / "keys")

    def live_of(self, desk: Desk) -> Live:
        """Return the live log that a following desk uses."""
        return self._lives[desk.office]

    async def heard(self, desk: Desk) -> None:
        """Wait until every following desk has received all events of the stream."""
        last = (await desk.office.stream.info()).last_seq
        for live in self._lives.values():
            await live.reach(last)

    async def stop_following(self) -> None:
        """Stop the live logs, as at the end of a process."""
        following, self._following, self._lives = self._following, [], {}
        for task, stop in following:
            stop.set()
            await task

    async def close(self) -> None:
        await self.stop_recording()
        await self.stop_following()
        await self._closing.aclose()

    async def stop_recording(self) -> None:
        """Stop the recorder as in a crash: it loses the events that it has in memory."""
        if self._recording is not None:
            while not self._recording.done():  # a cancel that meets an answer in wait_for is lost (Python 3.11)
                self._recording.cancel()
                await asyncio.wait({self._recording}, timeout=0.5)
            self._recording = None

    async def recorded(self, desk: Desk) -> list[Recorded]:
        """Return the whole log from Postgres. The first call starts a recorder."""
        if self._recording is None:
            recorder = Recorder(desk.office.client, desk.office.store)
            self._recording = asyncio.create_task(recorder.run(asyncio.Event()))
        last = (await desk.office.stream.info()).last_seq
        await desk.office.store.wait_recorded(last, WAIT_S)
        return await desk.office.store.read(0, limit=1_000_000)


def of_type(log: Sequence[Recorded], event_type: str) -> list[Recorded]:
    """Return the events of a type, including void events."""
    return [event for event in log if event.envelope.type == event_type]
