"""The choice of the next attempt at a task, as a record from which it can be explained and repeated.

Each candidate has a reservation value: v - c / p, where v is what a verified task is worth, c the expected cost of the
attempt, and p the rate at which it is verified (Weitzman 1979). The attempts are made in falling order of this value,
and end when it is not above 0. A failure changes p for all who have not tried, so the values are computed again.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from domain.routing.difficulty import Shape, limited, rate_now
from domain.routing.evidence import Posterior
from domain.routing.fixed_point import MICRO
from domain.routing.skill import Risk

EXPLORED_SHARE = 50_000
"""The largest part of all spending that may go to attempts whose purpose is to learn, in micro-units."""
PARALLEL_MAX = 3
RATE_STEP = 50_000
"""Candidates with the same value are compared by their rates in steps of this, in micro-units."""

Reason = Literal[
    "best_value",
    "best_free",
    "explores",
    "cheapest",
    "turn",
    "best_single",
    "not_worth_it",
    "already_tried",
    "waits",
    "nobody",
]


class Candidate(Struct, frozen=True, kw_only=True):
    """A version that may try the task. `cost` and `time`: what an attempt takes on average, in micro-dollars and
    microseconds. `handicap`: what a fine adds to its cost in the comparison, in percent. `rank`: the lower one comes
    first between candidates that are equal in all else.
    """

    version: str
    posterior: Posterior
    cost: int
    time: int = 0
    handicap: int = 0
    rank: int = 0


class Situation(Struct, frozen=True, kw_only=True):
    """The task, and what is known when its next attempt is chosen.

    `value`: what a verified task is worth, in micro-dollars. `failed`: the rate of each failed attempt at an untried
    task. `failed_by`: the version of each failed attempt, in the same order; empty if no candidate made one. `size`:
    its cost relative to an average task, in micro-units. `left`: the rest of the budget. `time_left`: until its
    deadline, in microseconds. `seed` and `counter` determine the draws.
    """

    value: int
    failed: tuple[int, ...] = ()
    failed_by: tuple[str, ...] = ()
    shape: Shape
    size: int = MICRO
    risk: Risk = "normal"
    left: int | None = None
    time_left: int | None = None
    seed: str = ""
    counter: int = 0
    spent: int = 0
    explored: int = 0

    def tried(self, version: str) -> int:
        """Return how many attempts of this version have failed."""
        return self.failed_by.count(version)

    def rate_now(self, version: str, rate: int) -> int:
        """Return the rate of a version at this task. `rate`: at an untried task."""
        own = {place for place, by in enumerate(self.failed_by) if by == version}
        others = tuple(at for place, at in enumerate(self.failed) if place not in own)
        return rate_now(others, rate, self.shape, len(own))

    @property
    def may_explore(self) -> bool:
        """Whether an attempt to learn is within its share of the spending. At high risk, it never is."""
        return self.risk == "normal" and self.explored <= self.spent * EXPLORED_SHARE // MICRO


class Valued(Struct, frozen=True, kw_only=True):
    """One candidate of a choice, with its numbers. `rate`: at an untried task. `rate_now`: at this one.

    `drawn_rate`, `drawn`: a drawn rate and its reservation value, if rates were drawn. `handicap`, `rank`: as before.
    Rates are in micro-units, money in micro-dollars.
    """

    version: str
    rate: int
    rate_now: int
    cost: int
    time: int
    reservation: int
    drawn_rate: int | None = None
    drawn: int | None = None
    handicap: int = 0
    rank: int = 0

    @property
    def price(self) -> int:
        """The cost with the handicap. It is compared, and never charged."""
        return price_of(self.cost, self.handicap)

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The order of candidates with the same value, such as free ones: by rate, then time, then rank."""
        return (-self.step(self.rate_now), self.time, self.rank, self.version)

    def step(self, rate: int) -> int:
        """Return a rate with the handicap in whole steps. Smaller differences are left to the time."""
        return rate * 100 // (100 + self.handicap) // RATE_STEP


class Choice(Struct, frozen=True, kw_only=True):
    """The result: the version that gets the task, or None, with everything that led to it.

    `parallel`: versions that try at the same time, to meet a deadline. `counter`: the number of the next unused draw.
    """

    strategy: str
    version: str | None
    reason: Reason
    value: int
    candidates: tuple[Valued, ...]
    parallel: tuple[str, ...] = ()
    seed: str = ""
    counter: int = 0

    @property
    def chosen(self) -> Valued | None:
        """The candidate that was chosen."""
        return next((each for each in self.candidates if each.version == self.version), None)


def with_limited_shape(situation: Situation, candidates: Sequence[Candidate]) -> Situation:
    """Return the situation with an unsolvable share of tasks that fits the best of these candidates."""
    best = max((each.posterior.mean for each in candidates), default=0)
    shape = limited(situation.shape, best)
    return situation if shape == situation.shape else replace(situation, shape=shape)


def price_of(cost: int, handicap: int) -> int:
    """Return a cost with its handicap in percent, for comparisons."""
    return cost * (100 + handicap) // 100


def reservation(value: int, cost: int, rate: int) -> int:
    """Return v - c / p in micro-dollars. At a rate of 0, the smallest rate of the grid is taken."""
    return value - cost * MICRO // max(rate, 1)


def valued(candidate: Candidate, situation: Situation, rate: int) -> Valued:
    """Return a candidate with its reservation value. `rate`: its rate at an untried task."""
    now = situation.rate_now(candidate.version, rate)
    cost = candidate.cost * situation.size // MICRO
    return Valued(
        version=candidate.version,
        rate=rate,
        rate_now=now,
        cost=cost,
        time=candidate.time,
        reservation=reservation(situation.value, price_of(cost, candidate.handicap), now),
        handicap=candidate.handicap,
        rank=candidate.rank,
    )


def size_of(measured: int, expected: int) -> int:
    """Return the size of a task in micro-units: what its attempts cost, relative to what was expected.

    Half of the difference is taken, because the costs of different employees at one task agree only in part.
    """
    return (measured + expected) * MICRO // (2 * expected) if expected > 0 else MICRO
