"""The order in which runs get employees and verdicts. It is fair by run, whatever the number of their tasks.

The run with the fewest tasks in work comes first. Among equals, the run that has waited longest since it last had a
turn comes first. A run that never had a turn waits since its plan.
"""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

from domain.message import Command
from domain.task_messages import Assign


class Place(NamedTuple):
    """The place of a run in the queue. The lowest one has the turn. `since`: microseconds UTC."""

    at_work: int
    since: int
    run: UUID


class Turns:
    """When each run last had a turn. The times are lost at a restart. Then the oldest runs come first once."""

    def __init__(self) -> None:
        self._last: dict[UUID, int] = {}

    def take(self, run: UUID, at: int) -> None:
        self._last[run] = at

    def place(self, run: UUID, at_work: int, planned_at: int) -> Place:
        return Place(at_work, max(planned_at, self._last.get(run, 0)), run)

    def keep(self, runs: Collection[UUID]) -> None:
        """Forget all other runs, because they have ended."""
        self._last = {run: at for run, at in self._last.items() if run in runs}


def in_turns(
    queue: Iterable[tuple[Place, Iterator[Command]]], goes_on: Callable[[Place], bool], at: int
) -> Iterator[Command]:
    """Yield the commands of all runs, one assignment at a time from the run that has the turn.

    `goes_on` says before each turn whether the run at this place may still get one. If not, it is left out.
    """
    waiting = list(queue)
    heapq.heapify(waiting)
    while waiting:
        place, commands = heapq.heappop(waiting)
        if not goes_on(place):
            continue
        for command in commands:
            yield command
            if isinstance(command, Assign):
                heapq.heappush(waiting, (Place(place.at_work + 1, at, place.run), commands))
                break
