"""Several managers as processes: the leader is stopped, continued, killed or told to end, and another takes over."""

import asyncio
import random
import secrets
import signal
import time
from collections.abc import Sequence

import pytest

from bus.lease import MANAGER_KEY, holder_of
from domain import task
from domain.message import Recorded
from tests.integration.client import Director, hire_all
from tests.integration.house import House, Sample, at
from tests.integration.intact import violations
from tests.integration.managers import Managers, ServedManager, managers

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(180),
]

TAKE_OVER_S_MAX = 5.0
AT_ONCE_S_MAX = 2.0
MICRO = 1_000_000


@pytest.mark.slow
async def test_without_a_fault_one_leads_all_the_time(house: House) -> None:
    """The control: a run is worked on, and the lease stays where it is."""
    sample = Sample(2)
    await hire_all(house, sample)
    director, enough, seen = Director(house, sample), asyncio.Event(), set()
    async with managers(house) as at_work, asyncio.TaskGroup() as group:
        leader = await at_work.leader()
        (follower,) = at_work.others(leader)
        assert (await leader.standing(), await follower.standing()) == ("leader", "standby")
        working = group.create_task(director.work(enough))
        began = time.monotonic()
        while time.monotonic() - began < TAKE_OVER_S_MAX:
            seen.add(tuple(one.name for one in await at_work.leaders()))
            await asyncio.sleep(0.05)
        await at_work.finish(director, working, enough)
    assert seen == {(leader.name,)}
    assert await violations(house, director.acknowledged, at_work.witnessed()) == []


@pytest.mark.slow
@pytest.mark.ci
async def test_a_stopped_leader_is_replaced_and_does_no_harm_when_it_goes_on(house: House) -> None:
    await stopped_and_continued(house, secrets.randbelow(2**31), times=1)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_leaders_are_stopped_again_and_again(house: House) -> None:
    await stopped_and_continued(house, secrets.randbelow(2**31), times=12)


async def stopped_and_continued(house: House, seed: int, *, times: int) -> None:
    """Send SIGSTOP to the leader at a random moment during runs, and SIGCONT when another manager works."""
    print(f"seed {seed}")
    draw = random.Random(seed)
    sample = Sample(2)
    await hire_all(house, sample)
    director, enough = Director(house, sample, open_max=3), asyncio.Event()
    async with managers(house) as at_work, asyncio.TaskGroup() as group:
        working = group.create_task(director.work(enough))
        await house.until(lambda log: any(isinstance(event.event, task.CallStarted) for event in log))
        for _ in range(times):
            leader = await at_work.leader()
            await asyncio.sleep(draw.uniform(0, 2))
            assert any(phase != "run.ended" for phase in director.runs.values()), "runs are open"
            await taken_over(at_work, leader)
            await asyncio.sleep(draw.uniform(0, 2))
            leader.signal(signal.SIGCONT)
            assert await leader.standing() == "standby"
        await at_work.finish(director, working, enough)
    log = [event for event in await house.log() if event.void is None]
    assigned = [event.event for event in log if isinstance(event.event, task.Assigned)]
    assert len({(one.task, one.attempt) for one in assigned}) == len(assigned) == len({one.order for one in assigned})
    released = sum(isinstance(event.event, task.Released) for event in log)
    refused = sum(event.envelope.type == "refusal.refused" for event in log)
    print(f"{len(director.runs)} runs, {len(log)} events, {len(assigned)} assigned, {released} released, {refused=}")
    assert len(director.runs) > 0
    assert await violations(house, director.acknowledged, at_work.witnessed()) == []


async def taken_over(at_work: Managers, leader: ServedManager) -> None:
    """Stop the leader. Another manager must lead and cause events in time."""
    leader.signal(signal.SIGSTOP)
    stopped, began = at(), time.monotonic()
    await at_work.leader(at_work.others(leader))
    leads_s = time.monotonic() - began
    holder = await holder_of(at_work.house.office.client, MANAGER_KEY)
    assert holder is not None
    since = round(holder.since * MICRO)  # before that, one that was continued may still have dropped its parts

    def of_its_own(log: Sequence[Recorded]) -> list[Recorded]:
        return [one for one in log if one.envelope.role == "manager" and one.envelope.occurred_at >= since]

    first = of_its_own(await at_work.house.until(of_its_own))[0]
    event_s = (first.envelope.occurred_at - stopped) / MICRO
    print(
        f"{leader.name} stopped: another led after {leads_s:.2f} s, its first event after {event_s:.2f} s", flush=True
    )
    assert leads_s < TAKE_OVER_S_MAX
    assert event_s < TAKE_OVER_S_MAX


async def test_a_killed_leader_and_one_that_ends_are_replaced_at_once(house: House) -> None:
    async with managers(house) as at_work:
        leader = await at_work.leader()
        (other,) = at_work.others(leader)
        began = time.monotonic()
        leader.child.kill()
        assert await at_work.leader([other]) is other
        killed_s = time.monotonic() - began
        await leader.start()
        assert await leader.standing() == "standby"
        await other.stop()
        began = time.monotonic()
        assert await at_work.leader([leader]) is leader
        ended_s = time.monotonic() - began
        await leader.stop()
    print(f"after a kill {killed_s:.2f} s, after an orderly end {ended_s:.2f} s")
    assert killed_s < AT_ONCE_S_MAX
    assert ended_s < AT_ONCE_S_MAX
