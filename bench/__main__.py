"""The benchmark of `make bench`. It compares Aura with other programs (peers) and with raw limits of its servers.

It measures events per second, the time of a run, replay, and the time of a verdict. Usage: `python -m bench [--quick]
[--rounds N] [--out FILE]`. It starts its own servers and removes them at the end.
"""

import argparse
import asyncio
import sys
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bench import appending, basing, judging, peer, replaying, report, running, sessions
from bench.figures import measure_all
from bench.firm import firm
from bench.setting import Setting, setting_of
from domain.errors import AuraError

OUT = Path("docs/bench.md")


class BenchSize(msgspec.Struct, frozen=True):
    """Sizes of all measurements."""

    rounds: int
    appending: appending.AppendingSize
    running: running.RunningSize
    judging: judging.JudgingSize
    basing: basing.BasingSize
    sessions: sessions.SessionsSize


FULL = BenchSize(
    5,
    appending.AppendingSize(alone=200, saturated=2000),
    running.RunningSize(alone=25, at_once=96),
    judging.JudgingSize(alone=10, saturated=20),
    basing.BasingSize(files=2000, tests=1500),
    sessions.SessionsSize(calls=200, idle_s=30.0),
)
QUICK = BenchSize(
    2,
    appending.AppendingSize(alone=100, saturated=1000),
    running.RunningSize(alone=12, at_once=48),
    judging.JudgingSize(alone=5, saturated=8),
    basing.BasingSize(files=400, tests=300),
    sessions.SessionsSize(calls=50, idle_s=10.0),
)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def measure_appending(size: BenchSize) -> tuple[Setting, str]:
    async with firm() as here:
        setting = await setting_of(here)
        for name, value in setting.lines.items():
            say(f"{name}: {value}")
        contestants = await appending.contestants(here, size.appending)
        figures = await measure_all(contestants, size.rounds, say, title="(events)")
    return setting, report.of_appending(figures, size.appending)


async def measure_running(size: BenchSize) -> list[str]:
    hops = running.Hops()
    async with firm() as here:
        contestants = await running.contestants(here, size.running, hops)
        runs = await measure_all(contestants, size.rounds, say, title="(runs)")
        replayed = await measure_all(await replaying.contestants(here), size.rounds, say, title="(replay)")
        events = (await here.office.stream.info()).last_seq
    return [
        report.of_running(runs, size.running),
        report.hops(hops.medians()),
        report.of_replaying(replayed, events),
    ]


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


async def measure_sessions(size: BenchSize) -> str:
    async with firm() as here:
        contestants = sessions.contestants(here, size.sessions)
        figures = await measure_all(contestants, size.rounds, say, title="(sessions)")
    return report.of_sessions(figures, size.sessions)


async def measure(size: BenchSize) -> str:
    """Run all measurements and return the page."""
    if not peer.is_there():
        say("Measuring without the peers, because they are not installed. `make bench` installs them.")
    setting, events = await measure_appending(size)
    verdicts = await measure_judging(size)
    based = await measure_basing(size)
    return report.page(
        setting, size.rounds, [events, *await measure_running(size), await measure_sessions(size), verdicts, based]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure two small rounds, in less than two minutes")
    parser.add_argument("--rounds", type=int, help="number of rounds (default 5, or 2 with --quick)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"file to which the page is written (default {OUT})")
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    if asked.rounds:
        size = msgspec.structs.replace(size, rounds=asked.rounds)
    try:
        text = asyncio.run(measure(size))
    except AuraError as error:
        say(f"{error} {error.hint}")
        return 1
    asked.out.write_text(text, encoding="utf-8")
    say(f"Written: {asked.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
