"""Measurement of LangGraph with its Postgres checkpointer. It runs in the peers' environment.

It runs a graph of empty steps, each with a checkpoint. It reads a JSON object from stdin and writes its answer to the
file that the object names.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, TypedDict
from uuid import uuid4

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool


class State(TypedDict):
    steps_done: int


async def step(state: State) -> State:
    return {"steps_done": state["steps_done"] + 1}


def graph_of(steps: int, saver: AsyncPostgresSaver) -> Any:
    graph = StateGraph(State)
    names = [f"step_{index}" for index in range(steps)]
    for name in names:
        graph.add_node(name, step)
    for before, after in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(before, after)
    return graph.compile(checkpointer=saver)


async def measure(asked: dict[str, Any], graph: Any) -> dict[str, float]:
    async def one() -> float:
        begun = time.perf_counter()
        thread = {"configurable": {"thread_id": str(uuid4())}}
        # durability="sync" means that a step is committed before the next step begins
        await graph.ainvoke({"steps_done": 0}, thread, durability="sync")
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
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(
        asked["dsn"], min_size=1, max_size=asked["at_once"], kwargs=settings, open=False
    ) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        return await measure(asked, graph_of(asked["steps"], saver))


if __name__ == "__main__":
    question = json.load(sys.stdin)
    Path(question["out"]).write_text(json.dumps(asyncio.run(main(question))))
