"""Odds that a run succeeds within its attempts, computed from measured pass rates.

The measured tries are only a sample. So each probability is computed from the less favourable confidence bound.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import comb, prod

import msgspec

CONFIDENCE = 0.95  # one-sided, because only one of the two bounds of a rate is unfavourable
_HALVINGS = 60  # number of bisection steps in the search for a bound


class Rate(msgspec.Struct, frozen=True):
    """The numbers of tries and passes of one function in one prompt style."""

    tries: int
    passes: int

    @property
    def lower(self) -> float:
        """The lower Clopper-Pearson bound of the pass rate."""
        return _lower(self.tries, self.passes)

    @property
    def upper(self) -> float:
        """The upper Clopper-Pearson bound of the pass rate."""
        return _upper(self.tries, self.passes)


@cache
def _lower(tries: int, passes: int) -> float:
    return _solve(lambda p: _at_least(passes, tries, p) < 1 - CONFIDENCE) if passes > 0 else 0.0


@cache
def _upper(tries: int, passes: int) -> float:
    return _solve(lambda p: 1 - _at_least(passes + 1, tries, p) > 1 - CONFIDENCE) if passes < tries else 1.0


def _at_least(passes: int, tries: int, p: float) -> float:
    """Return P(X >= passes) for a binomial X with `tries` tries and probability `p`."""
    return 1.0 - sum(comb(tries, k) * p**k * (1 - p) ** (tries - k) for k in range(passes))


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def all_verified_at_least(tasks: Iterable[Sequence[Rate]], attempts_max: int) -> float:
    """Return a lower bound for the probability that every task is verified within `attempts_max` attempts.

    Each task has one rate for each employee. After a rejection, the next employee tries the task. The calculation
    assumes that the worst employee begins.
    """
    return prod(1 - _all_rejected_at_most(rates, attempts_max) for rates in tasks)


def _all_rejected_at_most(rates: Sequence[Rate], attempts_max: int) -> float:
    lows = sorted(rate.lower for rate in rates)
    return prod(1 - lows[attempt % len(lows)] for attempt in range(attempts_max))


def no_rejection_at_most(tasks: Iterable[Sequence[Rate]]) -> float:
    """Return an upper bound for the probability that every task passes at its first attempt.

    It holds for every choice of the employee that makes the first attempt.
    """
    return prod(max(rate.upper for rate in rates) for rates in tasks)


def attempts_for(tasks: Sequence[Sequence[Rate]], wanted: float, ceiling: int) -> int | None:
    """Return the smallest number of attempts per task for which P(all verified) > `wanted`.

    Return None if more than `ceiling` attempts would be necessary.
    """
    return next((n for n in range(1, ceiling + 1) if all_verified_at_least(tasks, n) > wanted), None)
