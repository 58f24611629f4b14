"""Measurement of sessions: the time of a call beyond the model's own time, and the load of workers that wait.

The model is a script that answers at once. A call includes its permit, its receipt, and one action in the box.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial
from itertools import pairwise

import msgspec

from agents.employees import postings
from bench import limits
from bench.figures import Measure, quantile
from bench.firm import Firm
from bench.running import REQUIREMENT, Deliveries, one
from bus.subjects import EVENTS_PREFIX
from domain.employee import SessionTerms
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
TERMS = SessionTerms(calls_max=1000)
OTHER_EVERY = 5
"""Every fifth action is another one, and is not measured. The same action many times in a row would end the session."""
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
    other = {"name": "run", "arguments": {"command": ":"}}
    turns += [_turn(other if _is_other(number) else action) for number in range(size.calls)]
    turns.append(_turn({"name": "submit", "arguments": {}}))
    await firm.hire("worker", {"turns": {"T1": turns}}, session=TERMS)
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
    lasted = [ms for number, ms in enumerate(lasted[1:-1]) if not _is_other(number)]
    return {"a call, p50, ms": quantile(lasted, 0.5), "a call, p95, ms": quantile(lasted, 0.95)}


async def publishing(firm: Firm, size: SessionsSize) -> Mapping[str, float]:
    """Measure as many messages, one after the other, as a call has events."""
    measured = await limits.publish_alone(firm.office.client, MESSAGE, alone=EVENTS_OF_A_CALL * size.calls, saturated=1)
    return {"a call, p50, ms": EVENTS_OF_A_CALL * 1000 / measured["one writer, events/s"]}


async def idle(firm: Firm, size: SessionsSize) -> Mapping[str, float]:
    """Measure the CPU time of a process with WORKERS workers that wait for orders."""
    for number in range(WORKERS):
        await firm.hire(f"waiting{number}", {"turns": {"T1": []}}, session=TERMS)
    async with firm.running(("employees",)):
        await asyncio.sleep(1.0)  # the workers have started
        cpu, began = time.process_time(), time.perf_counter()
        await asyncio.sleep(size.idle_s)
        share = (time.process_time() - cpu) / (time.perf_counter() - began)
    for number in range(WORKERS):
        postings.path_of(firm.home / "employees", f"waiting{number}").unlink()
    return {f"{WORKERS} waiting workers, % of a core": 100 * share}


def _is_other(number: int) -> bool:
    return number % OTHER_EVERY == OTHER_EVERY - 1


def _turn(call: Mapping[str, object]) -> dict[str, object]:
    return {"calls": [call]}
