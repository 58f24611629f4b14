"""A dispatch without a free employee leaves tasks out. It gives the same commands as a look at every ready task."""

from collections.abc import Iterator
from functools import cache

import pytest

from agents.manager import routing
from agents.manager.prompt_sizes import PromptSizes
from agents.manager.reactor import Manager
from bench.folding import AT, decoded, log_of
from bus.projection import Cause, fold
from bus.projection_rows import Rows
from domain.message import Command, Recorded
from domain.run import RunState
from domain.task import TaskState
from projections.manager import ManagerProjection
from projections.openrun import open_in

TASKS = 12
LATE = AT * 3  # after the end of each run's minutes


@cache
def log() -> tuple[Recorded, ...]:
    """Return the log of two runs. Each of the four employees has one order at a time, and some work is rejected."""
    return tuple(decoded(log_of(runs=2, tasks=TASKS))[0])


def every_ready_task(state: RunState, _desk: routing.StaffCapacity, _now: int) -> Iterator[TaskState]:
    return state.tasks.ready()


def dispatched(rows: Rows, now: int, sizes: PromptSizes | None, looked_at: list[int]) -> list[Command]:
    """Return the commands of a manager that has just started. `looked_at` gets the number of examined tasks."""
    chosen, count = routing.candidates, 0

    def counting(state: RunState, desk: routing.StaffCapacity, at: int) -> Iterator[TaskState]:
        nonlocal count
        for part in chosen(state, desk, at):
            count += 1
            yield part

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing, "candidates", counting)
        commands = list(Manager(sizes=sizes).dispatch(rows, Cause(log()[0].envelope.id, now)))
    looked_at.append(count)
    return commands


def measured(rows: Rows, every: int) -> PromptSizes:
    """Return the sizes of the prompts of some of the tasks."""
    sizes = PromptSizes()
    for row, state in open_in(rows, "planned"):
        for place, part in enumerate(state.tasks.values()):
            if place % every == 0:
                sizes.put(row.scope, part, 10)
    return sizes


@pytest.mark.parametrize("now", [AT, LATE])
def test_the_commands_are_the_same_after_each_event(now: int, monkeypatch: pytest.MonkeyPatch) -> None:
    projection, rows = ManagerProjection(), Rows(ManagerProjection.tables)
    few, all_of_them, commands = list[int](), list[int](), 0
    for event in log():
        fold(projection, None, event, rows, 0)
        for sizes in (None, measured(rows, 1), measured(rows, 3)):
            found = dispatched(rows, now, sizes, few)
            with monkeypatch.context() as patch:
                patch.setattr(routing, "candidates", every_ready_task)
                assert found == dispatched(rows, now, sizes, all_of_them)
            commands += len(found)
    assert commands > 20, "control: there is something to do"
    assert sum(few) < sum(all_of_them) or now == LATE, "control: tasks are left out"


def test_a_busy_staff_costs_the_same_in_a_run_of_many_tasks() -> None:
    looked_at: list[int] = []
    for tasks in (12, 120):
        rows, projection = Rows(ManagerProjection.tables), ManagerProjection()
        for event in decoded(log_of(runs=1, tasks=tasks))[0]:
            fold(projection, None, event, rows, 0)
            if event.envelope.type == "task.call_started":
                break  # four tasks of the run are assigned
        dispatched(rows, AT, None, looked_at)
    assert looked_at[0] == looked_at[1] < 12
