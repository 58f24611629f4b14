"""A query as of an earlier event gives the rows of a fold up to that event, and refuses what is not written yet."""

import random
from uuid import UUID

import pytest

from bus.projection_rows import Rows, columns
from bus.row_form import place_of
from bus.store import Store
from director.services import cost_views, page_views, scorecard_views, shadow_views, views
from director.services.moment import store_as_of
from director.services.page_views import RUNS_PAGE
from director.services.run_list import RunsWanted, runs_page
from director.services.views import QUERIES
from domain.errors import Invalid, NotFound, Unavailable
from projections import past_rows
from projections.past_rows import PROJECTIONS, past_statement
from projections.time_travel import Selection, rows_as_of
from runtime.roles import CONSUMERS
from sql import named

pytestmark = pytest.mark.needs_postgres


async def test_queries_as_of_earlier_events(past_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check everything on one store, because its rows and its history take seconds to make."""
    await every_table_as_of_an_event_equals_the_fold(past_store)
    await every_query_answers_as_of_any_event(past_store)
    await a_service_reads_the_past_and_ends_there(past_store)
    await pages_hold_each_run_once_in_order(past_store)
    await a_history_that_is_behind_is_said(past_store, monkeypatch)


async def every_table_as_of_an_event_equals_the_fold(store: Store) -> None:
    assert list(PROJECTIONS) == list(CONSUMERS)
    chance = random.Random(seed := random.randrange(2**32))
    print("seed", seed)
    last = await store.recorded_up_to()
    for seq in chance.sample(range(last), 3):
        for name, projection in PROJECTIONS.items():
            kinds = tuple(Rows(projection.tables).tables.values())
            folded = (await rows_as_of(store, projection, Selection(kinds=kinds), seq)).records
            async with store.connection() as connection:
                for kind in kinds:
                    live = f"SELECT {', '.join(columns(kind))} FROM {name}.{kind.table} x"
                    records = await connection.fetch(past_statement(live, seq, {name: projection}))
                    assert sorted(map(tuple, records), key=place_of) == folded[kind.table], (name, kind.table, seq)


async def every_query_answers_as_of_any_event(store: Store) -> None:
    """As of the last event, each query without parameters gives the live rows, also from the history alone."""
    last = await store.recorded_up_to()
    for query in (*QUERIES, *cost_views.QUERIES, *scorecard_views.QUERIES, *shadow_views.QUERIES, *page_views.QUERIES):
        if "$1" in named(query.name):
            continue
        async with store.connection() as connection:
            live = await connection.fetch(named(query.name))
            old = await connection.fetch(past_statement(named(query.name), last, PROJECTIONS))
        assert sorted(map(str, old)) == sorted(map(str, live)), query.name
        await query.read(store.past(last // 2))


async def a_service_reads_the_past_and_ends_there(store: Store) -> None:
    now, last = await runs_page(store, RunsWanted()), await store.recorded_up_to()
    assert now.runs
    whole = await store.read(0, limit=10_000)
    first = next(each.seq for each in whole if each.envelope.type == "run.submitted")
    before, after = await store_as_of(store, str(first - 1)), await store_as_of(store, str(first))
    assert (await runs_page(before, RunsWanted())).runs == ()
    (line,) = (await runs_page(after, RunsWanted())).runs
    assert (line.phase, line.ended_at) == ("submitted", None)
    assert await before.recorded_up_to() == first - 1
    assert [each.seq for each in await before.read(0, limit=10_000)] == list(range(1, first))
    assert await before.run_span(line.run) is None
    assert await after.run_span(line.run) == (first, first)
    assert await before.find(whole[first - 1].envelope.id) is None
    assert await after.find(whole[first - 1].envelope.id) is not None
    assert await store_as_of(store, "") is store
    assert await runs_page(await store_as_of(store, str(last)), RunsWanted()) == now
    with pytest.raises(NotFound, match="the log ends at"):
        await store_as_of(store, str(last + 1))
    for wrong in ("-1", "x", "1e3", "9" * 30, "²"):
        with pytest.raises(Invalid):
            await store_as_of(store, wrong)


async def pages_hold_each_run_once_in_order(store: Store) -> None:
    every = await views.RUNS.read(store)
    assert len(every) > 2
    seen, after = list[views.ListedRun](), None
    while True:
        page = await runs_page(store, RunsWanted(after=after, limit=2))
        seen += page.runs
        if (after := page.next) is None:
            break
    assert seen == every
    ended = await runs_page(store, RunsWanted(phase="ended"))
    assert ended.runs == tuple(line for line in every if line.phase == "ended")
    text = every[0].title[1:].upper()
    found = await runs_page(store, RunsWanted(text=text))
    assert found.runs == tuple(line for line in every if text.lower() in line.title.lower())
    nobody = RunsWanted(after=UUID(int=1))
    with pytest.raises(Invalid, match="There is no run"):
        await runs_page(store, nobody)
    with pytest.raises(Invalid, match="1 to 500"):
        RunsWanted(limit=0)


async def a_history_that_is_behind_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past_rows, "HISTORY_WAIT_S", 0.0)
    last = await store.recorded_up_to()
    async with store.connection() as connection:
        await connection.execute("UPDATE manager_history.checkpoint SET seq = 5")
    assert len(await RUNS_PAGE.read(store.past(5), None, None, None, None, 9)) <= 9, "the control"
    assert await RUNS_PAGE.read(store.past(last), None, None, None, None, 9), "the live rows are as of the last event"
    with pytest.raises(Unavailable) as refused:
        await RUNS_PAGE.read(store.past(6), None, None, None, None, 9)
    assert refused.value.code == "history_behind"
    assert "reaches event 5" in refused.value.message
    async with store.connection() as connection:
        await connection.execute("DROP SCHEMA manager_history CASCADE")
    with pytest.raises(Unavailable, match="not written yet"):
        await RUNS_PAGE.read(store.past(5), None, None, None, None, 9)
