"""Measurement of time travel: a run or a page of a view as of a random event of a large log."""

import random
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import msgspec

from bench.figures import Measure
from bench.large_replaying import LargeLogs
from bus.history import Historian
from bus.store import Store
from director.services.state import Part, state_of, view_named
from domain.errors import Failed
from runtime.roles import CONSUMERS

OURS = "Aura: `state --as-of` of one run or one page"
LIMIT = "limit: one event of the log by its sequence"
PAGE_ROWS = 50
PERCENTILE = 95


class TravellingSize(msgspec.Struct, frozen=True):
    """Number of random positions in a round."""

    positions: int


async def contestants(logs: LargeLogs, size: TravellingSize) -> Mapping[str, Measure]:
    """Write the histories of all views, and return the systems to measure."""
    for store in logs.stores.values():
        for make in CONSUMERS.values():
            await Historian(store, make(), paced=False).catch_up()
    return {OURS: partial(_on_each, logs, size, _as_of), LIMIT: partial(_on_each, logs, size, _event)}


Question = tuple[str, str, int]
"""A run, a view, and a sequence."""
Ask = Callable[[Store, Question], Awaitable[None]]


async def _on_each(logs: LargeLogs, size: TravellingSize, ask: Ask) -> Mapping[str, float]:
    """Return the median and the 95th percentile of the time of a question (ms), for each log."""
    figures: dict[str, float] = {}
    for events, store in logs.stores.items():
        times: list[float] = []
        for _ in range(size.positions):
            question = await _question(store, events)
            begun = time.perf_counter()
            await ask(store, question)
            times.append(1000 * (time.perf_counter() - begun))
        times.sort()
        figures[f"{events:,} events, p50, ms"] = times[len(times) // 2]
        figures[f"{events:,} events, p{PERCENTILE}, ms"] = times[len(times) * PERCENTILE // 100]
    return figures


async def _question(store: Store, events: int) -> Question:
    """Draw a position, a view, and a run that has begun before the position."""
    seq = random.randint(events // 10, events)
    name = random.choice(list(CONSUMERS))
    table = random.choice(CONSUMERS[name]().tables).table
    while True:
        (recorded,) = await store.read((place := random.randint(1, seq)) - 1, place, 1)
        if recorded.envelope.run is not None:
            return str(recorded.envelope.run), f"{name}.{table}", seq


async def _as_of(store: Store, question: Question) -> None:
    """Ask for the rows of the run, or for the page after it."""
    run, view, seq = question
    page = random.random() < 0.5
    part = Part(limit=PAGE_ROWS, after=f"{run}/") if page else Part(run=run)
    found = await state_of(store, view_named(view), str(seq), part)
    if found.folded:
        raise Failed(f"The history of {view} ends before event {seq}.", hint="This is a bug in Aura. Please report it.")


async def _event(store: Store, question: Question) -> None:
    await store.read(question[2] - 1, question[2], 1)
