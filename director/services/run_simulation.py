"""Simulated runs, from which the expected cost and time of a run follow.

Each simulated run draws for each employee a share of verified attempts, and for each attempt a recorded cost and time.
The share has a Beta distribution: the employee's record, and as prior the record of all employees with the weight of
PRIOR_WEIGHT attempts. Costs and times of the prior have the same weight. They are between BOUND_SHARE_MIN of the upper
bound of an attempt and the bound, and within SECONDS_PRIOR. A simulated run draws one level of them for each employee.
The strategy of the organisation decides who tries a task, and when nobody does any more (domain/routing).
"""

import random
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import partial

import msgspec

from domain.estimate import Estimate, Interval
from domain.routing.attempt_order import AttemptOrder

SIMULATIONS = 2000
PRIOR_WEIGHT = 2
"""Weight of the prior, in attempts. The prior alone decides for an employee without a record."""
BOUND_SHARE_MIN = 0.05
"""A cost without a record is drawn between this share of the upper bound and the bound, with equal orders of size."""
SECONDS_PRIOR = (5.0, 300.0)
"""The bounds between which the time of an attempt without a record is drawn, with equal orders of size."""
LOW, MIDDLE, HIGH = 0.1, 0.5, 0.9
"""The quantiles of an estimate. 80% of runs lie between the first and the last."""
PER_MILLE = 1000


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One earlier attempt. `counts`: it used up an attempt of its task; a fault of a server does not."""

    usd: Decimal
    tokens: int
    seconds: float
    verified: bool
    counts: bool = True


class Past(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An employee of the run: its slots, the upper bound of an attempt's cost, and its last attempts."""

    slots: int
    usd_max: Decimal
    tokens_max: int
    attempts: tuple[Attempt, ...] = ()


