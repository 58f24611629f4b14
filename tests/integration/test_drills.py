"""kill -9 of every process of `aura up --processes` during open runs: no event is lost, and no effect happens twice."""

import asyncio
import os
import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from director.deployment.processes import ROLES
from director.settings import Settings
from domain import run_messages
from domain.message import Recorded
from tests.integration.client import Director, Hire, hire_all, hire_for_sessions
from tests.integration.drill import RESTART_S, Drill, Struck, table
from tests.integration.drilled import WITNESS
from tests.integration.hits import POINTS, ROLE_KILLS, SCENARIOS, SERVER_KILLS, SERVERS, VICTIMS, Hit, dealt
from tests.integration.house import House, Sample
from tests.integration.intact import violations
from tests.integration.killable import BETWEEN

SEED = "AURA_DRILL_SEED"
FIXED_SEED = 7
TASKS = 2
OPEN_RUNS_MAX = 3
SCENARIO_WAIT_S = 300.0

pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.timeout(SCENARIO_WAIT_S + 60),
]


@pytest.fixture
async def drill(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Drill]:
    """Yield an organisation under the supervisor, in a separate home that the database's user can reach."""
    for name in [name for name in os.environ if name.startswith("AURA_") and name != SEED]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AURA_HOME", str(open_folder / f"drill-{time.monotonic_ns()}"))
    monkeypatch.setenv("AURA_ALLOW_DEGRADED", "1")
    monkeypatch.setenv("AURA_RESTART_WAIT_MAX_S", str(RESTART_S))
    drill = Drill(Settings())
    yield drill
    await drill.down()
    assert drill.stopped == dict.fromkeys(VICTIMS, 0), "each was drained when it was told to stop"


@pytest.fixture(scope="module")
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a text even if the test passes."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def said(text: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n{text}", flush=True)

    return said


@pytest.fixture(scope="module")
def seed(say: Callable[[str], None]) -> int:
    """Return the seed in AURA_DRILL_SEED, or a random seed."""
    found = int(os.environ.get(SEED) or secrets.randbelow(2**31))
    say(f"The same kills again: {SEED}={found}")
    return found


@pytest.fixture(scope="module")
def total(seed: int, say: Callable[[str], None]) -> Iterator[tuple[list[Struck], Counter[str]]]:
    """Return the kills of all scenarios, which are printed at the end."""
    struck: list[Struck] = []
    others: Counter[str] = Counter()
    yield struck, others
    if struck:
        say(f"All scenarios of {SEED}={seed}:\n{table(struck, others)}")


async def worked(
    drill: Drill, hits: Sequence[Hit], interrupted: random.Random | None = None, hire: Hire = hire_all
) -> tuple[Director, list[str]]:
    """Keep runs open under these kills, then let them end. Return the Director and the faults that were found.

    interrupted: the Director also pauses, halts and resumes the organisation, and processes hang for a while.
    `interrupted` draws these times.
    """
    await drill.up()
    sample = Sample(TASKS)
    await hire(drill.house, sample)
    director, enough = Director(drill.house, sample, open_max=OPEN_RUNS_MAX), asyncio.Event()
    try:
        async with asyncio.timeout(SCENARIO_WAIT_S), asyncio.TaskGroup() as group:
            working = group.create_task(director.work(enough))
            if interrupted is not None:
                group.create_task(director.interrupt(interrupted, enough))
                group.create_task(drill.hang(random.Random(interrupted.random()), enough))
            await drill.suffer(hits)
            enough.set()
            await working
    except TimeoutError:
        open_runs = {run for run, phase in director.runs.items() if phase != "run.ended"}
        about = [event for event in director.log if event.envelope.run in open_runs | {None}]
        lines = [f"{event.seq} {event.void or ''} {event.event}" for event in about]
        raise AssertionError("\n".join([*lines, f"not ended: {open_runs}"])) from None
    await drill.even()
    return director, [*await wrongs(drill, drill.house, director), *drill.incidents(), *await drill.replay()]


async def wrongs(drill: Drill, house: House, director: Director) -> list[str]:
    """Return one line for each fault in the record."""
    found = await violations(house, director.acknowledged, drill.witnessed())
    ends = [event.event for event in await house.log() if isinstance(event.event, run_messages.Ended)]
    found += [f"run {end.run} ended {end.outcome}: {end.reason}" for end in ends if end.outcome != "delivered"]
    return found + [f"run {run} has no end" for run in director.runs.keys() - {end.run for end in ends}]


def other_ends(drill: Drill) -> Counter[str]:
    """Return how often each process ended other than by the kills."""
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


