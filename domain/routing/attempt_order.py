"""The attempts that a strategy would make at one task, if nobody learned anything meanwhile.

The estimate of a run simulates many runs of the same tasks. The choice depends only on who has failed the task and who
is busy, so each choice is computed once.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from domain.routing.choice import Candidate, Situation
from domain.routing.difficulty import Shape
from domain.routing.free_slots import choose_free


class NextAttempt(NamedTuple):
    """The place of the employee that tries next. `waits`: the task waits for it, because it is busy."""

    place: int
    waits: bool


class AttemptOrder:
    """The choices of one strategy at a task of one value. Candidates are named by places, and nothing is explored."""

    def __init__(self, strategy: str, value: int, shape: Shape, candidates: Sequence[Candidate]) -> None:
        """`value`: of a verified task, in micro-dollars."""
        self._strategy = strategy
        self._situation = Situation(value=value, shape=shape, explored=1)
        self._candidates = [replace(each, version=str(place)) for place, each in enumerate(candidates)]
        self._known: dict[tuple[tuple[int, ...], frozenset[int]], NextAttempt | None] = {}

    def after(self, failed: Sequence[int], busy: Collection[int] = ()) -> NextAttempt | None:
        """Return who tries after these have failed, in this order; None if nobody tries any more."""
        key = (tuple(failed), frozenset(busy))
        if key not in self._known:
            self._known[key] = self._chosen(*key)
        return self._known[key]

    def _chosen(self, failed: tuple[int, ...], busy: frozenset[int]) -> NextAttempt | None:
        rates = tuple(self._candidates[place].posterior.mean for place in failed)
        situation = replace(self._situation, failed=rates, failed_by=tuple(map(str, failed)))
        candidates = self._candidates
        choice = choose_free(self._strategy, situation, candidates, {str(place) for place in busy})
        if choice.version is not None:
            return NextAttempt(int(choice.version), waits=False)
        if choice.reason != "waits":
            return None
        alone = choose_free(self._strategy, situation, candidates, ())
        return NextAttempt(int(alone.version), waits=True) if alone.version is not None else None
