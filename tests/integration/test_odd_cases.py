"""300 unusual cases, drawn from a seed, in the same process as a healthy employee. It finishes every call."""

import asyncio
import random

import msgspec
import pytest

from agents.workers.result import HandIn
from agents.workers.worker import Worker
from domain.faults import WEIGHTS
from tests.behaviours.generated import OddCase, drawn
from tests.behaviours.model import GOOD, Behaviour
from tests.behaviours.played import Parcel, Queue, hired, order_of, recorded
from tests.loopback import honest, loopback
from tests.tiers import CI

CASES = 300
AT_ONCE = 6
HEALTHY_CALLS = 100
FEW = 30
KNOWN_OUTCOMES = {*WEIGHTS, "answered", "declined", "no_code", "empty", "truncated", "blocked", "too_large"}


class RawQueue(Queue):
    """A queue with orders as bytes, so that an item may be no valid order."""

    def __init__(self, orders: list[bytes]) -> None:
        super().__init__([])
        self._raw = list(orders)

    async def next_order(self, employee: object, wait_s: float, _stop: asyncio.Event, /) -> Parcel | None:
        del employee
        if self._raw:
            return Parcel(self._raw.pop(0))
        await asyncio.sleep(min(wait_s, 0.005))
        return None


async def odd(case: OddCase, at_once: asyncio.Semaphore) -> list[HandIn]:
    """Return the hand-ins of an unusual employee's worker for its order and for a good order after it."""
    settings = {name: value for name, value in case.settings.items() if name != "base_url"}
    async with at_once, loopback(case.reply) as server:
        queue, stop = RawQueue([case.order]), asyncio.Event()
        working = asyncio.create_task(
            Worker(hired(case.settings.get("base_url", server.base_url), **settings), queue).run(stop)
        )
        if case.readable:
            waiting = asyncio.create_task(queue.all_in.wait())
            await asyncio.wait([working, waiting], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        else:
            await asyncio.sleep(0.02)
        stop.set()
        await working
        return queue.handed_in


async def healthy(calls: int) -> list[HandIn]:
    """Return the hand-ins of a healthy employee, which makes one call after another."""
    behaviour = Behaviour("as it should be", honest(GOOD))
    async with loopback(honest(GOOD)) as server:
        queue, stop = Queue([order_of(behaviour, number=number) for number in range(calls)]), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(Worker(hired(server.base_url), queue, slots=2).run(stop))
            await queue.all_in.wait()
            stop.set()
    return queue.handed_in


@pytest.mark.parametrize("count", [FEW, pytest.param(CASES, marks=CI)])
async def test_every_call_of_a_healthy_employee_finishes_beside_odd_ones(count: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    cases, at_once = drawn(seed, count), asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as process:  # what escapes one ends all of them
        beside = process.create_task(healthy(HEALTHY_CALLS * count // CASES))
        working = [process.create_task(odd(case, at_once)) for case in cases]
    assert [hand_in.calls[0].snapshot.outcome for hand_in in beside.result()] == ["answered"] * (
        HEALTHY_CALLS * count // CASES
    )
    for case, task in zip(cases, working, strict=True):
        handed_in = task.result()
        assert len(handed_in) == case.readable, f"{case.name} of seed {seed}"
        for hand_in in handed_in:
            if not hand_in.calls:  # the order cannot be read, so no call was permitted
                assert hand_in.outcome == "defect"
                continue
            event = recorded(hand_in)  # it stands in the log and in every reader's rows
            assert event.snapshot.outcome in KNOWN_OUTCOMES, f"{case.name} of seed {seed}"
            assert msgspec.json.encode(event)


def test_the_same_seed_gives_the_same_cases() -> None:
    first, again, other = (drawn(seed, 50) for seed in (1, 1, 2))
    assert [(case.name, case.order) for case in first] == [(case.name, case.order) for case in again]
    assert [case.name for case in first] != [case.name for case in other]
