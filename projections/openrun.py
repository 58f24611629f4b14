"""The fold of each open run as a row, for consumers that react to the state of a run."""

from collections.abc import Iterator
from functools import lru_cache
from typing import ClassVar
from uuid import UUID

import msgspec

from bus.projection_rows import JsonColumns, Row, Rows
from domain import run
from domain.message import RunEvent, TaskEvent
from domain.run import Phase, RunState

RUN_KEY = "run"
"""The key of a run's only row in a table of runs."""
STATES_CACHED_MAX = 1024
HAVE_ORDERS: tuple[Phase, ...] = ("planned", "ended")
"""Phases in which a task may have an open order. An ended run starts no order, but an open order may still end."""


class OpenRun(Row, frozen=True, kw_only=True):
    """A run with a row in memory. The manager keeps the row until the run is settled, the verifier until the run ends.

    `state`: the domain's fold of the run, as JSON. `moved_by`: the last event that changed the run. This event is the
    cause of the next commands.
    """

    table = "open_run"
    resident = True
    indexed = "phase"
    json_columns: ClassVar[JsonColumns] = {"state": RunState}
    phase: str
    state: str
    moved_by: UUID


def open_state(row: OpenRun) -> RunState:
    """Return the fold that a row holds."""
    return _decoded(row.state)


def state_after(event: RunEvent | TaskEvent, rows: Rows) -> RunState:
    """Return the fold of the event's run after the event."""
    row = rows.get(OpenRun, event.run, RUN_KEY)
    return run.evolve(open_state(row) if row else run.initial, event)


def put_state(run_id: UUID, state: RunState, moved_by: UUID, rows: Rows) -> None:
    """Write a fold to its row. Dicts keep their order, which is the order of the plan."""
    text = msgspec.json.encode(state).decode()
    rows.put(OpenRun(scope=run_id, key=RUN_KEY, phase=state.phase, state=text, moved_by=moved_by))


def open_in(rows: Rows, *phases: Phase) -> Iterator[tuple[OpenRun, RunState]]:
    """Yield the runs that are in one of the phases, with their folds."""
    return ((row, open_state(row)) for row in rows.where(OpenRun, *phases))


_decoder = msgspec.json.Decoder(RunState)


@lru_cache(maxsize=STATES_CACHED_MAX)
def _decoded(text: str) -> RunState:
    return _decoder.decode(text)