class Work(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The work to estimate. `after`: for each task, in the order of the plan, the numbers of the tasks before it.

    `orders`: for each task the choices of the organisation's strategy among the same employees, in the same order.
    Empty: the employees take turns.
    """

    after: tuple[tuple[int, ...], ...]
    attempts_max: int
    usd: Decimal
    tokens: int
    seconds: int
    orders: tuple[AttemptOrder, ...] = ()


class _Sample(msgspec.Struct, frozen=True):
    usd: float
    tokens: int
    seconds: float
    delivered: bool


def estimate(work: Work, staff: Sequence[Past], seed: int, simulations: int = SIMULATIONS) -> Estimate | None:
    """Return the estimate; None without an employee. The same arguments give the same estimate."""
    if not staff:
        return None
    chance = random.Random(seed)
    pooled = _share([attempt for past in staff for attempt in past.attempts], 1.0, 1.0)
    samples = [_simulated(work, staff, pooled, chance) for _ in range(simulations)]
    within = [
        sample.delivered
        and sample.usd <= float(work.usd)
        and sample.tokens <= work.tokens
        and sample.seconds <= work.seconds
        for sample in samples
    ]
    return Estimate(
        micro_usd=_interval([sample.usd * 1e6 for sample in samples]),
        tokens=_interval([sample.tokens for sample in samples]),
        seconds=_interval([sample.seconds for sample in samples]),
        delivered=round(PER_MILLE * sum(sample.delivered for sample in samples) / simulations),
        within=round(PER_MILLE * sum(within) / simulations),
        attempts=sum(len(past.attempts) for past in staff),
        unknown=sum(not past.attempts for past in staff),
        staff=len(staff),
    )


def _share(attempts: Sequence[Attempt], successes: float, failures: float) -> float:
    """Return the mean share of verified attempts among those that count, with this much prior."""
    counted = [attempt.verified for attempt in attempts if attempt.counts]
    return (sum(counted) + successes) / (len(counted) + successes + failures)


def _simulated(work: Work, staff: Sequence[Past], pooled: float, chance: random.Random) -> _Sample:
    """Return one simulated run. A task begins when a slot is free and the tasks that it needs have ended."""
    drawn = [_Drawn(past, pooled, chance) for past in staff]
    slots = [[0.0] * past.slots for past in staff]
    ends: list[float] = []
    usd, tokens, delivered = 0.0, 0, True
    for number, before in enumerate(work.after):
        ready_at = max((ends[other] for other in before), default=0.0)
        try_task = partial(_by_order, work.orders[number]) if work.orders else _in_turns
        tried = try_task(work.attempts_max, ready_at, drawn, slots, chance)
        usd, tokens, delivered = usd + tried.usd, tokens + tried.tokens, delivered and tried.delivered
        ends.append(tried.seconds)
        if not tried.delivered:
            break
    return _Sample(usd, tokens, max(ends, default=0.0), delivered)


def _in_turns(
    attempts_max: int, ready_at: float, drawn: Sequence["_Drawn"], slots: list[list[float]], chance: random.Random
) -> _Sample:
    """Try one task. Everybody gets a turn. One slot of the staff is taken for all attempts together."""
    free_at, who, slot = min((free, who, slot) for who, each in enumerate(slots) for slot, free in enumerate(each))
    at, usd, tokens, verified = max(free_at, ready_at), 0.0, 0, False
    for employee in _turns(attempts_max, drawn, chance):
        cost = employee.attempt(chance)
        usd, tokens, at = usd + cost[0], tokens + cost[1], at + cost[2]
        if verified := chance.random() < employee.share:
            break
    slots[who][slot] = at
    return _Sample(usd, tokens, at, verified)


def _by_order(
    order: AttemptOrder,
    attempts_max: int,
    ready_at: float,
    drawn: Sequence["_Drawn"],
    slots: list[list[float]],
    chance: random.Random,
) -> _Sample:
    """Try one task as the strategy of the organisation would. Each attempt takes a slot of its employee."""
    at, usd, tokens, verified = ready_at, 0.0, 0, False
    failed: list[int] = []
    while not verified and len(failed) < attempts_max:
        busy = [who for who, each in enumerate(slots) if min(each) > at]
        chosen = order.after(failed, busy)
        if chosen is None:
            break
        mine = slots[chosen.place]
        slot = mine.index(min(mine))
        employee = drawn[chosen.place]
        cost = employee.attempt(chance)
        usd, tokens, at = usd + cost[0], tokens + cost[1], max(at, mine[slot]) + cost[2]
        mine[slot] = at
        verified = chance.random() < employee.share
        failed.append(chosen.place)
    return _Sample(usd, tokens, at, verified)


class _Drawn:
    """An employee of one simulated run: its share of verified attempts, and the level of its costs without a record."""

    def __init__(self, past: Past, pooled: float, chance: random.Random) -> None:
        counted = [attempt.verified for attempt in past.attempts if attempt.counts]
        good = sum(counted)
        self.share = chance.betavariate(good + PRIOR_WEIGHT * pooled, len(counted) - good + PRIOR_WEIGHT * (1 - pooled))
        part = BOUND_SHARE_MIN ** chance.random()
        least, most = SECONDS_PRIOR
        seconds = least * (most / least) ** chance.random()
        self._prior = float(past.usd_max) * part, round(past.tokens_max * part), seconds
        self._past = past

    def attempt(self, chance: random.Random) -> tuple[float, int, float]:
        """Return dollars, tokens and seconds of a recorded attempt, or of the prior with its weight."""
        recorded = self._past.attempts
        if chance.random() * (len(recorded) + PRIOR_WEIGHT) >= len(recorded):
            return self._prior
        attempt = chance.choice(recorded)
        return float(attempt.usd), attempt.tokens, attempt.seconds


def _turns(attempts_max: int, staff: Sequence[_Drawn], chance: random.Random) -> Iterator[_Drawn]:
    """Yield the employee of each attempt at one task. Everybody gets a turn."""
    order = list(staff)
    chance.shuffle(order)
    for number in range(attempts_max):
        yield order[number % len(order)]


def _interval(values: Sequence[float]) -> Interval:
    ordered = sorted(values)
    low, mid, high = (ordered[min(int(share * len(ordered)), len(ordered) - 1)] for share in (LOW, MIDDLE, HIGH))
    return Interval(low=int(low), mid=round(mid), high=int(high) + (high > int(high)))