@pytest.mark.slow
@pytest.mark.ci
async def test_each_process_is_killed_once_and_nothing_is_lost_or_twice(drill: Drill) -> None:
    (hits,) = dealt(FIXED_SEED, 1, roles=1, servers=1)
    director, found = await worked(drill, hits)
    print(table(drill.struck, other_ends(drill)))
    assert found == []
    assert len(drill.struck) == len(hits)
    assert len(director.runs) >= 2
    await doctored(drill, director)


class Doctored(House):
    """The same organisation with a changed record."""

    def __init__(self, house: House, change: Callable[[list[Recorded]], list[Recorded]]) -> None:
        super().__init__(house.home, house.nats_url, house.postgres_dsn)
        self.office, self._change = house.office, change

    async def log(self) -> list[Recorded]:
        return self._change(await super().log())


def without(event_type: str) -> Callable[[list[Recorded]], list[Recorded]]:
    """Return the record without one event of a type."""

    def change(log: list[Recorded]) -> list[Recorded]:
        lost = next(event for event in log if event.envelope.type == event_type)
        return [event for event in log if event is not lost]

    return change


def again(event_type: str, *, same_id: bool = False) -> Callable[[list[Recorded]], list[Recorded]]:
    """Return the record with one event of a type twice, the second time under another id."""

    def change(log: list[Recorded]) -> list[Recorded]:
        first = next(event for event in log if event.envelope.type == event_type and event.void is None)
        id = first.envelope.id if same_id else uuid4()
        envelope = msgspec.structs.replace(first.envelope, id=id)
        return [*log, msgspec.structs.replace(first, seq=log[-1].seq + 1, envelope=envelope)]

    return change


async def doctored(drill: Drill, director: Director) -> None:
    """Return the controls: changed records of the same organisation, in which the same checks must find each fault."""
    faults: list[tuple[Callable[[list[Recorded]], list[Recorded]], str]] = [
        (without("run.submitted"), "run.submitted was acknowledged as event"),
        (without("task.call_finished"), "without a gap"),
        (without("task.verified"), "verified tasks"),
        (without("run.ended"), "has no end"),
        (again("task.submitted", same_id=True), "counts 2 times"),
        (again("task.assigned"), "task.assigned twice for order"),
        (again("task.verified"), "verified tasks"),
        (again("run.delivered"), "has 2 run.delivered"),
    ]
    for change, said in faults:
        found = await wrongs(drill, Doctored(drill.house, change), director)
        assert any(said in line for line in found), (said, found)
    (drill.folder / WITNESS).write_text("\n".join([*drill.witnessed(), drill.witnessed()[0]]))
    assert any("was called 2 times" in line for line in await wrongs(drill, drill.house, director))
    async with drill.house.office.store.connection() as connection:
        await connection.execute("UPDATE accountant.account SET calls = calls + 1")
    found = await wrongs(drill, drill.house, director)
    assert any(line.startswith("replay: accountant.account") for line in found), found
    assert "exit 6" in (await drill.replay())[0]


@pytest.mark.slow
async def test_a_consumer_that_moves_its_checkpoint_before_its_rows_is_found(drill: Drill) -> None:
    """The control of the kills: a broken consumer, killed between the two."""
    drill.folder.mkdir(parents=True)
    (drill.folder / "accountant.early").touch()
    kill = Hit(victim="accountant", by="accountant", point=BETWEEN)
    _, found = await worked(drill, [kill, kill])
    assert [one.point for one in drill.struck] == [BETWEEN, BETWEEN]
    assert any(line.startswith("replay: accountant.account") for line in found), found
    assert "aura replay --check: exit 6" in found[-1], found


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SCENARIOS))
@pytest.mark.parametrize("hire", [hire_all, hire_for_sessions])
async def test_two_hundred_kills(
    drill: Drill,
    seed: int,
    hire: Hire,
    part: int,
    say: Callable[[str], None],
    total: tuple[list[Struck], Counter[str]],
) -> None:
    began = time.monotonic()
    interrupted = random.Random(seed + part) if part % 2 else None
    director, found = await worked(drill, dealt(seed)[part], interrupted, hire)
    others = other_ends(drill)
    total[0].extend(drill.struck)
    total[1].update(others)
    log = await drill.house.log()
    say(
        f"{SEED}={seed}, {hire.__name__}, "
        f"scenario {part + 1} of {SCENARIOS}{' with pauses, halts and hangs' if part % 2 else ''}: "
        f"{len(director.runs)} runs, {len(log)} events, {sum(event.void is not None for event in log)} void, "
        f"{len(director.acknowledged)} acknowledged, {len(found)} violations, {time.monotonic() - began:.0f} s\n"
        f"{table(drill.struck, others)}"
    )
    assert found == []
