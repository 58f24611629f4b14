"""The benchmark of `make bench`. It compares Aura with other programs (peers) and with raw limits of its servers.

It measures events per second, the time of a run, replay, sessions, and the time of a verdict. Usage: `python -m bench
[--quick] [--rounds N] [--only SECTION] [--out FILE]`. It starts its own servers and removes them at the end.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench import peer, report
from bench.sections import FULL, QUICK, SECTIONS, BenchSize, measure_setting, say
from bus.event_loop import factory_of, fewer_collections
from domain.errors import AuraError

OUT = Path("docs/bench.md")


async def measure(size: BenchSize, names: Sequence[str]) -> str:
    """Measure the named sections, one after the other, and return the page."""
    if not peer.is_there():
        say("Measuring without the peers, because they are not installed. `make bench` installs them.")
    setting = await measure_setting()
    return report.page(setting, size.rounds, [await SECTIONS[name](size) for name in names])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure two small rounds, in a few minutes")
    parser.add_argument("--rounds", type=int, help="number of rounds (default 5, or 2 with --quick)")
    parser.add_argument(
        "--only",
        action="append",
        choices=list(SECTIONS),
        help="measure this section and not the others (can be repeated). Without --out, the page is then printed",
    )
    parser.add_argument("--out", type=Path, help=f"file to which the page is written (default {OUT}, without --only)")
    parser.add_argument(
        "--loop",
        choices=["auto", "uvloop", "asyncio"],
        default="auto",
        help="event loop of our processes (default auto, as in `aura serve`: uvloop if it is installed)",
    )
    asked = parser.parse_args()
    size = QUICK if asked.quick else FULL
    if asked.rounds:
        size = msgspec.structs.replace(size, rounds=asked.rounds)
    try:
        with fewer_collections(), asyncio.Runner(loop_factory=factory_of(asked.loop)) as runner:
            text = runner.run(measure(size, [name for name in SECTIONS if not asked.only or name in asked.only]))
    except AuraError as error:
        say(f"{error} {error.hint}")
        return 1
    if asked.only and asked.out is None:
        print(text, end="")
        return 0
    out = asked.out or OUT
    out.write_text(text, encoding="utf-8")
    say(f"Written: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
