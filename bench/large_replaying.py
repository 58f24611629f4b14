"""Measurement of replay on a large log: the real command, its processor time per event, and its memory.

The log repeats the events of real runs (bench/kinds_of_runs.py). The same is measured on a small log of the same
events, so that a cost per event that grows with the log is seen.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec

from bench import limits
from bench.figures import Measure
from bench.firm import Firm
from bench.kinds_of_runs import run_each_kind
from bench.large_log import LargeLog, real_events, write_large_log
from bus.store import Store
from domain.errors import Failed

MB = 1000**2
KIB = 1024
COMMANDS: Mapping[str, Sequence[str]] = {
    "`replay --all`": ("--all",),
    "`replay --all --jobs 2`": ("--all", "--jobs", "2"),
    "`replay --check`": ("--check",),
    "`replay --check --jobs 2`": ("--check", "--jobs", "2"),
}
OURS = "Aura: `replay --check`"
LIMIT = "limit: COPY OUT, data discarded"


class LargeSize(msgspec.Struct, frozen=True):
    """Numbers of events in the small and in the large log."""

    small: int
    large: int


class LargeLogs:
    """The stores with the small and the large log."""

    def __init__(self, firm: Firm, stores: Mapping[int, Store]) -> None:
        self.stores = stores
        self._home = firm.home

    async def measured(self, events: int, options: Sequence[str]) -> Mapping[str, float]:
        """Run `aura replay` with these options, and return the rate, the processor time and the memory."""
        environment = {**os.environ, "AURA_POSTGRES_DSN": self.stores[events].dsn, "AURA_HOME": str(self._home)}
        command = (sys.executable, "-m", "director", "replay", *options, "--json")
        return await asyncio.to_thread(_measured, command, environment, events)

    async def limit(self, events: int) -> Mapping[str, float]:
        """Read the log from Postgres and discard it."""
        return {_rate(events): (await limits.copy_out(self.stores[events]))["events/s"]}

    async def close(self) -> None:
        for store in self.stores.values():
            await store.close()


def _rate(events: int) -> str:
    return f"{events:,} events, events/s"


def _measured(command: Sequence[str], environment: Mapping[str, str], events: int) -> Mapping[str, float]:
    begun = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}.", hint=said[-2000:])
    return {
        _rate(events): events / wall,
        f"{events:,} events, Python CPU per event, µs": 1e6 * (usage.ru_utime + usage.ru_stime) / events,
        f"{events:,} events, memory of the largest process, MB": usage.ru_maxrss * KIB / MB,
    }


async def made_logs(firm: Firm, size: LargeSize) -> LargeLogs:
    """Make both logs, and the rows of all projections."""
    await run_each_kind(firm)
    log = await real_events(firm.office.store)
    stores: dict[int, Store] = {}
    for events in (size.small, size.large):
        stores[events] = await firm.store(f"large_{events}")
        await write_large_log(stores[events], LargeLog(log), events)
    logs = LargeLogs(firm, stores)
    for events in stores:
        await logs.measured(events, ("--all",))
    return logs


def contestants(logs: LargeLogs) -> Mapping[str, Measure]:
    """Return the commands to measure, each on both logs, and the limit."""
    found: dict[str, Measure] = {
        f"Aura: {name}": partial(_on_both, partial(logs.measured, options=options), logs)
        for name, options in COMMANDS.items()
    }
    return found | {LIMIT: partial(_on_both, logs.limit, logs)}


async def _on_both(measure: Callable[[int], Awaitable[Mapping[str, float]]], logs: LargeLogs) -> Mapping[str, float]:
    figures: dict[str, float] = {}
    for events in logs.stores:
        figures |= await measure(events)
    return figures
