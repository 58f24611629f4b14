"""Real commands of the command line, for measurements: how long they take, and how long they wait for a core."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.figures import quantile
from bench.firm import Firm
from domain.errors import Failed

NANO = 1_000_000_000


class Commands:
    """Real commands of the command line, on the servers of one firm, and the seconds of each."""

    def __init__(self, firm: Firm) -> None:
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AURA_")} | {
            "AURA_HOME": str(firm.home),
            "AURA_NATS_URL": firm.endpoints.nats_url,
            "AURA_WORKER_NATS_URL": firm.endpoints.worker_nats_url,
            "AURA_POSTGRES_DSN": firm.endpoints.postgres_dsn,
            "AURA_ALLOW_DEGRADED": "1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=self.environment,
            cwd=Path(__file__).parents[1],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    async def took(self, *arguments: str) -> "Took":
        """Run `aura` with these arguments. Raises Failed if it fails."""
        return await asyncio.to_thread(self._took, arguments)

    def _took(self, arguments: Sequence[str]) -> "Took":
        began = time.perf_counter()
        process = self.start("director", *arguments)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        wall_s = time.perf_counter() - began
        ran_ns, waited_ns, _ = Path(f"/proc/{process.pid}/schedstat").read_text().split()
        if process.wait():
            raise Failed(f"aura {' '.join(arguments)} failed.", hint="Run the command by hand.")
        return Took(wall_s, int(ran_ns) / NANO, int(waited_ns) / NANO)


class Took(NamedTuple):
    """The seconds of a command: in all, on a core, and in the queue for a core because other processes had them."""

    wall_s: float
    core_s: float
    queue_s: float


def taken(name: str, took: Sequence[Took]) -> Mapping[str, float]:
    """Return the figures of one command."""
    walls = [each.wall_s for each in took]
    return {
        f"{name}, p50, s": median(walls),
        f"{name}, p95, s": quantile(walls, 0.95),
        f"{name}, p95 without the queue for a core, s": quantile([each.wall_s - each.queue_s for each in took], 0.95),
        f"{name}: on a core, p50, s": median(each.core_s for each in took),
        f"{name}: measured": len(took),
    }
