"""Measurement of DBOS: a workflow of empty steps, each recorded in Postgres. It runs in the peers' environment.

It reads a JSON object from stdin and writes its answer to the file that the object names, because DBOS uses stdout.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig


@DBOS.step()
async def step() -> None:
    """Do nothing."""


@DBOS.workflow()
async def workflow(steps: int) -> None:
    for _ in range(steps):
        await step()


async def measure(asked: dict[str, Any]) -> dict[str, float]:
    async def one() -> float:
        begun = time.perf_counter()
        handle = await DBOS.start_workflow_async(workflow, asked["steps"])
        await handle.get_result()
        return time.perf_counter() - begun

    async def slot(slots: asyncio.Semaphore) -> None:
        async with slots:
            await one()

    for _ in range(asked["warm_up"]):
        await one()
    cpu = time.process_time()
    alone = sorted([await one() for _ in range(asked["runs_alone"])])
    slots, begun = asyncio.Semaphore(asked["at_once"]), time.perf_counter()
    await asyncio.gather(*(slot(slots) for _ in range(asked["runs_at_once"])))
    wall = time.perf_counter() - begun
    runs = asked["runs_alone"] + asked["runs_at_once"]
    return {
        "p50, ms": 1000 * alone[len(alone) // 2],
        "p99, ms": 1000 * alone[int(len(alone) * 0.99)],
        "16 at once, runs/s": asked["runs_at_once"] / wall,
        "Python CPU per run, ms": 1000 * (time.process_time() - cpu) / runs,
    }


async def main(asked: dict[str, Any]) -> dict[str, float]:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": asked["dsn"].replace("postgresql://", "postgresql+psycopg://"),
        "run_admin_server": False,
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        return await measure(asked)
    finally:
        DBOS.destroy()


if __name__ == "__main__":
    question = json.load(sys.stdin)
    Path(question["out"]).write_text(json.dumps(asyncio.run(main(question))))
