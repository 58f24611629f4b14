"""kill -9 of the processes that hold money: after the lease nothing is lent or reserved, and no cap was exceeded.

The manager permits calls and reserves. A worker spends, and its process also has the gateway of coding agents. Both are
killed at points between reserve and settle, and at any time. The caps are small and the Director raises them, so that
they refuse again and again.
"""

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

import pytest

from domain import organisation as house
from domain import task
from domain.caps import DAY, Limit, cap_of, employee_cap
from domain.employee import Hired
from domain.errors import Contention, Unavailable
from domain.message import Recorded
from domain.money import NOTHING
from domain.tranches import NO_TRANCHE
from tests.integration.client import ATTEMPTS_MAX, Director, Hire, hire_all, hire_for_sessions
from tests.integration.drill import Drill, table
from tests.integration.hits import POINTS, Hit
from tests.integration.house import Sample, at
from tests.integration.spending import checked, counting
from tests.integration.test_drills import drill, wrongs
from tests.unit.world import World

__all__ = ["drill"]  # the fixture
POINTS_OF_MONEY = (
    "gate:before-publish",
    "gate:before-ack",
    "manager:before-send",
    "ordering:before-order",
    "reception:before-receipt",
    "reception:before-hand-in",
    "worker:mid-call",
    "employee:calling",
)
"""Points between the reservation of an attempt and the settlement of its call."""
RANDOM_KILLS = 3
ATTEMPTS_PER_CAP = 2
"""The room that a cap has beside what is settled, in reservations of one attempt. The employees have six slots."""
WAIT_S = 300.0
LOOK_S = 0.2

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
    pytest.mark.timeout(2 * WAIT_S),
]


def hits_of(seed: int) -> list[Hit]:
    """Return the kills: the manager and the worker at each point of money, and at random times."""
    draw = random.Random(seed)
    hits = [
        Hit(victim=victim, by=by, point=point, nth=draw.randint(1, 2), pause_s=draw.uniform(0, 0.3))
        for victim in ("manager", "employees")
        for by, point in POINTS[victim]
        if point in POINTS_OF_MONEY
    ]
    hits += [
        Hit(victim=victim, pause_s=draw.uniform(0.1, 1.0), wait=draw.random() < 0.5)
        for victim in ("manager", "employees")
        for _ in range(RANDOM_KILLS)
    ]
    draw.shuffle(hits)
    return hits


async def set_cap(drill: Drill, cap: str, tokens: int) -> None:
    """Set a cap as the Director, until it is acknowledged."""
    command = house.SetCap(id=uuid4(), at=at(), cap=cap, limit=Limit(tokens=tokens))
    while True:
        try:
            await drill.house.director.handle(command)
            return
        except (Unavailable, Contention):
            await asyncio.sleep(LOOK_S)


async def raise_caps(drill: Drill, director: Director, caps: Sequence[str], step: int, ended: asyncio.Event) -> None:
    """Until `ended`, raise each cap so that ATTEMPTS_PER_CAP attempts fit beside what is settled, and no more."""
    world, done, limits = World(), 0, dict.fromkeys(caps, ATTEMPTS_PER_CAP * step)
    while not ended.is_set():
        events = director.log[done:]
        done += len(events)
        for recorded in counting(events):
            world.apply(recorded.event)  # type: ignore[arg-type]  # nothing is erased
        for key, book in world.organisation.books.items():
            held = (state.tranches.get(key, NO_TRANCHE).spent.tokens for state in world.runs.values())
            cap, wanted = cap_of(key), book.spent.tokens + sum(held) + ATTEMPTS_PER_CAP * step
            if cap in limits and wanted > limits[cap]:
                limits[cap] = wanted
                await set_cap(drill, cap, wanted)
        await asyncio.sleep(LOOK_S)


async def settled(drill: Drill) -> list[Recorded]:
    """Wait until nothing is lent any more, and return the log."""

    def nothing_lent(log: Sequence[Recorded]) -> bool:
        state = folded(log).organisation
        return state.lent.total == NOTHING and all(book.lent.total == NOTHING for book in state.books.values())

    return await drill.house.until(nothing_lent, wait_s=WAIT_S)


def folded(log: Sequence[Recorded]) -> World:
    world = World()
    for recorded in counting(log):
        world.apply(recorded.event)  # type: ignore[arg-type]  # nothing is erased
    return world


def runs_of(recorded: Recorded) -> tuple[object, object]:
    """Return the run of an event, and the run for which the organisation caused it."""
    return getattr(recorded.event, "run", None), getattr(recorded.event, "for_run", None)


def without_the_expiry(log: Sequence[Recorded]) -> World:
    """Fold the log, but the first run whose lease ended has no event from then on. All others go on to the end."""
    ended = next(each for each in counting(log) if isinstance(each.event, task.Released))
    assert isinstance(ended.event, task.Released)
    run = ended.event.run
    kept = [each for each in log if each.seq < ended.seq or run not in runs_of(each)]
    world = folded(kept)
    held = world.runs[run].tasks[ended.event.task]
    assert held.reserved != NOTHING, "control: without the expiry, the attempt keeps its reservation"
    return world


@pytest.mark.parametrize("hire", [hire_all, hire_for_sessions])
async def test_nothing_stays_lent_after_the_holders_of_money_were_killed(drill: Drill, hire: Hire) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    await drill.up()
    sample = Sample(2)
    await hire(drill.house, sample)
    hired = [each.event for each in await drill.house.log() if isinstance(each.event, Hired)]
    director, enough, ended = Director(drill.house, sample), asyncio.Event(), asyncio.Event()
    first = await drill.house.submit(sample, attempts_max=ATTEMPTS_MAX)
    director.runs[first] = "run.submitted"
    log = await drill.house.until_type(first, "task.assigned")
    most = max(each.event.reservation.tokens for each in log if isinstance(each.event, task.Assigned))
    caps = [DAY, *(employee_cap(each.employee) for each in hired)]
    for cap in caps:
        await set_cap(drill, cap, ATTEMPTS_PER_CAP * most)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        working = group.create_task(director.work(enough))
        group.create_task(raise_caps(drill, director, caps, most, ended))
        await drill.suffer(hits_of(seed))
        enough.set()
        await working
        ended.set()
    log = await settled(drill)
    world = checked(log)
    assert await wrongs(drill, drill.house, director) == []
    released = [each.event for each in counting(log) if isinstance(each.event, task.Released)]
    warned = Counter(cap_of(each.event.cap) for each in counting(log) if isinstance(each.event, house.CapWarned))
    print(f"{len(director.runs)} runs, {len(log)} events, {len(released)} leases ended, warnings: {warned}")
    print(table(drill.struck, Counter()))
    for state in world.runs.values():
        assert [part.reserved for part in state.tasks.values()] == [NOTHING] * len(state.tasks)
    assert world.organisation.spent.tokens > 0
    assert released, "money was lost with a process, and a lease gave it back"
    assert warned.keys() & set(caps), "control: the caps were tight"
    stuck = without_the_expiry(log).organisation
    assert stuck.lent.total != NOTHING
    assert any(book.lent.total != NOTHING for book in stuck.books.values())
