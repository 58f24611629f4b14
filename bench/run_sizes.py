"""CPU time of an event in runs with few and with many tasks: folded in memory, and with rows written."""

import time
from collections.abc import Mapping
from functools import partial
from itertools import count

from bench import folding
from bench.figures import Measure
from bench.firm import Firm
from bus.projection import Projection, fold
from bus.projection_rows import Rows
from bus.projection_tables import Tables
from bus.store import Store
from domain.message import Recorded, TaskEvent
from runtime.roles import CONSUMERS

FEW, MANY = "100 runs of 10 tasks", "1 run of 1,000 tasks"
SIZES: Mapping[str, tuple[int, int]] = {FEW: (100, 10), MANY: (1, 1000)}
"""Name -> number of runs, and tasks of each run."""
BATCH_EVENTS = 500
_numbers = count(1)


async def contestants(firm: Firm) -> Mapping[str, Measure]:
    """Return the logs to measure. Both have the same number of events of tasks."""
    logs = {name: folding.decoded(folding.log_of(*size))[0] for name, size in SIZES.items()}
    return {name: partial(measured, firm, log) for name, log in logs.items()}


async def measured(firm: Firm, log: list[Recorded]) -> Mapping[str, float]:
    """Return the CPU microseconds of an event of a task, by projection, and with rows written to an empty database."""
    figures = {name: folding.task_event_us(make, log, BATCH_EVENTS) for name, make in CONSUMERS.items()}
    store = await firm.store(f"run_sizes_{next(_numbers)}")
    try:
        written = [await _written_us(store, make(), log) for make in CONSUMERS.values()]
    finally:
        await store.close()
    return {"all folded, µs": sum(figures.values()), "with rows written, µs": sum(written), **figures}


async def _written_us(store: Store, projection: Projection, log: list[Recorded]) -> float:
    """Fold and commit in batches. Return the CPU microseconds of an event of a task in this process alone."""
    tables, rows, position = Tables(projection.name, projection.tables), Rows(projection.tables), 0
    begun = 0.0
    first, second = folding.split_at_planned(log)
    work = [event for event in second if isinstance(event.event, TaskEvent)]
    async with store.connection() as connection:
        await tables.create(connection)
        for part in (first, work):
            begun = time.process_time()
            for start in range(0, len(part), BATCH_EVENTS):
                for event in part[start : start + BATCH_EVENTS]:
                    fold(projection, None, event, rows, 0)
                await tables.commit(connection, rows, position, position + 1)
                rows.settle()
                position += 1
    return 1_000_000 * (time.process_time() - begun) / len(work)
