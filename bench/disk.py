"""Measurement of the disk space of runs. `python -m bench.disk [--runs N]` prints the space that 1,000 runs take.

Each run has one task. A scripted employee answers wrong once and right once, so each run has three verdicts. They are
real verdicts. The measurement starts its own servers in a temporary folder (TMPDIR) and removes them at the end.
"""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from bench.firm import Firm, firm
from bench.running import ANSWERS, REQUIREMENT, Deliveries, one
from bus.disk_room import MIB
from bus.embedded.home import Home
from bus.subjects import EVENTS_PREFIX
from domain.errors import AuraError
from verification.judge import judge
from verification.requirements.parser import parse_requirement

RUNS = 100
WARM_UP = 5
AT_ONCE = 4
BLOCK_BYTES = 512  # unit of st_blocks
WAL = "pg_wal"
"""Folder of Postgres' write-ahead log. It is not counted, because its size is limited and independent of the runs."""
WRONG = {"T1": [{"adder.py": "def add(n):\n    return n\n"}, *ANSWERS["T1"]]}


class DiskUse(msgspec.Struct, frozen=True):
    """Bytes on the disk, for each store."""

    stream: int
    postgres: int
    deliveries: int

    @property
    def total(self) -> int:
        return self.stream + self.postgres + self.deliveries

    def less(self, other: "DiskUse") -> "DiskUse":
        return DiskUse(self.stream - other.stream, self.postgres - other.postgres, self.deliveries - other.deliveries)

    def row(self, runs: int) -> str:
        """Return the space of 1,000 runs as a row of a table. `runs` runs were measured."""
        parts = (self.stream, self.postgres, self.deliveries, self.total)
        return "| 1,000 | " + " | ".join(f"{part * 1000 / runs / MIB:.0f} MiB" for part in parts) + " |"


def bytes_of(folder: Path) -> int:
    """Return the disk space of all files in a folder, without the write-ahead log of Postgres."""
    found = 0
    for path in folder.rglob("*"):
        if WAL not in path.parts and path.is_file() and not path.is_symlink():
            found += path.stat().st_blocks * BLOCK_BYTES
    return found


def use_of(here: Firm) -> DiskUse:
    """Return the disk space of the servers and the deliveries at this moment. This call blocks."""
    servers = Home(here.home.parent / "servers")
    database = servers.layout().postgres
    assert database is not None, "the servers were started"
    return DiskUse(
        bytes_of(servers.run / "nats" / "store"), bytes_of(Path(database)), bytes_of(here.home / "deliveries")
    )


async def measure(runs: int) -> tuple[DiskUse, int]:
    """Do `runs` runs. Return the disk space that they took, and the number of events for each run."""
    requirement = parse_requirement(REQUIREMENT, None, name="adder", folder=None)
    deliveries, slots = Deliveries(), asyncio.Semaphore(AT_ONCE)

    async def in_turn(here: Firm) -> None:
        async with slots:
            await one(here, requirement, deliveries, attempts_max=2)

    async with firm() as here:
        await here.hire("twice", WRONG, slots=4 * AT_ONCE)
        subscription = await here.office.client.subscribe(f"{EVENTS_PREFIX}.run.*.delivered", cb=deliveries.take)
        async with here.running(judge=judge) as house:
            found = []
            for count in (WARM_UP, runs):
                await asyncio.gather(*(in_turn(here) for _ in range(count)))
                await here.all_passed(house)
                found.append((await asyncio.to_thread(use_of, here), (await here.office.stream.info()).last_seq))
        await subscription.unsubscribe()
    (before, first), (after, last) = found
    return after.less(before), round((last - first) / runs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.disk", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"number of runs to measure (default {RUNS})")
    runs = parser.parse_args().runs
    try:
        used, events = asyncio.run(measure(runs))
    except AuraError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{runs} runs with {events} events each")
    print("| runs | stream | Postgres | deliveries | total |\n| --- | --- | --- | --- | --- |")
    print(used.row(runs))
    return 0


if __name__ == "__main__":
    sys.exit(main())
