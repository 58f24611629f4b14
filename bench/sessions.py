"""Measurement of sessions: the time of a call beyond the model's own time, and the load of workers that wait.

The model is a script that answers at once. A call includes its permit, its receipt, and one action in the box.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from uuid import UUID, uuid4

import msgspec

from agents.employees import postings
from agents.employees.posting import Posting
from agents.employees.providers.table import profile_of
from bench import limits
from bench.figures import Measure, quantile
from bench.firm import Firm
from bench.running import REQUIREMENT, Deliveries, one
from bus.clock import now
from bus.subjects import EVENTS_PREFIX
from domain.employee import Hire, SessionTerms
from domain.task import CallStarted
from verification.requirements.parser import parse_requirement

READING = "Aura: a call of a session that reads a file"
RUNNING = "Aura: a call of a session that runs the command `true`"
PUBLISHING = "JetStream alone: two messages"
IDLE = "Aura: workers that wait"
WORKERS = 20
EVENTS_OF_A_CALL = 2
MESSAGE = b"x" * 2048
"""A message of about the size of a receipt's event."""
_FILE = "adder.py"


class SessionsSize(msgspec.Struct, frozen=True):
    """Number of calls of one session, and the seconds in which workers wait."""

    calls: int
    idle_s: float


def contestants(firm: Firm, size: SessionsSize) -> Mapping[str, Measure]:
    """Return the systems to measure, on the servers of one firm."""
    return {
        READING: partial(ours, firm, size, {"name": "read", "arguments": {"path": _FILE}}),
        RUNNING: partial(ours, firm, size, {"name": "run", "arguments": {"command": "true"}}),
        PUBLISHING: partial(publishing, firm, size),
        IDLE: partial(idle, firm, size),
    }


async def ours(firm: Firm, size: SessionsSize, action: Mapping[str, object]) -> Mapping[str, float]:
    """Measure one session. A call lasts from its permit to the permit of the next call."""
    turns = [_turn({"name": "write", "arguments": {"path": _FILE, "content": "def add(n):\n    return n + 1\n"}})]
    other = {"name": "run", "arguments": {"command": ":"}}  # the same action many times in a row would end the session
    turns += [_turn(other if number % 5 == 4 else action) for number in range(size.calls)]
    await hire(firm, "worker", [*turns, _turn({"name": "submit", "arguments": {}})])
    deliveries = Deliveries()
    subscription = await firm.office.client.subscribe(f"{EVENTS_PREFIX}.run.*.delivered", cb=deliveries.take)
    requirement = parse_requirement(REQUIREMENT, None, name="adder", folder=None)
    async with firm.running() as house:
        run, _ = await one(firm, requirement, deliveries)
        await firm.all_passed(house)
    await subscription.unsubscribe()
    started = [
        recorded.envelope.occurred_at
        for recorded in await firm.office.store.read_run(run)
        if isinstance(recorded.event, CallStarted)
    ]
    lasted = [(after - before) / 1000 for before, after in pairwise(started)]
    lasted = [ms for number, ms in enumerate(lasted[1:-1]) if number % 5 != 4]
    return {"a call, p50, ms": quantile(lasted, 0.5), "a call, p95, ms": quantile(lasted, 0.95)}


async def publishing(firm: Firm, size: SessionsSize) -> Mapping[str, float]:
    """Measure as many messages, one after the other, as a call has events."""
    measured = await limits.publish_alone(firm.office.client, MESSAGE, alone=EVENTS_OF_A_CALL * size.calls, saturated=1)
    return {"a call, p50, ms": EVENTS_OF_A_CALL * 1000 / measured["one writer, events/s"]}


async def idle(firm: Firm, size: SessionsSize) -> Mapping[str, float]:
    """Measure the CPU time of a process with WORKERS workers that wait for orders."""
    for number in range(WORKERS):
        await hire(firm, f"waiting{number}", [])
    async with firm.running(("employees",)):
        await asyncio.sleep(1.0)  # the workers have started
        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(size.idle_s)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
    for number in range(WORKERS):
        postings.path_of(firm.home / "employees", f"waiting{number}").unlink()
    return {f"{WORKERS} waiting workers, % of a core": 100 * share}


async def hire(firm: Firm, name: str, turns: list[object]) -> UUID:
    """Hire a scripted employee that works in sessions."""
    script = firm.home / f"{name}.json"
    script.write_text(json.dumps({"turns": {"T1": turns}}))
    posting = Posting(name=name, kind="scripted", script=str(script), session=SessionTerms(calls_max=1000))
    postings.save(firm.home / "employees", posting)
    await firm.director.handle(Hire(id=uuid4(), at=now(), employee=posting.id, profile=profile_of(posting)))
    return posting.id


def _turn(call: Mapping[str, object]) -> dict[str, object]:
    return {"calls": [call]}
