"""The tasks of a run in the order of the plan, with tallies. A change of one task costs the same in each run.

Each change returns a new object and leaves the old one as it is. Both share all parts that did not change.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, ValuesView
from itertools import chain
from typing import Final
from uuid import UUID

from domain.message import Event
from domain.money import NOTHING, Amount
from domain.task_state import Phase, TaskState

CHUNK_TASKS = 32
"""Tasks in one chunk. A change copies one chunk and the list of chunks."""
IN_PROGRESS: Final[frozenset[Phase]] = frozenset({"assigned", "calling", "answered", "submitted"})
_Chunks = tuple[tuple[TaskState, ...], ...]
_Places = tuple[int, ...]


class _Plan:
    """The constant part: the place of each task in the plan, and the places of the tasks that wait for it."""

    def __init__(self, tasks: Iterable[TaskState]) -> None:
        self.places: dict[int, int] = {}  # by the number of the id, because UUID computes its hash in Python
        self.followers: dict[int, list[int]] = {}
        for place, task in enumerate(tasks):
            self.places[task.id.int] = place
            for other in task.after:
                self.followers.setdefault(other.int, []).append(place)


class Tasks(Mapping[UUID, TaskState]):
    """Map from id to task, in the order of the plan.

    `spent`: the sum of the amounts that all tasks spent. `unverified`: the number of tasks that are not verified.
    `blocked`: the number of tasks with a review that blocks the run.
    """

    __slots__ = ("_chunks", "_plan", "_progress", "_ready", "_ready_again", "blocked", "spent", "unverified")

    def __init__(self, tasks: Iterable[TaskState] = ()) -> None:
        every = tuple({task.id: task for task in tasks}.values())
        self._plan = _Plan(every)
        self._chunks: _Chunks = tuple(every[first : first + CHUNK_TASKS] for first in range(0, len(every), CHUNK_TASKS))
        self.spent = NOTHING
        for task in every:
            self.spent = self.spent + task.spent
        self.unverified = sum(task.phase != "verified" for task in every)
        self.blocked = sum(bool(task.blocked) for task in every)
        self._progress: _Places = tuple(place for place, task in enumerate(every) if _is_in_progress(task))
        self._ready: _Places = tuple(place for place, task in enumerate(every) if self._is_ready(task))
        self._ready_again: _Places = tuple(place for place in self._ready if every[place].was_tried)

    def __getitem__(self, id: UUID) -> TaskState:
        return self.at(self._plan.places[id.int])

    def __contains__(self, id: object) -> bool:
        return isinstance(id, UUID) and id.int in self._plan.places

    def __iter__(self) -> Iterator[UUID]:
        return (task.id for task in chain.from_iterable(self._chunks))

    def __len__(self) -> int:
        return len(self._plan.places)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tasks):
            return self._chunks == other._chunks
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]  # like a dict

    def __repr__(self) -> str:
        return f"Tasks({list(self.values())!r})"

    def values(self) -> ValuesView[TaskState]:
        return _Values(self)

    @property
    def reserved(self) -> Amount:
        """The amount that the present attempts may still spend."""
        total = NOTHING
        for task in self.in_progress():
            total = total + task.reserved
        return total

    @property
    def has_open_order(self) -> bool:
        """Whether a task is assigned or calls its model."""
        return any(task.phase in ("assigned", "calling") for task in self.in_progress())

    @property
    def is_busy(self) -> bool:
        """Whether a task is in progress."""
        return bool(self._progress)

    @property
    def has_ready(self) -> bool:
        """Whether a task waits only for an employee."""
        return bool(self._ready)

    def in_progress(self) -> Iterator[TaskState]:
        """Yield the tasks with an order or with work that waits for its verdict, in the order of the plan.

        No other task can have an amount that is reserved.
        """
        return map(self.at, self._progress)

    def ready(self) -> Iterator[TaskState]:
        """Yield the tasks that wait only for an employee, in the order of the plan."""
        return map(self.at, self._ready)

    def ready_again(self, place: int) -> Iterator[TaskState]:
        """Yield the ready tasks that somebody has tried before, from this place of the plan on."""
        return map(self.at, self._ready_again[bisect_left(self._ready_again, place) :])

    def place(self, id: UUID) -> int:
        """Return the place of a task in the plan, from 0."""
        return self._plan.places[id.int]

    def with_task(self, task: TaskState) -> "Tasks":
        """Return the tasks with another state of one task. The task must be one of the plan."""
        return self._with(self._plan.places[task.id.int], task)

    def evolved(self, id: UUID, evolve: Callable[[TaskState, Event], TaskState], event: Event) -> "Tasks":
        """Return the tasks after an event of one task. An event of an unknown task changes nothing."""
        place = self._plan.places.get(id.int)
        if place is None:
            return self
        before = self._chunks[place // CHUNK_TASKS][place % CHUNK_TASKS]
        task = evolve(before, event)
        return self if task is before else self._with(place, task)

    def _with(self, place: int, task: TaskState) -> "Tasks":
        chunk, index = divmod(place, CHUNK_TASKS)
        chunks = list(self._chunks)
        held = list(chunks[chunk])
        before, held[index] = held[index], task
        chunks[chunk] = tuple(held)
        after = Tasks.__new__(Tasks)
        after._plan, after._chunks, after.spent, after.blocked = self._plan, tuple(chunks), self.spent, self.blocked
        after.unverified, after._progress = self.unverified, self._progress
        after._ready, after._ready_again = self._ready, self._ready_again
        if before.spent is not task.spent:
            after.spent = self.spent + (task.spent - before.spent)
        if before.blocked is not task.blocked:
            after.blocked += bool(task.blocked) - bool(before.blocked)
        if before.phase != task.phase or before.orders is not task.orders:
            after._count_phase(place, before, task)
        return after

    def _count_phase(self, place: int, before: TaskState, task: TaskState) -> None:
        """Correct the tallies that depend on phases after a task has got another phase."""
        self.unverified += (before.phase == "verified") - (task.phase == "verified")
        progress = _is_in_progress(task)
        if progress != _is_in_progress(before):
            self._progress = _with(self._progress, place, progress)
        if "waiting" in (before.phase, task.phase):
            self._count_ready(place, task)
        if (before.phase == "verified") != (task.phase == "verified"):
            for follower in self._plan.followers.get(task.id.int, ()):
                self._count_ready(follower, self.at(follower))

    def _count_ready(self, place: int, task: TaskState) -> None:
        is_ready = self._is_ready(task)
        self._ready = _with(self._ready, place, is_ready)
        self._ready_again = _with(self._ready_again, place, is_ready and task.was_tried)

    def _is_ready(self, task: TaskState) -> bool:
        return task.phase == "waiting" and all(self._is_verified(other) for other in task.after)

    def _is_verified(self, id: UUID) -> bool:
        place = self._plan.places.get(id.int)
        return place is not None and self.at(place).phase == "verified"

    def at(self, place: int) -> TaskState:
        """Return the task at a place of the plan."""
        return self._chunks[place // CHUNK_TASKS][place % CHUNK_TASKS]


class _Values(ValuesView[TaskState]):
    """All tasks, in the order of the plan."""

    def __init__(self, tasks: Tasks) -> None:
        super().__init__(tasks)
        self._tasks = tasks

    def __iter__(self) -> Iterator[TaskState]:
        return chain.from_iterable(self._tasks._chunks)


def _is_in_progress(task: TaskState) -> bool:
    """Return whether a task is in progress, or its attempt has not ended. An attempt has no end if it was erased."""
    if task.phase in IN_PROGRESS:
        return True
    attempt = task.attempt
    return attempt is not None and not attempt.ended


def _with(places: _Places, place: int, wanted: bool) -> _Places:
    """Return sorted places with or without one of them."""
    index = bisect_left(places, place)
    there = index < len(places) and places[index] == place
    if there == wanted:
        return places
    return (*places[:index], place, *places[index:]) if wanted else places[:index] + places[index + 1 :]


NO_TASKS = Tasks()
