"""kill -9 of the organisation, nats-server and Postgres in open runs: nothing is lost, and no effect is doubled."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Sequence

import pytest

from bus.embedded.servers import Server
from domain import task
from domain.message import Recorded
from domain.money import NOTHING
from runtime.process_config import STAFF_ROLES
from tests.integration.client import Director, hire_all
from tests.integration.house import House, Sample, of
from tests.integration.intact import violations
from tests.integration.killable import BETWEEN, MID_CALL
from tests.integration.kills import LEASE_MARGIN_S, Kill, Works, drawn, suffer

WAIT_S = 240.0
SLOW_SCENARIOS = 6
MARKS_OF_SEED = {11: ()}  # the other seeds have the mark slow
POINTS: dict[int, tuple[str, ...]] = {
    11: ("gate:before-publish", "recorder:before-commit", "delivering:before-git"),
    12: ("worker:mid-call", "manager:before-commit", "verifier:after-verdict"),
    22: (
        "gate:before-ack",
        "recorder:after-commit",
        MID_CALL,
        "accountant:before-commit",
        "delivering:before-receipt",
        "reception:before-receipt",
    ),
    33: (
        "ordering:before-order",
        "hr:before-commit",
        "auditor:before-commit",
        "verifier:before-verdict",
        "delivering:before-release",
        "reception:before-hand-in",
    ),
}
"""Seed -> points: between publish and ack, between commit and checkpoint, during a call, and around other effects."""
CONSUMER_POINTS = tuple(
    f"{consumer}:{point}"
    for consumer in ("manager", "verifier", "auditor", "accountant", "hr")
    for point in ("before-send", "before-commit", "after-commit")
)
EVERY_POINT = (*(point for points in POINTS.values() for point in points), *CONSUMER_POINTS)


async def tormented(
    house: House, kills: Sequence[Kill], nats: Server, postgres: Server, works: Works
) -> tuple[list[str], list[Recorded]]:
    """Keep runs open under these kills, then let them end. Return the faults that were found, and the log."""
    sample = Sample(2)
    await hire_all(house, sample)
    director, enough = Director(house, sample), asyncio.Event()
    try:
        async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
            working = group.create_task(director.work(enough))
            await suffer(works, kills, nats, postgres)
            await director.warned.wait()  # or strikes would not be under test
            enough.set()
            await working
    except TimeoutError:
        open_runs = {run for run, phase in director.runs.items() if phase != "run.ended"}
        about = [event for event in director.log if event.envelope.run in open_runs | {None}]
        lines = [f"{event.seq} {event.void or ''} {event.event}" for event in about]
        raise AssertionError("\n".join([works.log(), *lines, f"not ended: {open_runs}"])) from None
    await works.stop()
    log = await house.log()
    counts = Counter(event.envelope.type for event in log if event.void is None)
    shown = {kind: counts[kind] for kind in ("task.call_started", "task.released", "task.rejected", "incident.raised")}
    print(f"{len(director.runs)} runs, {len(log)} events, {len(director.acknowledged)} acknowledged, {shown}")
    return await violations(house, director.acknowledged, works.witnessed()), log


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=MARKS_OF_SEED.get(seed, [pytest.mark.slow])) for seed in POINTS]
)
async def test_nothing_is_lost_and_nothing_is_twice(house: House, nats: Server, postgres: Server, seed: int) -> None:
    print(f"seed {seed}")
    kills = drawn(seed, POINTS[seed])
    found, _ = await tormented(house, kills, nats, postgres, Works(house))
    assert found == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(SLOW_SCENARIOS))
async def test_nothing_is_lost_whatever_is_drawn(house: House, nats: Server, postgres: Server, part: int) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    kills = drawn(seed, EVERY_POINT[part::SLOW_SCENARIOS], randoms=3, servers=2)
    found, _ = await tormented(house, kills, nats, postgres, Works(house))
    assert found == []


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("accountant", ["honest", "early"])
async def test_a_checkpoint_before_its_rows_is_found(
    house: House, nats: Server, postgres: Server, accountant: str
) -> None:
    """The control: the same kills and the same checks, with a consumer that commits its checkpoint before its rows."""
    works = Works(house, accountant=accountant)  # type: ignore[arg-type]  # one of the plan's
    kills = [Kill("organisation", BETWEEN, nth) for nth in (1, 2)]
    found, _ = await tormented(house, kills, nats, postgres, works)
    if accountant == "honest":
        assert found == []
    else:
        assert any(line.startswith("replay: accountant.account") for line in found), found


@pytest.mark.slow
@pytest.mark.ci
async def test_a_call_that_is_cut_off_is_shown_and_never_made_again(
    house: House, nats: Server, postgres: Server
) -> None:
    """Killed in the midst of a call: charged at its reservation, shown as cut off, and another order does the work."""
    sample, works = Sample(1), Works(house)
    await house.hire("anna", {"T1": [sample.right("T1")]}, wall_s=5.0, delay_s=0.5)
    director, enough = Director(house, sample, open_max=1), asyncio.Event()
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        working = group.create_task(director.work(enough))
        await suffer(works, [Kill("organisation", MID_CALL)], nats, postgres)
        enough.set()
        await working
    await works.stop()
    log = await house.log()
    (run,) = director.runs
    cut_off, verified = of(log, run, "task.released")[0].event, of(log, run, "task.verified")[0].event
    assigned = {event.event.order: event.event for event in log if isinstance(event.event, task.Assigned)}
    assert isinstance(cut_off, task.Released)
    assert isinstance(verified, task.Verified)
    assert cut_off.cut_off
    assert cut_off.charged == assigned[cut_off.order].reservation
    assert assigned[verified.order].attempt == 2
    assert [line.split()[0] for line in works.witnessed()] == [str(cut_off.order), str(verified.order)]
    assert await violations(house, director.acknowledged, works.witnessed()) == []


@pytest.mark.slow
@pytest.mark.ci
async def test_the_lease_cures_an_order_lost_with_the_servers_memory(house: House, nats: Server) -> None:
    """Orders lie in nats-server's memory: one that nobody had taken is gone with it, and is given anew."""
    sample = Sample(1)
    await house.hire("anna", {"T1": [sample.right("T1")]}, wall_s=1.0)
    async with house.running(STAFF_ROLES, lease_margin_s=LEASE_MARGIN_S):
        run = await house.submit(sample)
        await house.until_type(run, "task.assigned")
        await asyncio.sleep(0.3)  # the order is on its way
        nats.kill()
        await nats.restart()
        async with house.running(("employees",)):
            log = await house.until_type(run, "run.delivered")
    released = of(log, run, "task.released")[0].event
    assert isinstance(released, task.Released)
    assert (released.cut_off, released.charged) == (False, NOTHING), "nobody had taken it, so no call was permitted"
    assert len(of(log, run, "task.call_finished")) == 1
