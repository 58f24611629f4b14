"""The profile of `make profile`. It shows where the CPU time of the benchmark's work goes, by layer.

Usage: `python -m bench.profiling [--quick] [--only SCENARIO] [--loop LOOP] [--out FILE] [--json]`. It starts its own
servers and removes them at the end. It needs no other program.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.firm import firm
from bench.profiling.flame import folded, svg
from bench.profiling.page import attributed, data_of, page
from bench.profiling.scenarios import FULL, QUICK, SCENARIOS, Measured, Notes, ProfileSize
from bench.setting import setting_of
from bus.event_loop import factory_of, fewer_collections, name_of
from domain.errors import AuraError

OUT = Path("docs/profile.md")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def measure(size: ProfileSize, names: Sequence[str]) -> tuple[list[Measured], dict[str, str]]:
    """Profile the named scenarios and return them with the machine and the versions."""
    async with firm() as here:
        setting = await setting_of(here)
    notes = Notes(say)
    for name in names:
        await SCENARIOS[name](notes, size)
    return notes.measured, {name: value for name, value in setting.lines.items() if name != "peers"}


def write(measured: Sequence[Measured], text: str, out: Path) -> None:
    """Write the page, and in the folder beside it the flame graph and the stacks of each scenario."""
    folder = out.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for each in measured:
        samples = each.profile.samples
        (folder / f"{each.name}.svg").write_text(svg(samples, each.title), encoding="utf-8")
        (folder / f"{each.name}.folded").write_text(folded(samples), encoding="utf-8")
    out.write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="profile less work, in about a minute")
    parser.add_argument("--only", action="append", choices=list(SCENARIOS), help="profile only this (can be repeated)")
    parser.add_argument("--loop", choices=["asyncio", "uvloop"], default="asyncio", help="event loop (default asyncio)")
    parser.add_argument("--out", type=Path, default=OUT, help=f"file to which the page is written (default {OUT})")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    asked = parser.parse_args()
    names = [name for name in SCENARIOS if not asked.only or name in asked.only]
    try:
        with fewer_collections(), asyncio.Runner(loop_factory=factory_of(asked.loop)) as runner:
            measured, setting = runner.run(measure(QUICK if asked.quick else FULL, names))
        loop = name_of(asked.loop)
    except AuraError as error:
        say(f"{error} {error.hint}")
        return error.exit_code
    write(measured, page(measured, setting, loop), asked.out)
    for each in measured:
        say(f"{each.title}: {100 * attributed(each):.1f}% of the CPU time is attributed to a layer")
    say(f"Written: {asked.out}, and flame graphs in {asked.out.with_suffix('')}/")
    if asked.json:
        print(json.dumps({"loop": loop, "setting": setting, "scenarios": [data_of(each) for each in measured]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
