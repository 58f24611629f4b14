"""Odds that a run succeeds within its attempts, from measured pass rates. Pure arithmetic.

A table of tries is a sample: every probability is computed from the confidence bound on its bad side.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from math import comb, prod

import msgspec

CONFIDENCE = 0.95  # one-sided, as only one side of each rate does harm
_HALVINGS = 60  # of the interval in which a bound is sought


class Rate(msgspec.Struct, frozen=True):
    """Tries and passes of one function in one prompt style."""

    tries: int
    passes: int

    @property
    def lower(self) -> float:
        """The Clopper-Pearson lower bound of the pass rate."""
        return _lower(self.tries, self.passes)

    @property
    def upper(self) -> float:
        """The Clopper-Pearson upper bound of the pass rate."""
        return _upper(self.tries, self.passes)


@cache
def _lower(tries: int, passes: int) -> float:
    return _solve(lambda p: _at_least(passes, tries, p) < 1 - CONFIDENCE) if passes > 0 else 0.0


@cache
def _upper(tries: int, passes: int) -> float:
    return _solve(lambda p: 1 - _at_least(passes + 1, tries, p) > 1 - CONFIDENCE) if passes < tries else 1.0


def _at_least(passes: int, tries: int, p: float) -> float:
    """P(X >= passes) of a binomial."""
    return 1.0 - sum(comb(tries, k) * p**k * (1 - p) ** (tries - k) for k in range(passes))


def _solve(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2


def all_verified_at_least(tasks: Iterable[Sequence[Rate]], attempts_max: int) -> float:
    """P(every task is verified within attempts_max), at least. Each task has one rate per employee; after a rejection
    the next employee has its turn, and the worst employee begins."""
    return prod(1 - _all_rejected_at_most(rates, attempts_max) for rates in tasks)


def _all_rejected_at_most(rates: Sequence[Rate], attempts_max: int) -> float:
    lows = sorted(rate.lower for rate in rates)
    return prod(1 - lows[attempt % len(lows)] for attempt in range(attempts_max))


def no_rejection_at_most(tasks: Iterable[Sequence[Rate]]) -> float:
    """P(every task passes at its first attempt), at most, whoever begins."""
    return prod(max(rate.upper for rate in rates) for rates in tasks)


def attempts_for(tasks: Sequence[Sequence[Rate]], wanted: float, ceiling: int) -> int | None:
    """The fewest attempts per task that keep P(all verified) above `wanted`, or None within the ceiling."""
    return next((n for n in range(1, ceiling + 1) if all_verified_at_least(tasks, n) > wanted), None)
