"""The fold of each open run as rows, for consumers that react to the state of a run.

A run has one row, each of its tasks has one row, and its submission has one row. So an event of a task writes two small
rows, however many tasks the run has. In memory, the run's row holds the whole state.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import ClassVar, NamedTuple
from uuid import UUID

import msgspec
from msgspec.structs import asdict, replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import run
from domain.attempt import Attempt
from domain.fund_messages import FundsRequested
from domain.message import RunEvent, TaskEvent
from domain.run import Phase, RunState
from domain.run_act_messages import Overridden
from domain.run_messages import Outcome, Submitted
from domain.task import TaskState
from domain.tasks import Tasks
from domain.tranches import Tranches

RUN_KEY = "run"
"""The key of a run's only row in a table of runs."""
HAVE_ORDERS: tuple[Phase, ...] = ("planned", "ended")
"""Phases in which a task may have an open order. An ended run starts no order, but an open order may still end."""


EVOLVED_MAX = 512
"""Maximum number of results of `evolve` that are kept for the next consumer."""


class RunHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of a run without its tasks and its submission, which have rows of their own."""

    phase: Phase
    due_at: int
    tree: str | None
    commit: str | None
    outcome: Outcome | None
    returns: int
    tranches: Tranches
    asked: FundsRequested | None
    override: Overridden | None
    warned: tuple[str, ...]


_head_decoder = msgspec.json.Decoder(RunHead)


class Group(NamedTuple):
    """Runs that are found together. `busy`: a task is in progress. `ready`: one may get an employee or end the run."""

    phase: str
    busy: bool
    ready: bool


class OpenRun(Row, frozen=True, kw_only=True):
    """A run with a row in memory. The manager keeps the row until the run is settled, the verifier until the run ends.

    `moved_by`: the last event that changed the run. This event is the cause of the next commands. `state`: the domain's
    fold of the run. The table stores only the RunHead. `open_state` adds the other parts after a load.
    """

    table = "open_run"
    resident = True
    indexed = "group"
    json_columns: ClassVar[JsonColumns] = {"state": _head_decoder}
    phase: str
    moved_by: UUID
    state: RunState | RunHead

    @property
    def group(self) -> "Group":
        """The group in which this run is found. It is the widest one until the parts are put together."""
        state = self.state
        if not isinstance(state, RunState):
            return Group(self.phase, True, True)
        return Group(self.phase, state.tasks.is_busy, state.tasks.has_ready or bool(state.tasks.blocked))

    def stored(self) -> "OpenRun":
        return replace(self, state=_head(self.state)) if isinstance(self.state, RunState) else self

    def parts(self) -> Iterator[Row]:
        """Yield the rows of the submission and of the tasks."""
        if isinstance(self.state, RunState):
            if self.state.submitted is not None:
                yield OpenSubmission(scope=self.scope, key=RUN_KEY, submitted=self.state.submitted)
            for place, task in enumerate(self.state.tasks.values()):
                yield OpenTask(scope=self.scope, key=task_key(place), state=task)


_task_decoder = msgspec.json.Decoder(TaskState)


class OpenTask(Row, frozen=True, kw_only=True):
    """A task of an open run. The key is its place in the plan, with leading zeros."""

    table = "open_task"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"state": _task_decoder}
    state: TaskState


_submitted_decoder = msgspec.json.Decoder(Submitted)


class OpenSubmission(Row, frozen=True, kw_only=True):
    """The submission of an open run."""

    table = "open_submission"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"submitted": _submitted_decoder}
    submitted: Submitted


OPEN_TABLES: tuple[type[Row], ...] = (OpenRun, OpenTask, OpenSubmission)
"""The tables of a consumer that follows open runs."""


def open_state(rows: Rows, row: OpenRun) -> RunState:
    """Return the fold of a run. The first call after a load puts the parts together."""
    if isinstance(row.state, RunState):
        return row.state
    submission = rows.get(OpenSubmission, row.scope, RUN_KEY)
    tasks = Tasks(part.state for part in rows.of(OpenTask, row.scope))
    state = RunState(submitted=submission.submitted if submission else None, tasks=tasks, **asdict(row.state))
    rows.load([replace(row, state=state)])
    return state


def state_of(rows: Rows, run_id: UUID) -> RunState | None:
    """Return the fold of a run, or None if the run is not open."""
    row = rows.get(OpenRun, run_id, RUN_KEY)
    return open_state(rows, row) if row is not None else None


class _Evolved:
    """The last results of `evolve`. Two consumers of one process fold the same events into the same states.

    A result is used again only for the very same event and state: both are immutable, and `evolve` is pure.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[RunEvent | TaskEvent, RunState, RunState]] = {}

    def after(self, state: RunState, event: RunEvent | TaskEvent) -> RunState:
        known = self._known.get(id(event))
        if known is not None and known[0] is event and known[1] is state:
            return known[2]
        following = run.evolve(state, event)
        if len(self._known) >= EVOLVED_MAX:
            self._known.clear()
        self._known[id(event)] = (event, state, following)
        return following


