"""Sections of the benchmark, by name. Each section starts its own servers, measures, and returns its Markdown text.

A section can be measured alone: `python -m bench --only runs`.
"""

import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bench import (
    appending,
    basing,
    idle,
    judging,
    large_replaying,
    many,
    replaying,
    report,
    run_sizes,
    running,
    screens,
    sessions,
    travelling,
)
from bench.figures import measure_all
from bench.firm import firm
from bench.setting import Setting, setting_of


class BenchSize(msgspec.Struct, frozen=True):
    """Sizes of all measurements. `replayed` is the number of runs in the log that is replayed."""

    rounds: int
    appending: appending.AppendingSize
    running: running.RunningSize
    replayed: int
    sessions: sessions.SessionsSize
    judging: judging.JudgingSize
    basing: basing.BasingSize
    many: many.ManySize
    large: large_replaying.LargeSize
    travelling: travelling.TravellingSize
    idle: idle.IdleSize
    screens: screens.ScreensSize


FULL = BenchSize(
    5,
    appending.AppendingSize(alone=200, saturated=2000),
    running.RunningSize(alone=25, at_once=96),
    600,
    sessions.SessionsSize(calls=200, idle_s=30.0),
    judging.JudgingSize(alone=10, saturated=20),
    basing.BasingSize(files=2000, tests=1500),
    many.ManySize(runs=200, employees=20, approvals=20, statuses=20, window_s=900.0),
    large_replaying.LargeSize(small=10_000, large=1_000_000),
    travelling.TravellingSize(positions=200),
    idle.IdleSize(employees=20, idle_s=600.0),
    screens.ScreensSize(events=1_000_000, asked=40, told=20),
)
QUICK = BenchSize(
    2,
    appending.AppendingSize(alone=100, saturated=1000),
    running.RunningSize(alone=12, at_once=48),
    120,
    sessions.SessionsSize(calls=50, idle_s=10.0),
    judging.JudgingSize(alone=5, saturated=8),
    basing.BasingSize(files=400, tests=300),
    many.ManySize(runs=24, employees=6, approvals=3, statuses=3, window_s=120.0),
    large_replaying.LargeSize(small=5_000, large=20_000),
    travelling.TravellingSize(positions=50),
    idle.IdleSize(employees=20, idle_s=30.0),
    screens.ScreensSize(events=20_000, asked=10, told=5),
)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def measure_setting() -> Setting:
    """Return the machine, the versions and the servers' settings, and report them."""
    async with firm() as here:
        setting = await setting_of(here)
    for name, value in setting.lines.items():
        say(f"{name}: {value}")
    return setting


async def measure_appending(size: BenchSize) -> str:
    async with firm() as here:
        contestants = await appending.contestants(here, size.appending)
        figures = await measure_all(contestants, size.rounds, say, title="(events)")
    return report.of_appending(figures, size.appending)


async def measure_running(size: BenchSize) -> str:
    hops = running.Hops()
    async with firm() as here:
        contestants = await running.contestants(here, size.running, hops)
        figures = await measure_all(contestants, size.rounds, say, title="(runs)")
    return "\n".join([report.of_running(figures, size.running), report.hops(hops.medians())])


async def measure_replaying(size: BenchSize) -> str:
    async with firm() as here:
        await running.hire(here)
        await running.ours(here, running.RunningSize(alone=1, at_once=size.replayed), running.Hops())
        figures = await measure_all(await replaying.contestants(here), size.rounds, say, title="(replay)")
        events = (await here.office.stream.info()).last_seq
    return report.of_replaying(figures, events, size.replayed)


async def measure_large_replaying(size: BenchSize) -> str:
    async with firm() as here:
        logs = await large_replaying.made_logs(here, size.large)
        try:
            contestants = large_replaying.contestants(logs)
            figures = await measure_all(contestants, size.rounds, say, title="(large replay)")
        finally:
            await logs.close()
    return report.of_large_replaying(figures, size.large)


async def measure_run_sizes(size: BenchSize) -> str:
    async with firm() as here:
        figures = await measure_all(await run_sizes.contestants(here), size.rounds, say, title="(sizes of runs)")
    return report.of_run_sizes(figures)


async def measure_travelling(size: BenchSize) -> str:
    async with firm() as here:
        logs = await large_replaying.made_logs(here, size.large)
        try:
            contestants = await travelling.contestants(logs, size.travelling)
            figures = await measure_all(contestants, size.rounds, say, title="(time travel)")
        finally:
            await logs.close()
    return report.of_travelling(figures, size.large, size.travelling)


async def measure_sessions(size: BenchSize) -> str:
    async with firm() as here:
        contestants = sessions.contestants(here, size.sessions)
        figures = await measure_all(contestants, size.rounds, say, title="(sessions)")
    return report.of_sessions(figures, size.sessions)


async def measure_judging(size: BenchSize) -> str:
    async with AsyncExitStack() as closing:
        sandboxes = await judging.sandboxes(closing, say)
        contestants = judging.contestants(sandboxes, size.judging)
        figures = await measure_all(contestants, size.rounds, say, title="(verdicts)")
    return report.of_judging(figures, size.judging)


async def measure_basing(size: BenchSize) -> str:
    async with AsyncExitStack() as closing:
        sandboxes = await judging.sandboxes(closing, say)
        sandbox = next(iter(sandboxes.values()))
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory()))
        held = await sandbox.probe()
        contestants = basing.contestants(sandbox, held.image, size.basing, folder)
        figures = await measure_all(contestants, size.rounds, say, title="(base)")
    return report.of_basing(figures, size.basing)


async def measure_many(size: BenchSize) -> str:
    """Measure once, because a load of this size lasts minutes and has its own distribution."""
    async with firm() as here:
        figures = await measure_all(many.contestants(here, size.many), 1, say, title="(many runs)")
    return report.of_many(figures, size.many)


async def measure_idle(size: BenchSize) -> str:
    """Measure once: the time is long, and the figure is a mean over it."""
    figures = await measure_all(idle.contestants(size.idle), 1, say, title="(idle)")
    return report.of_idle(figures, size.idle)


async def measure_screens(size: BenchSize) -> str:
    """Measure once: each figure is a distribution over many requests."""
    async with firm() as here:
        return await screens.measured(here, size.screens)


SECTIONS: Mapping[str, Callable[[BenchSize], Awaitable[str]]] = {
    "events": measure_appending,
    "runs": measure_running,
    "replay": measure_replaying,
    "large-replay": measure_large_replaying,
    "run-sizes": measure_run_sizes,
    "time-travel": measure_travelling,
    "sessions": measure_sessions,
    "verdicts": measure_judging,
    "base": measure_basing,
    "many": measure_many,
    "idle": measure_idle,
    "screens": measure_screens,
}
"""Sections in the order of the page: {name for `--only`: function that measures it}."""
