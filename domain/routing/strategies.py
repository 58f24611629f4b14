"""The strategies of routing: rows of one table. Each is a pure function from a situation and candidates to a choice."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from msgspec.structs import replace

from domain.routing.beta import quantile
from domain.routing.choice import (
    PARALLEL_MAX,
    Candidate,
    Choice,
    Reason,
    Situation,
    Valued,
    reservation,
    valued,
    with_limited_shape,
)
from domain.routing.draws import DRAW_END, draw
from domain.routing.fixed_point import MICRO

CAUTIOUS_PART = DRAW_END // 10
"""At high risk, the rate below which a tenth of the posterior lies is taken instead of the mean."""

Strategy = Callable[[Situation, Sequence[Candidate]], Choice]


def choose(strategy: str, situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Return the choice of the named strategy. Equal arguments give equal choices, in every process."""
    return STRATEGIES[strategy](with_limited_shape(situation, candidates), candidates)


def cascade(situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Choose the highest reservation value. Stop when no attempt is worth its price.

    Within a share of the spending, the values of drawn rates decide instead, so that the unknown are tried too, and
    that a task is sometimes tried once more than seems worth it.
    """
    values = tuple(valued(each, situation, _rate(each, situation)) for each in candidates)
    best = _first(values, situation, lambda each: (each.reservation,))
    counter = situation.counter
    if situation.may_explore:
        values = _drawn(values, candidates, situation)
        counter += len(candidates)
        tried = _first(values, situation, lambda each: (each.drawn or 0, each.step(each.drawn_rate or 0)))
        if tried and best and (tried.drawn or 0) > 0 and (tried.version != best.version or best.reservation <= 0):
            return _chosen("cascade", situation, tried, "explores", values, counter)
    if best is None:
        return _nobody("cascade", situation, "nobody", values, counter)
    if best.reservation <= 0:
        return _nobody("cascade", situation, "not_worth_it", values, counter)
    return _chosen("cascade", situation, best, "best_value", values, counter)


def cheapest_first(situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Choose the lowest price among those who have not tried, whatever their rates."""
    values = tuple(valued(each, situation, each.posterior.mean) for each in candidates)
    untried = tuple(each for each in values if not situation.tried(each.version))
    best = _first(untried, situation, lambda each: (-each.price,))
    return _ended("cheapest_first", situation, best, "cheapest", values)


def best_single(situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Choose the highest expected value v * p - c for the only attempt at the task."""
    values = tuple(valued(each, situation, each.posterior.mean) for each in candidates)
    if situation.failed:
        return _nobody("best_single", situation, "already_tried", values, situation.counter)
    best = _first(values, situation, lambda each: (situation.value * each.rate_now // MICRO - each.price,))
    return _ended("best_single", situation, best, "best_single", values)


def turns(situation: Situation, candidates: Sequence[Candidate]) -> Choice:
    """Choose among those who tried the task least often. A hash of seed and version decides between equals."""
    values = tuple(valued(each, situation, each.posterior.mean) for each in candidates)
    fewest = min((situation.tried(each.version) for each in candidates), default=0)
    equal = tuple(each for each in values if situation.tried(each.version) == fewest)
    best = _first(equal, situation, lambda each: (-_hash(situation.seed, each.version),))
    return _ended("turns", situation, best, "turn", values)


STRATEGIES: Mapping[str, Strategy] = {
    "turns": turns,
    "cheapest_first": cheapest_first,
    "best_single": best_single,
    "cascade": cascade,
}


def _rate(candidate: Candidate, situation: Situation) -> int:
    if situation.risk == "high":
        return quantile(candidate.posterior.successes, candidate.posterior.failures, CAUTIOUS_PART)
    return candidate.posterior.mean


def _drawn(values: Sequence[Valued], candidates: Sequence[Candidate], situation: Situation) -> tuple[Valued, ...]:
    """Return the candidates with the reservation values of drawn rates. Each candidate uses one number of the seed."""
    with_draws = []
    for place, (each, one) in enumerate(zip(values, candidates, strict=True)):
        part = draw(situation.seed, situation.counter + place)
        rate = quantile(one.posterior.successes, one.posterior.failures, part)
        now = situation.rate_now(one.version, rate)
        with_draws.append(replace(each, drawn_rate=now, drawn=reservation(situation.value, each.price, now)))
    return tuple(with_draws)


def _first(values: Sequence[Valued], situation: Situation, score: Callable[[Valued], tuple[int, ...]]) -> Valued | None:
    """Return the candidate with the highest score that the budget allows. `Valued.order` decides between equals."""
    affordable = [each for each in values if situation.left is None or each.cost <= situation.left]
    return min(affordable, key=lambda each: (tuple(-part for part in score(each)), each.order), default=None)


def _parallel(situation: Situation, chosen: Valued, values: Sequence[Valued]) -> tuple[str, ...]:
    """Return versions that should try at the same time, because the deadline leaves no time for one after the other.

    Each must be worth its price although an earlier one may succeed, and all must fit the budget together.
    """
    if situation.time_left is None or situation.risk == "high":
        return ()
    bought: list[str] = []
    unsolved, left = MICRO - chosen.rate_now, None if situation.left is None else situation.left - chosen.cost
    for each in sorted(values, key=lambda each: (-each.reservation, each.order)):
        fits = each.time <= situation.time_left < each.time + chosen.time
        worth = situation.value * each.rate_now // MICRO * unsolved // MICRO > each.price
        if each.version == chosen.version or not fits or not worth or (left is not None and each.cost > left):
            continue
        if len(bought) == PARALLEL_MAX - 1:
            break
        bought.append(each.version)
        unsolved = unsolved * (MICRO - each.rate_now) // MICRO
        left = None if left is None else left - each.cost
    return tuple(bought)


def _chosen(
    strategy: str, situation: Situation, best: Valued, reason: Reason, values: tuple[Valued, ...], counter: int
) -> Choice:
    return Choice(
        strategy=strategy,
        version=best.version,
        reason=reason,
        value=situation.value,
        candidates=values,
        parallel=_parallel(situation, best, values) if strategy == "cascade" else (),
        seed=situation.seed,
        counter=counter,
    )


def _ended(
    strategy: str, situation: Situation, best: Valued | None, reason: Reason, values: tuple[Valued, ...]
) -> Choice:
    if best is None:
        return _nobody(strategy, situation, "nobody", values, situation.counter)
    return _chosen(strategy, situation, best, reason, values, situation.counter)


def _nobody(strategy: str, situation: Situation, reason: Reason, values: tuple[Valued, ...], counter: int) -> Choice:
    return Choice(
        strategy=strategy,
        version=None,
        reason=reason,
        value=situation.value,
        candidates=values,
        seed=situation.seed,
        counter=counter,
    )


def _hash(seed: str, version: str) -> int:
    return int.from_bytes(sha256(f"{seed} {version}".encode()).digest()[:8])
