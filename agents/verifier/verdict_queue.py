"""The queue of the trees that wait for a verdict. It is fair by run.

A merged tree comes first, because its verdict ends the work of a whole run. Then the run comes first that has waited
longest since its last verdict. Within a run, the tree that was handed in first comes first.
"""

from collections.abc import Collection, Mapping
from itertools import count
from typing import NamedTuple
from uuid import UUID

from domain.run import RunState
from projections.verifier import MERGED, Pending


class Waiting(NamedTuple):
    """A tree that waits, and the fold of its run."""

    pending: Pending
    state: RunState


class VerdictQueue:
    """The waiting trees, by the event that handed them in."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, Waiting] = {}
        self._numbers = count(1)
        self._came: dict[UUID, int] = {}
        self._turn: dict[UUID, int] = {}

    def __contains__(self, cause: UUID) -> bool:
        return cause in self._waiting

    def renew(self, waiting: Mapping[UUID, Waiting]) -> None:
        """Replace the waiting trees by those that wait now."""
        self._waiting = dict(waiting)
        self._came = {cause: self._came.get(cause) or next(self._numbers) for cause in waiting}
        runs = {entry.pending.scope for entry in waiting.values()}
        self._turn = {run: turn for run, turn in self._turn.items() if run in runs}

    def take(self, busy: Collection[UUID]) -> Waiting | None:
        """Return the tree whose turn it is, without those that are judged already."""
        free = [cause for cause in self._waiting if cause not in busy]
        if not free:
            return None
        since: dict[UUID, int] = {}
        for cause in self._waiting:  # a run without a verdict waits since its first tree came
            run, came = self._waiting[cause].pending.scope, self._came[cause]
            since[run] = self._turn.get(run, min(came, since.get(run, came)))

        def place(cause: UUID) -> tuple[bool, int, int]:
            pending = self._waiting[cause].pending
            return pending.key != MERGED, since[pending.scope], self._came[cause]

        chosen = self._waiting[min(free, key=place)]
        self._turn[chosen.pending.scope] = next(self._numbers)
        return chosen
