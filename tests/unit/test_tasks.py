"""The tasks of a run: their tallies equal the sums over all tasks, after any events and for each size of a plan."""

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain import run
from domain.attempt import Attempt
from domain.message import Erased, Event
from domain.money import NOTHING, Amount
from domain.run import RunState
from domain.task import TaskState
from domain.tasks import CHUNK_TASKS, IN_PROGRESS, NO_TASKS, Tasks
from tests.unit.samples import CALL, COST, EMPLOYEE, ORDER, SAMPLES, uuid
from tests.unit.test_domain_properties import ERASED, WALKS, no_check, total, walk

PHASES = ("waiting", "assigned", "calling", "answered", "submitted", "verified")


def tallies_are_sums(tasks: Tasks) -> None:
    every = list(tasks.values())
    done = {task.id for task in every if task.phase == "verified"}
    assert tasks.spent == total(task.spent for task in every)
    assert str(tasks.spent.usd) == str(total(task.spent for task in every).usd), "the same digits, too"
    assert tasks.reserved == total(task.reserved for task in every)
    assert tasks.unverified == sum(task.phase != "verified" for task in every)
    assert tasks.blocked == sum(bool(task.blocked) for task in every)
    assert list(tasks.ready()) == [task for task in every if task.phase == "waiting" and set(task.after) <= done]
    held = list(tasks.in_progress())
    assert [task for task in held if task.phase in IN_PROGRESS] == [task for task in every if task.phase in IN_PROGRESS]
    assert [task for task in every if task not in held and task.reserved != NOTHING] == []


def fold(events: Iterable[Event | Erased]) -> RunState:
    state = run.initial
    for event in events:
        state = run.evolve(state, event)
        tallies_are_sums(state.tasks)
        assert state.settled == (
            state.phase == "ended" and all(task.phase not in ("assigned", "calling") for task in state.tasks.values())
        )
    return state


@WALKS
@given(st.data())
def test_tallies_are_sums_after_each_event_of_a_walk(data: st.DataObject) -> None:
    log = walk(data, no_check).log
    for key in {event.run for event in log if hasattr(event, "run")}:
        fold(event for event in log if getattr(event, "run", None) == key)


@given(st.lists(st.sampled_from([*SAMPLES, *ERASED]), max_size=30))
def test_tallies_are_sums_after_events_in_any_order(events: list[Event | Erased]) -> None:
    fold(events)


def plan(count: int) -> list[TaskState]:
    """Return tasks of which each third one waits for the two before it."""
    return [
        TaskState(
            id=uuid(place + 1),
            name=f"T{place}",
            criteria=("A1",),
            scope=(),
            after=(uuid(place), uuid(place - 1)) if place % 3 == 2 else (),
        )
        for place in range(count)
    ]


@pytest.mark.parametrize("count", [0, 1, 3, CHUNK_TASKS - 1, CHUNK_TASKS, CHUNK_TASKS + 1, 4 * CHUNK_TASKS + 5])
def test_changes_of_single_tasks_give_the_same_as_all_tasks_made_anew(count: int) -> None:
    dice = random.Random(count)
    expected = {task.id: task for task in plan(count)}
    tasks = Tasks(expected.values())
    for _ in range(60 if count else 0):
        earlier, copied = tasks, dict(tasks)
        task = expected[dice.choice(list(expected))]
        ended = dice.random() < 0.5
        attempt = Attempt(order=ORDER, employee=EMPLOYEE, number=1, seed=1, due_at=1, reservation=CALL, ended=ended)
        task = replace(
            task,
            phase=dice.choice(PHASES),
            spent=task.spent + COST,
            orders={ORDER: attempt},
            blocked=dice.choice(["", "no"]),
        )
        expected[task.id] = task
        tasks = tasks.with_task(task)
        tallies_are_sums(tasks)
        assert tasks == Tasks(expected.values()) == expected
        assert list(tasks.items()) == list(expected.items()), "in the order of the plan"
        assert dict(earlier) == copied, "the former object has not changed"


def test_they_are_a_mapping() -> None:
    tasks = Tasks(plan(2))
    assert tasks[uuid(1)].name == "T0"
    assert tasks.get(uuid(9)) is None
    assert uuid(2) in tasks
    assert uuid(9) not in tasks
    assert (len(tasks), len(NO_TASKS), bool(NO_TASKS)) == (2, 0, False)
    with pytest.raises(KeyError):
        tasks[uuid(9)]


def test_a_difference_is_seen() -> None:
    """The control of the comparisons above."""
    tasks = Tasks(plan(CHUNK_TASKS + 1))
    other = tasks.with_task(replace(tasks[uuid(1)], spent=Amount(tokens=1)))
    assert tasks != other
    assert other.spent.tokens == 1
    assert tasks.spent.tokens == 0
