"""kill -9 of every process of `aura up --processes` while runs are open: nothing is lost, and no effect is twice."""

import asyncio
import os
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from director.processes import ROLES
from director.settings import Settings
from domain import run_messages
from tests.integration.client import Director, hire_all
from tests.integration.drill import RESTART_S, Drill, Struck, table
from tests.integration.hits import POINTS, ROLE_KILLS, SCENARIOS, SERVER_KILLS, SERVERS, Hit, dealt
from tests.integration.house import House, Sample
from tests.integration.intact import violations

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.needs_sandbox]

SEED = "AURA_DRILL_SEED"
FIXED_SEED = 7
TASKS = 2
SCENARIO_WAIT_S = 300.0


@pytest.fixture
async def drill(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drill]:
    """An organisation under the supervisor in a home of its own, which the database's user can reach."""
    for name in [name for name in os.environ if name.startswith("AURA_") and name != SEED]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AURA_HOME", str(open_folder / f"drill-{time.monotonic_ns()}"))
    monkeypatch.setenv("AURA_ALLOW_DEGRADED", "1")
    monkeypatch.setenv("AURA_RESTART_WAIT_MAX_S", str(RESTART_S))
    drill = Drill(Settings())
    yield drill
    await drill.down()


@pytest.fixture(scope="module")
def seed() -> int:
    """That of AURA_DRILL_SEED, or one drawn anew."""
    return int(os.environ.get(SEED) or secrets.randbelow(2**31))


@pytest.fixture(scope="module")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Prints also when the test passes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def said(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", flush=True)

    return said


@pytest.fixture(scope="module")
def total(seed: int, say: Callable[[str], None]) -> Iterator[tuple[list[Struck], Counter[str]]]:
    """The kills of all scenarios; printed at the end."""
    struck: list[Struck] = []
    others: Counter[str] = Counter()
    yield struck, others
    if struck:
        say(f"All scenarios of {SEED}={seed}:\n{table(struck, others)}")


async def worked(drill: Drill, hits: Sequence[Hit]) -> tuple[Director, list[str]]:
    """Runs under these kills, then to their ends; the Director, and what is wrong afterwards."""
    await drill.up()
    sample = Sample(TASKS)
    await hire_all(drill.house, sample)
    director, enough = Director(drill.house, sample), asyncio.Event()
    try:
        async with asyncio.timeout(SCENARIO_WAIT_S), asyncio.TaskGroup() as group:
            working = group.create_task(director.work(enough))
            await drill.suffer(hits)
            enough.set()
            await working
    except TimeoutError:
        open_runs = {run for run, phase in director.runs.items() if phase != "run.ended"}
        about = [event for event in director.log if event.envelope.run in open_runs | {None}]
        lines = [f"{event.seq} {event.void or ''} {event.event}" for event in about]
        raise AssertionError("\n".join([*lines, f"not ended: {open_runs}"])) from None
    await drill.even()
    return director, await wrongs(drill, drill.house, director)


async def wrongs(drill: Drill, house: House, director: Director) -> list[str]:
    """Everything that is wrong, a line each."""
    found = await violations(house, director.acknowledged, drill.witnessed())
    ends = [event.event for event in await house.log() if isinstance(event.event, run_messages.Ended)]
    found += [f"run {end.run} ended {end.outcome}: {end.reason}" for end in ends if end.outcome != "delivered"]
    found += [f"run {run} has no end" for run in director.runs.keys() - {end.run for end in ends}]
    replay = await drill.replay()
    return [*found, *drill.incidents(), *([replay] if replay else [])]


def other_ends(drill: Drill) -> Counter[str]:
    """How often each process ended beside the kills."""
    return Counter({name: count for (name, how), count in drill.deaths().items() if how != "was killed by SIGKILL"})


def test_the_same_seed_deals_the_same_kills_twenty_of_each_role_two_hundred_in_all() -> None:
    hands = dealt(11)
    assert hands == dealt(11) != dealt(12)
    hits = [hit for hand in hands for hit in hand]
    assert len(hands) == SCENARIOS
    assert len(hits) == 200
    assert Counter(hit.victim for hit in hits) == dict.fromkeys(ROLES, ROLE_KILLS) | dict.fromkeys(
        SERVERS, SERVER_KILLS
    )
    assert {(hit.victim, hit.by, hit.point) for hit in hits if hit.point} == {
        (victim, by, point) for victim, points in POINTS.items() for by, point in points
    }, "every point is struck"
    for hand in hands:
        assert len(hand) == 20


async def test_each_process_is_killed_once_and_nothing_is_lost_or_twice(drill: Drill) -> None:
    (hits,) = dealt(FIXED_SEED, 1, roles=1, servers=1)
    director, found = await worked(drill, hits)
    print(table(drill.struck, other_ends(drill)))
    assert found == []
    assert len(drill.struck) == len(hits)
    assert len(director.runs) >= 2


@pytest.mark.slow
@pytest.mark.timeout(SCENARIO_WAIT_S + 60)
@pytest.mark.parametrize("part", range(SCENARIOS))
async def test_two_hundred_kills(
    drill: Drill,
    seed: int,
    part: int,
    say: Callable[[str], None],
    total: tuple[list[Struck], Counter[str]],
) -> None:
    began = time.monotonic()
    director, found = await worked(drill, dealt(seed)[part])
    others = other_ends(drill)
    total[0].extend(drill.struck)
    total[1].update(others)
    log = await drill.house.log()
    say(
        f"{SEED}={seed}, scenario {part + 1} of {SCENARIOS}: {len(director.runs)} runs, {len(log)} events, "
        f"{len(director.acknowledged)} acknowledged, {len(found)} violations, {time.monotonic() - began:.0f} s\n"
        f"{table(drill.struck, others)}"
    )
    assert found == []
