"""The rows of an open run: its parts after a load give the state of the fold, and an event writes only what changed."""

import sys
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.folding import of_one_run
from bus.projection import Projection, fold
from bus.projection_rows import Rows
from bus.row_form import columns, record_of, row_of
from domain import run
from domain.message import Event, RunEvent, TaskEvent
from domain.run import RunState
from projections.manager import ManagerProjection
from projections.openrun import (
    OPEN_TABLES,
    OpenRun,
    OpenSubmission,
    OpenTask,
    RunHead,
    busy_in,
    has_runs_in,
    open_in,
    open_state,
    ready_in,
    state_of,
)
from projections.verifier import VerifierProjection
from tests.unit.samples import RUN
from tests.unit.test_domain_properties import WALKS, no_check, walk
from tests.unit.test_projections import recorded

RunStory = Sequence[RunEvent | TaskEvent]


def reloaded(rows: Rows) -> Rows:
    """Return the rows as another process reads them from Postgres."""
    other = Rows(rows.tables.values())
    for name, held in rows.snapshot().items():
        kind = rows.tables[name]
        if name != "parked":
            other.load(row_of(kind, dict(zip(columns(kind), record_of(row), strict=True))) for row in held.values())
    return other


def stored(rows: Rows) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(map(record_of, held.values()), key=str) for name, held in rows.snapshot().items()}


def of_runs(log: Iterable[Event]) -> RunStory:
    return [event for event in log if isinstance(event, RunEvent | TaskEvent)]


def test_the_head_has_every_field_that_has_no_rows_of_its_own() -> None:
    assert {*RunHead.__struct_fields__, "tasks", "submitted"} == {*RunState.__struct_fields__}


@settings(WALKS, max_examples=8)
@given(st.data())
@pytest.mark.parametrize("make", [ManagerProjection, VerifierProjection])
def test_rows_that_are_loaded_after_any_event_give_the_state_of_the_fold(
    make: type[Projection], data: st.DataObject
) -> None:
    log = of_runs(walk(data, no_check).log)
    restart_every = data.draw(st.sampled_from([1, 3, 1000]))
    projection, states = make(), dict[object, RunState]()
    steady, restarted = Rows(projection.tables), Rows(projection.tables)
    for seq, event in enumerate(log, start=1):
        fold(projection, None, recorded(seq, event), steady, 0)
        fold(projection, None, recorded(seq, event), restarted, 0)
        states[event.run] = run.evolve(states.get(event.run, run.initial), event)
        if seq % restart_every == 0:
            restarted = reloaded(restarted)
        found = state_of(steady, event.run)
        assert found in (None, states[event.run])
        assert state_of(restarted, event.run) == found
        assert found is None or list(found.tasks) == list(states[event.run].tasks), "in the order of the plan"
    assert stored(restarted) == stored(steady)


@pytest.mark.parametrize("make", [ManagerProjection, VerifierProjection])
def test_an_event_of_a_task_writes_the_head_and_this_task(make: type[Projection]) -> None:
    projection = make()
    rows = Rows(projection.tables)
    written: list[dict[str, int]] = []
    for seq, event in enumerate(of_one_run(RUN, tasks=40), start=1):
        fold(projection, None, recorded(seq, event), rows, 0)
        if isinstance(event, TaskEvent):
            written.append({kind.table: len(keys) for kind, keys, _ in rows.changes() if kind in OPEN_TABLES})
        rows.settle()
    assert len(written) > 200
    assert {tuple(sorted(one.items())) for one in written} == {(("open_run", 1), ("open_task", 1))}


def test_an_undo_after_a_load_gives_the_state_of_before() -> None:
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    events = [event for event in of_one_run(RUN, tasks=3) if isinstance(event, RunEvent | TaskEvent)][:8]
    for seq, event in enumerate(events[:-1], start=1):
        projection.apply(recorded(seq, event), rows)
    rows.settle()
    rows = reloaded(rows)
    before = stored(rows)
    mark = rows.mark()
    projection.apply(recorded(8, events[-1]), rows)
    assert stored(rows) != before, "control"
    rows.back(mark)
    assert stored(rows) == before
    (row,) = rows.all(OpenRun)
    assert open_state(rows, row) == state_of(reloaded(rows), RUN)


def test_nothing_is_left_after_the_end() -> None:
    for make in (ManagerProjection, VerifierProjection):
        projection = make()
        rows = Rows(projection.tables)
        for seq, event in enumerate(of_one_run(RUN, tasks=2), start=1):
            fold(projection, None, recorded(seq, event), rows, 0)
            assert bool(rows.all(OpenTask)) <= bool(rows.all(OpenSubmission)) == bool(rows.all(OpenRun))
        assert seq > 20
        assert not any(rows.all(kind) for kind in OPEN_TABLES)


def calls_of_an_event(make: type[Projection], tasks: int) -> float:
    """Return the number of Python calls for an event of a task, with the encoding of its rows. It is always the same.

    The events of the first ten tasks are counted.
    """
    projection, counted, events = make(), 0, 0

    def count(_frame: object, what: str, _argument: object) -> None:
        nonlocal counted
        counted += what in ("call", "c_call")

    rows = Rows(projection.tables)
    for seq, event in enumerate(of_one_run(RUN, tasks=tasks), start=1):
        told = recorded(seq, event)
        work = isinstance(event, TaskEvent) and events < 60
        if work:
            sys.setprofile(count)
        fold(projection, None, told, rows, 0)
        written = list(rows.changes())
        sys.setprofile(None)
        assert written or not work
        events += work
        rows.settle()
    assert events == 60
    return counted / events


@pytest.mark.parametrize("make", [ManagerProjection, VerifierProjection])
def test_an_event_of_a_task_costs_the_same_in_a_run_of_300_tasks_as_in_a_run_of_10(make: type[Projection]) -> None:
    few, many = calls_of_an_event(make, 10), calls_of_an_event(make, 300)
    assert few > 10
    assert many <= 1.05 * few


@settings(WALKS, max_examples=8)
@given(st.data())
def test_the_groups_of_runs_are_those_of_a_look_at_every_run(data: st.DataObject) -> None:
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    for seq, event in enumerate(of_runs(walk(data, no_check).log), start=1):
        fold(projection, None, recorded(seq, event), rows, 0)
        for kept in (rows, reloaded(rows)):
            states = {row.scope: open_state(kept, row) for row in kept.all(OpenRun)}
            busy = {run for run, state in states.items() if any(state.tasks.in_progress())}
            ready = {run for run, state in states.items() if any(state.tasks.ready()) or state.tasks.blocked}
            phases = {state.phase for state in states.values()}
            assert {row.scope for row, _ in open_in(kept, *phases)} == states.keys()
            assert {row.scope for row, _ in busy_in(kept, *phases)} == busy
            assert {row.scope for row, _ in ready_in(kept, *phases)} == ready
            assert has_runs_in(kept, *phases) == bool(states)
            assert not has_runs_in(kept, "none")
