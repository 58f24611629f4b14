"""Time travel in a large log: a run or a page as of a random event is fast, and equals the fold at each position."""

import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import pytest

from bench.large_log import LargeLog, write_large_log
from bus.history import Historian
from bus.history_tables import FIRST
from bus.projection import Projection, fold
from bus.projection_rows import Row, Rows
from bus.row_form import Record, record_of
from bus.store import Store
from projections.time_travel import Selection, rows_as_of
from runtime.roles import CONSUMERS
from tests.recording.large_template import template

pytestmark = pytest.mark.needs_postgres
POSITIONS = 200
PAGE_ROWS = 50
P95_MAX_S = 0.1


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[Store]:
    store = await Store.open(postgres_dsn)
    yield store
    await store.close()


class Question(NamedTuple):
    """Rows of one table as of an event: those of a run, or a page."""

    seq: int
    consumer: str
    selection: Selection


async def travelled(store: Store, events: int) -> float:
    """Write a log and its history, and ask for a run or a page at random positions. Return the 95th percentile (s)."""
    chance = random.Random(seed := random.randrange(2**32))
    await write_large_log(store, LargeLog(template()), events)
    projections = {name: make() for name, make in CONSUMERS.items()}
    for projection in projections.values():
        await Historian(store, projection, paced=False).catch_up()
    questions = [await _question(store, projections, chance, events) for _ in range(POSITIONS)]
    rows, seq, times = {name: Rows(each.tables) for name, each in projections.items()}, 0, list[float]()
    for question in sorted(questions, key=lambda question: question.seq):
        seq = await _folded(store, projections, rows, seq, question.seq)
        begun = time.perf_counter()
        answer = await rows_as_of(store, projections[question.consumer], question.selection, question.seq)
        times.append(time.perf_counter() - begun)
        (kind,) = question.selection.kinds
        assert answer.records[kind.table] == _expected(rows[question.consumer], kind, question.selection), (seed, seq)
        assert answer.folded == 0
    times.sort()
    p95_s = times[len(times) * 95 // 100]
    print(f"seed {seed}: {events} events, p50 {times[len(times) // 2] * 1000:.1f} ms, p95 {p95_s * 1000:.1f} ms")
    return p95_s


async def _question(store: Store, projections: dict[str, Projection], chance: random.Random, events: int) -> Question:
    seq, consumer = chance.randint(1, events), chance.choice(list(projections))
    kinds: tuple[type[Row], ...] = (chance.choice(list(projections[consumer].tables)),)
    scope = None
    while scope is None:
        (recorded,) = await store.read((place := chance.randint(1, seq)) - 1, place, 1)
        scope = recorded.envelope.run or (recorded.envelope.entity_id if chance.random() < 0.1 else None)
    if chance.random() < 0.5:
        return Question(seq, consumer, Selection(kinds=kinds, scope=scope))
    after = chance.choice([FIRST, (scope, "")])
    return Question(seq, consumer, Selection(kinds=kinds, after=after, limit=PAGE_ROWS))


async def _folded(
    store: Store, projections: dict[str, Projection], rows: dict[str, Rows], after: int, up_to: int
) -> int:
    while page := await store.read(after, up_to, 2000):
        for recorded in page:
            for name, projection in projections.items():
                fold(projection, None, recorded, rows[name], 0)
        for each in rows.values():
            each.settle()
        after = page[-1].seq
    return after


def _expected(rows: Rows, kind: type[Row], selection: Selection) -> Sequence[Record]:
    found: list[Any] = rows.of(kind, selection.scope) if selection.scope is not None else rows.all(kind)
    return [record_of(row) for row in found if selection.covers((row.scope, row.key))][: selection.limit]


async def test_a_run_or_a_page_at_random_positions_of_1_500_events_equals_the_fold(store: Store) -> None:
    await travelled(store, 1500)


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_a_run_or_a_page_at_random_positions_of_1_000_000_events_is_fast(store: Store) -> None:
    assert await travelled(store, 1_000_000) < P95_MAX_S