_evolved = _Evolved()


class Moved(NamedTuple):
    """A run before and after an event. `row`: its row before the event; None for a run that is not open."""

    row: OpenRun | None
    before: RunState
    after: RunState


def moved_by_event(event: RunEvent | TaskEvent, rows: Rows) -> Moved:
    """Return the event's run before and after the event. This changes no rows."""
    row = rows.get(OpenRun, event.run, RUN_KEY)
    before = run.initial if row is None else open_state(rows, row)
    return Moved(row, before, _evolved.after(before, event))


def put_state(event: RunEvent | TaskEvent, moved: Moved, cause: UUID, rows: Rows) -> None:
    """Write the fold of the event's run after the event: only the parts that the event changed."""
    row, after = moved.row, moved.after
    if row is None:
        rows.put(OpenRun(scope=event.run, key=RUN_KEY, phase=after.phase, moved_by=cause, state=after))
    else:
        rows.put(replace(row, phase=after.phase, moved_by=cause, state=after))
    if rows.keeps_parts:
        _put_parts(event, moved, rows)


def _put_parts(event: RunEvent | TaskEvent, moved: Moved, rows: Rows) -> None:
    row, before, after = moved
    if after.submitted is not before.submitted and after.submitted is not None:
        rows.put(OpenSubmission(scope=event.run, key=RUN_KEY, submitted=after.submitted))
    if after.tasks is before.tasks:
        return
    scope = event.run if row is None else row.scope
    if isinstance(event, TaskEvent):
        place = after.tasks.place(event.task)
        rows.put(OpenTask(scope=scope, key=task_key(place), state=after.tasks.at(place)))
        return
    for place, part in enumerate(after.tasks.values()):
        rows.put(OpenTask(scope=scope, key=task_key(place), state=part))
    for place in range(len(after.tasks), len(before.tasks)):
        rows.drop(OpenTask, scope, task_key(place))


def drop_state(run_id: UUID, rows: Rows) -> None:
    """Delete all parts of a run's fold."""
    for kind in OPEN_TABLES:
        rows.drop_scope(kind, run_id)


def runs_in(rows: Rows, *phases: Phase) -> list[OpenRun]:
    """Return the rows of the runs that are in one of the phases."""
    return rows.where(OpenRun, *_groups(phases))


def has_runs_in(rows: Rows, *phases: Phase) -> bool:
    """Return whether a run is in one of the phases."""
    return rows.has_where(OpenRun, *_groups(phases))


def open_in(rows: Rows, *phases: Phase) -> Iterator[tuple[OpenRun, RunState]]:
    """Yield the runs that are in one of the phases, with their folds."""
    return ((row, open_state(rows, row)) for row in runs_in(rows, *phases))


def busy_in(rows: Rows, *phases: Phase) -> Iterator[tuple[OpenRun, RunState]]:
    """Yield the runs of these phases that have a task in progress, with their folds. No other run is looked at."""
    found = rows.where(OpenRun, *_groups(phases, busy=(True,)))
    return ((row, open_state(rows, row)) for row in found)


def open_attempts(rows: Rows) -> Iterator[Attempt]:
    """Yield the attempts of all runs whose work is not handed in yet."""
    for _, state in busy_in(rows, *HAVE_ORDERS):
        for task in state.tasks.in_progress():
            if task.phase in ("assigned", "calling") and task.attempt is not None:
                yield task.attempt


def ready_in(rows: Rows, *phases: Phase) -> Iterator[tuple[OpenRun, RunState]]:
    """Yield the runs of these phases with a task that may get an employee or end the run, with their folds."""
    found = rows.where(OpenRun, *_groups(phases, ready=(True,)))
    return ((row, open_state(rows, row)) for row in found)


def _groups(
    phases: Iterable[Phase], busy: Iterable[bool] = (True, False), ready: Iterable[bool] = (True, False)
) -> Iterator[Group]:
    return (Group(*values) for values in product(phases, busy, ready))


def task_key(place: int) -> str:
    """Return the key of the row of the task at this place of the plan, from 0."""
    return f"{place:06}"


def _head(state: RunState) -> RunHead:
    return RunHead(
        phase=state.phase,
        due_at=state.due_at,
        tree=state.tree,
        commit=state.commit,
        outcome=state.outcome,
        returns=state.returns,
        tranches=state.tranches,
        asked=state.asked,
        override=state.override,
        warned=state.warned,
    )
