"""Measurement of a run's time, from `submit` to the delivery, compared with the empty steps of peers.

The run has one task, an employee that answers immediately, and a verdict that checks nothing.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from statistics import median
from uuid import UUID, uuid4

import msgspec
from nats.aio.msg import Msg

from bench import run_peers
from bench.figures import Measure, quantile
from bench.firm import Firm
from bus.subjects import EVENTS_PREFIX
from director.services.submit import submit
from domain.message import Recorded
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement

OURS = "Aura: plan, assign, work, verify, merge, verify, deliver"
AT_ONCE = 16
WARM_UP = 3
DELIVERED_WAIT_S = 120.0
HOP_RUNS_MAX = 20
"""Maximum number of single runs whose log is read for the time of each step."""
REQUIREMENT = b"""---
aura: 1
title: Adder
deliver: library
language: python
scope: ["adder.py"]
budget: {usd: "1.00", tokens: 1000000, minutes: 20}
tasks: [{id: T1, criteria: [A1], scope: ["adder.py"], after: []}]
---
# Adder

## Acceptance
```yaml acceptance
- id: A1
  says: it adds one
  cases:
    - {call: "adder:add", args: [1], returns: 2}
```
"""
ANSWERS = {"T1": [{"adder.py": "def add(n):\n    return n + 1\n"}]}


class RunningSize(msgspec.Struct, frozen=True):
    """Number of runs in one round, one after the other (`alone`) and several at the same time (`at_once`)."""

    alone: int
    at_once: int


class Hops:
    """The times of each step of a run in ms, over all rounds. A step lasts from the command of an event to the next."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def note(self, log: list[Recorded]) -> None:
        for before, after in pairwise(log):
            step = f"{before.envelope.type} → {after.envelope.type}"
            self._found.setdefault(step, []).append((after.envelope.occurred_at - before.envelope.occurred_at) / 1000)

    def medians(self) -> list[tuple[str, float, int]]:
        """Return (step, median in ms, number of times) for each step, in the order of a run."""
        return [(step, median(values), len(values)) for step, values in self._found.items()]


class Deliveries:
    """Subscriber that notes when the event of a run's delivery is in the stream."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[float]] = {}

    def expect(self, run: UUID) -> asyncio.Future[float]:
        """Return a future of the delivery's moment, as a value of time.perf_counter."""
        return self._waiting.setdefault(str(run), asyncio.get_running_loop().create_future())

    async def take(self, message: Msg) -> None:
        waiting = self._waiting.pop(message.subject.split(".")[3], None)
        if waiting is not None:
            waiting.set_result(time.perf_counter())


async def contestants(firm: Firm, size: RunningSize, hops: Hops) -> Mapping[str, Measure]:
    """Return the systems to measure, on the servers of one firm."""
    await hire(firm)
    question = {
        "warm_up": WARM_UP,
        "runs_alone": size.alone,
        "runs_at_once": size.at_once,
        "at_once": AT_ONCE,
    }
    return {OURS: partial(ours, firm, size, hops), **await run_peers.contestants(firm, question)}


async def hire(firm: Firm) -> None:
    """Hire a scripted employee that answers immediately and takes every order."""
    await firm.hire("prompt", ANSWERS, slots=4 * AT_ONCE)


async def ours(firm: Firm, size: RunningSize, hops: Hops) -> Mapping[str, float]:
    """Measure runs one after the other, then AT_ONCE runs at a time until all consumers committed the last event."""
    requirement = parse_requirement(REQUIREMENT, None, name="adder", folder=None)
    deliveries, slots = Deliveries(), asyncio.Semaphore(AT_ONCE)
    subscription = await firm.office.client.subscribe(f"{EVENTS_PREFIX}.run.*.delivered", cb=deliveries.take)

    async def slot() -> None:
        async with slots:
            await one(firm, requirement, deliveries)

    async with firm.running() as house:
        for _ in range(WARM_UP):
            await one(firm, requirement, deliveries)
        await firm.all_passed(house)
        first = (await firm.office.stream.info()).last_seq
        cpu = time.process_time()
        alone = [await one(firm, requirement, deliveries) for _ in range(size.alone)]
        begun = time.perf_counter()
        await asyncio.gather(*(slot() for _ in range(size.at_once)))
        await firm.all_passed(house)
        wall = time.perf_counter() - begun
        cpu = time.process_time() - cpu
        last = (await firm.office.stream.info()).last_seq
    await subscription.unsubscribe()
    for run, _ in alone[:HOP_RUNS_MAX]:
        hops.note(await firm.office.store.read_run(run))
    seconds = [took for _, took in alone]
    runs = size.alone + size.at_once
    figures = {
        run_peers.TIME: 1000 * quantile(seconds, 0.5),
        "p99, ms": 1000 * quantile(seconds, 0.99),
        run_peers.RATE: size.at_once / wall,
        "Python CPU per run, ms": 1000 * cpu / runs,
        "events per run": (last - first) / runs,
        "atomic batches per run": await _batches(firm, first, last) / runs,
    }
    return run_peers.per_step(figures, figures["events per run"])


async def one(
    firm: Firm, requirement: Requirement, deliveries: Deliveries, *, attempts_max: int = 1
) -> tuple[UUID, float]:
    """Submit one run and wait for its delivery. Return the run's id and the seconds that it took."""
    run = uuid4()
    delivered = deliveries.expect(run)
    begun = time.perf_counter()
    await submit(
        firm.director,
        firm.blobs,
        requirement,
        id=uuid4(),
        run=run,
        folder=firm.home,
        attempts_max=attempts_max,
        allow_degraded=True,
    )
    async with asyncio.timeout(DELIVERED_WAIT_S):
        return run, await delivered - begun


async def _batches(firm: Firm, first: int, last: int) -> int:
    """Return the number of commands with more than one event. Each was one atomic batch; group commits do not count."""
    commands: dict[UUID, int] = {}
    for event in await firm.office.store.read(first, limit=last - first):
        commands[event.envelope.command] = commands.get(event.envelope.command, 0) + 1
    return sum(events > 1 for events in commands.values())
