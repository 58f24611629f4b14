"""The scenarios of a profile. They do the same work as the benchmark, and only this work is sampled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from bench import appending, judging, replaying, running
from bench.firm import Firm, firm
from bench.profiling.processes import cpu_of_children, spent_between
from bench.profiling.sampler import Profile, sampled
from bench.running import Deliveries
from bus import hops
from bus.hops import HopTime
from bus.subjects import EVENTS_PREFIX
from runtime.composition import Organisation
from runtime.process_config import STAFF_ROLES
from verification.requirements.parser import parse_requirement

EVENTS = "event"


class ProfileSize(msgspec.Struct, frozen=True):
    """Number of units of work in each scenario."""

    events_alone: int
    events_at_once: int
    runs_alone: int
    runs_at_once: int
    replays: int
    verdicts: int


FULL = ProfileSize(events_alone=1000, events_at_once=4000, runs_alone=150, runs_at_once=300, replays=2, verdicts=40)
QUICK = ProfileSize(events_alone=200, events_at_once=1000, runs_alone=40, runs_at_once=80, replays=1, verdicts=8)


class Measured(msgspec.Struct, frozen=True):
    """One profiled scenario. `units`: {unit: number}. `others`: {program: seconds of CPU time}.

    `hops`: times from the command of an event to each hop.
    """

    name: str
    title: str
    units: Mapping[str, int]
    profile: Profile
    others: Mapping[str, float]
    hops: Sequence[HopTime] = ()


class Notes:
    """The scenarios that were measured so far."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.measured: list[Measured] = []
        self._say = say

    @asynccontextmanager
    async def sampled(self, name: str, title: str) -> AsyncIterator[dict[str, int]]:
        """Sample the block as one scenario. The block sets the numbers of units."""
        self._say(f"profiling: {title}")
        units: dict[str, int] = {}
        before = await asyncio.to_thread(cpu_of_children)
        with hops.recording() as tracer, sampled() as profile:
            yield units
        others = spent_between(before, await asyncio.to_thread(cpu_of_children))
        self.measured.append(Measured(name, title, units, profile, others, tracer.times()))


async def profile_appending(notes: Notes, size: ProfileSize) -> None:
    async with firm() as here, here.running(STAFF_ROLES) as house:
        await appending.hire_many(here, appending.COMMANDS_AT_ONCE)
        await here.all_passed(house)
        async with notes.sampled("append", "events, one writer") as units:
            units[EVENTS] = size.events_alone
            for _ in range(size.events_alone):
                await appending.hire(here)
            await here.all_passed(house)
        async with notes.sampled("append-at-once", f"events, {appending.COMMANDS_AT_ONCE} commands at once") as units:
            units[EVENTS] = size.events_at_once
            await appending.hire_many(here, size.events_at_once)
            await here.all_passed(house)


async def profile_running(notes: Notes, size: ProfileSize) -> None:
    requirement = parse_requirement(running.REQUIREMENT, None, name="adder", folder=None)
    deliveries, slots = Deliveries(), asyncio.Semaphore(running.AT_ONCE)

    async def one(here: Firm) -> None:
        async with slots:
            await running.one(here, requirement, deliveries)

    async with firm() as here:
        await running.hire(here)
        await here.office.client.subscribe(f"{EVENTS_PREFIX}.run.*.delivered", cb=deliveries.take)
        async with here.running() as house:
            for _ in range(running.WARM_UP):
                await one(here)
            await here.all_passed(house)
            async with _runs(notes, here, house, "run", "runs of one task, one after the other", size.runs_alone):
                for _ in range(size.runs_alone):
                    await one(here)
            title = f"runs of one task, {running.AT_ONCE} at once"
            async with _runs(notes, here, house, "runs-at-once", title, size.runs_at_once):
                await asyncio.gather(*(one(here) for _ in range(size.runs_at_once)))
        await _replay(notes, here, size)


@asynccontextmanager
async def _runs(notes: Notes, here: Firm, house: Organisation, name: str, title: str, runs: int) -> AsyncIterator[None]:
    first = (await here.office.stream.info()).last_seq
    async with notes.sampled(name, title) as units:
        yield
        await here.all_passed(house)
    units["run"] = runs
    units[EVENTS] = (await here.office.stream.info()).last_seq - first


async def _replay(notes: Notes, here: Firm, size: ProfileSize) -> None:
    last = (await here.office.stream.info()).last_seq
    named: Mapping[str, tuple[str, Callable[[Firm], Awaitable[object]]]] = {
        "replay": ("replay --check of the log of these runs", replaying.checked),
        "rebuild": ("rebuild of all projections from this log", replaying.rebuilt),
    }
    for name, (title, act) in named.items():
        async with notes.sampled(name, title) as units:
            units[EVENTS] = last * size.replays
            for _ in range(size.replays):
                await act(here)


async def profile_judging(notes: Notes, size: ProfileSize) -> None:
    async with AsyncExitStack() as closing:
        sandboxes = await judging.sandboxes(closing, lambda _: None)
        asked = judging.requirement()
        await judging.verdict(asked, sandboxes[judging.OURS])
        async with notes.sampled("verdict", f"verdicts of {judging.CASES} cases, one after the other") as units:
            units["verdict"] = size.verdicts
            for _ in range(size.verdicts):
                await judging.verdict(asked, sandboxes[judging.OURS])


SCENARIOS: Mapping[str, Callable[[Notes, ProfileSize], Awaitable[None]]] = {
    "events": profile_appending,
    "runs": profile_running,
    "verdicts": profile_judging,
}
"""Groups of scenarios that share servers: {name for `--only`: function that profiles them}."""
