"""A whole organisation for tests: real servers, scripted employees, and a small requirement with random values."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bus.blobs import Blobs
from bus.redaction import Redactor
from director.services.submit import submit
from domain import employee, organisation
from domain.message import Recorded
from domain.money import Amount
from governance import keys
from governance.authority import Role
from governance.gate import Gate
from governance.log_session import LogSession
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES, Setup
from verification.judge import Candidate, judge
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.verdict.model import Verdict

WAIT_S = 240.0


def at() -> int:
    """Return the present time in microseconds UTC."""
    return time.time_ns() // 1000


class Sample:
    """A requirement of `count` functions, each of which adds its own number.

    It has right and wrong answers for each task.
    """

    def __init__(self, count: int = 1, *, budget: str = '{usd: "1.00", tokens: 1000000, minutes: 20}') -> None:
        self.numbers = {f"T{index}": random.randint(1000, 9999) for index in range(1, count + 1)}
        blocks = "\n".join(
            f"- id: A{task[1:]}\n  says: it adds {number}\n  cases:\n"
            f'    - {{call: "{self.module(task)}:add", args: [1], returns: {number + 1}}}'
            for task, number in self.numbers.items()
        )
        sealed = "\n".join(
            f"- id: A{task[1:]}\n  cases:\n"
            f'    - {{call: "{self.module(task)}:add", args: [{number}], returns: {2 * number}}}'
            for task, number in self.numbers.items()
        )
        tasks = ", ".join(
            f'{{id: {task}, criteria: [A{task[1:]}], scope: ["{self.module(task)}.py"], after: []}}'
            for task in self.numbers
        )
        scope = ", ".join(f'"{self.module(task)}.py"' for task in self.numbers)
        self.source = (
            f"---\naura: 1\ntitle: Adders\ndeliver: library\nlanguage: python\nscope: [{scope}]\n"
            f"budget: {budget}\ntasks: [{tasks}]\n---\n# Adders\nFunctions that add.\n\n## Acceptance\n"
            f"```yaml acceptance\n{blocks}\n```\n"
        ).encode()
        self.sealed = f"{sealed}\n".encode()

    def module(self, task: str) -> str:
        return f"adder_{task.lower()}"

    def requirement(self) -> Requirement:
        return parse_requirement(self.source, self.sealed, name="adders", folder=None)

    def right(self, task: str) -> dict[str, str]:
        return {f"{self.module(task)}.py": f"def add(n):\n    return n + {self.numbers[task]}\n"}

    def wrong(self, task: str) -> dict[str, str]:
        return {f"{self.module(task)}.py": "def add(n):\n    return n\n"}

    def outside(self, task: str) -> dict[str, str]:
        return {**self.right(task), "conftest.py": "x = 1\n"}


async def as_share(candidate: Candidate, **named: Any) -> Verdict:
    """Judge without the gates that run only on a merged tree, for tests of other parts than the verdict."""
    return await judge(msgspec.structs.replace(candidate, whole=False), **named)


class House:
    """One organisation in this process, and the Director's gate to it."""

    def __init__(self, home: Path, nats_url: str, postgres_dsn: str, worker_nats_url: str = "") -> None:
        self.home = home
        self.nats_url = nats_url
        self.postgres_dsn = postgres_dsn
        self.worker_nats_url = worker_nats_url
        self.office: LogSession
        self.director: Gate

    async def open(self) -> None:
        self.office = await LogSession.open(self.nats_url, self.postgres_dsn, name="test")
        self.director = self.gate("director")

    def gate(self, role: Role) -> Gate:
        return self.office.gate(keys.load_or_create(self.home / "keys", role))

    @property
    def blobs(self) -> Blobs:
        return Blobs(self.office.store, Redactor())

    async def found(self, *, usd: str = "100") -> None:
        cap = Amount(Decimal(usd), 10**9)
        await self.director.handle(organisation.Found(id=uuid4(), at=at(), name="Test", cap=cap))

    async def hire(self, name: str, answers: dict[str, list[dict[str, str]]], **settings: object) -> UUID:
        """Hire a scripted employee with recorded answers for each task."""
        script = self.home / f"{name}.answers.json"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(json.dumps(answers))
        return await self.post(Posting(name=name, kind="scripted", script=str(script), **settings))  # type: ignore[arg-type]

    async def post(self, posting: Posting) -> UUID:
        postings.save(self.home / "employees", posting)
        profile = profile_of(posting)
        await self.director.handle(employee.Hire(id=uuid4(), at=at(), employee=posting.id, profile=profile))
        return posting.id

    async def submit(self, sample: Sample, *, attempts_max: int = 6, allow_degraded: bool = True) -> UUID:
        run = uuid4()
        await submit(
            self.director,
            self.blobs,
            sample.requirement(),
            id=uuid4(),
            run=run,
            folder=self.home,
            attempts_max=attempts_max,
            allow_degraded=allow_degraded,
        )
        return run

    async def log(self) -> list[Recorded]:
        """Return the whole log from Postgres, when the recorder has caught up."""
        last = (await self.office.stream.info()).last_seq
        await self.office.store.wait_recorded(last, WAIT_S)
        return await self.office.store.read(0, limit=1_000_000)

    async def until(self, found: Callable[[Sequence[Recorded]], object], *, wait_s: float = WAIT_S) -> list[Recorded]:
        """Wait until the log contains an expected event."""
        deadline = time.monotonic() + wait_s
        while True:
            log = await self.log()
            if found(log):
                return log
            if time.monotonic() > deadline:
                lines = [f"{event.seq} {event.envelope.type} {event.void or ''} {event.event}" for event in log[-40:]]
                raise AssertionError("the log never showed it:\n" + "\n".join(lines))
            await asyncio.sleep(0.05)

    async def until_type(self, run: UUID, event_type: str, *, count: int = 1, wait_s: float = WAIT_S) -> list[Recorded]:
        return await self.until(lambda log: len(of(log, run, event_type)) >= count, wait_s=wait_s)

    @asynccontextmanager
    async def running(
        self,
        roles: Sequence[str] = (*STAFF_ROLES, "employees"),
        *,
        make: Callable[[Setup], Organisation] = Organisation,
        **settings: object,
    ) -> AsyncIterator[Organisation]:
        """Run the organisation, and drain it at the end. By default merged trees are judged like the work on a task."""
        settings.setdefault("judge", as_share)
        setup = Setup(
            home=self.home,
            nats_url=self.nats_url,
            postgres_dsn=self.postgres_dsn,
            worker_nats_url=self.worker_nats_url,
            roles=roles,
            **{"allow_degraded": True, **settings},  # type: ignore[arg-type]
        )
        stop, ready = asyncio.Event(), asyncio.Event()
        house = make(setup)
        task = asyncio.create_task(house.run(stop, ready.set))
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        try:
            if task.done():
                task.result()
            yield house
        finally:
            stop.set()
            await task


def of(log: Sequence[Recorded], run: UUID, event_type: str) -> list[Recorded]:
    """Return the events of a run and a type that are not void."""
    return [
        event for event in log if event.envelope.run == run and event.envelope.type == event_type and not event.void
    ]


def types(log: Sequence[Recorded]) -> list[str]:
    return [event.envelope.type for event in log]
