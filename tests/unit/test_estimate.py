"""The estimate of a run: its intervals hold in 70 to 90% of simulated runs, with and without a record."""

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from director.services.run_simulation import Attempt, Past, Work, estimate
from domain.estimate import Interval, calibration, dollars, micro
from tests.tiers import CI

RUNS = 200
FEW_RUNS = 50
ATTEMPTS_MAX = 6
WORK = Work(after=((), (0,)), attempts_max=2, usd=Decimal(1), tokens=10_000, seconds=600)
SURE = Attempt(usd=Decimal("0.01"), tokens=100, seconds=5.0, verified=True)


class Model(NamedTuple):
    """A simulated employee: its share of verified attempts, and the medians of its cost (USD) and time (s)."""

    share: float
    usd: float
    seconds: float

    def attempt(self, chance: random.Random) -> Attempt:
        return Attempt(
            usd=Decimal(round(self.usd * chance.lognormvariate(0, 0.5), 9)),
            tokens=int(1000 * chance.lognormvariate(0, 0.4)),
            seconds=self.seconds * chance.lognormvariate(0, 0.4),
            verified=chance.random() < self.share,
        )


def past_of(attempts: Sequence[Attempt], slots: int = 1) -> Past:
    return Past(slots=slots, usd_max=Decimal("0.1"), tokens_max=8000, attempts=tuple(attempts))


def run_of(models: Sequence[Model], after: Sequence[tuple[int, ...]], chance: random.Random) -> tuple[int, int, int]:
    """Perform one run. Return micro-USD, tokens and seconds. Everybody gets a turn at a task."""
    free, ends, usd, tokens = [0.0] * len(models), list[float](), Decimal(0), 0
    for before in after:
        slot = min(range(len(free)), key=free.__getitem__)
        at = max(free[slot], *(ends[number] for number in before), 0.0)
        order = chance.sample(range(len(models)), len(models))
        verified = False
        for number in range(ATTEMPTS_MAX):
            attempt = models[order[number % len(order)]].attempt(chance)
            usd, tokens, at = usd + attempt.usd, tokens + attempt.tokens, at + attempt.seconds
            if verified := attempt.verified:
                break
        free[slot] = at
        ends.append(at)
        if not verified:
            break
    return micro(usd), tokens, int(max(ends))


@pytest.mark.parametrize(
    ("recorded", "runs"), [(3, FEW_RUNS), *(pytest.param(number, RUNS, marks=CI) for number in (0, 3, 10, 100))]
)
def test_80_percent_intervals_hold_in_70_to_90_percent_of_runs(recorded: int, runs: int) -> None:
    """The models' shares, costs and times differ from run to run, and from the priors."""
    held = [0, 0, 0]
    for seed in range(runs):
        chance = random.Random(seed)
        models = [
            Model(chance.choice([0.3, 0.5, 0.7, 0.9]), 10 ** chance.uniform(-3, -1), 10 ** chance.uniform(0.7, 2.3))
            for _ in range(chance.randint(1, 3))
        ]
        staff = [
            replace(past_of([model.attempt(chance) for _ in range(recorded)]), usd_max=Decimal(str(model.usd * 10)))
            for model in models
        ]
        after = [tuple(other for other in range(task) if chance.random() < 0.3) for task in range(chance.randint(1, 6))]
        work = Work(after=tuple(after), attempts_max=ATTEMPTS_MAX, usd=Decimal(10), tokens=10**6, seconds=3600)
        made = estimate(work, staff, seed, 500)
        assert made is not None
        facts = run_of(models, after, chance)
        for index, interval in enumerate((made.micro_usd, made.tokens, made.seconds)):
            held[index] += interval.holds(facts[index])
    print(f"{recorded} recorded attempts: held in {[number / runs for number in held]}")
    assert all(0.7 <= number / runs <= 0.9 for number in held), held


def test_the_same_record_gives_the_same_estimate_and_a_longer_record_a_narrower_one() -> None:
    chance = random.Random(5)
    attempts = [Model(0.7, 0.01, 20.0).attempt(chance) for _ in range(100)]
    short, long = (estimate(WORK, [past_of(attempts[:number])], 1) for number in (2, 100))
    assert short is not None
    assert long is not None
    assert long == estimate(WORK, [past_of(attempts)], 1)
    assert long.micro_usd.high - long.micro_usd.low < short.micro_usd.high - short.micro_usd.low
    assert (long.attempts, long.unknown, long.staff) == (100, 0, 1)


def test_without_staff_there_is_no_estimate_and_without_a_record_the_priors_decide() -> None:
    assert estimate(WORK, [], 1) is None
    made = estimate(WORK, [past_of(())], 1)
    assert made is not None
    assert (made.attempts, made.unknown) == (0, 1)
    assert 0.05 * 2 * 0.1e6 <= made.micro_usd.low <= made.micro_usd.high <= 4 * 0.1e6


def test_the_chance_of_a_delivery_falls_with_the_budget() -> None:
    staff = [past_of([SURE] * 100)]
    rich = estimate(replace(WORK, usd=Decimal(10)), staff, 1)
    poor = estimate(replace(WORK, usd=Decimal("0.001")), staff, 1)
    hasty = estimate(replace(WORK, seconds=1), staff, 1)
    assert rich is not None
    assert poor is not None
    assert hasty is not None
    assert rich.within > 900
    assert (poor.within, hasty.within) == (0, 0)
    assert poor.delivered == rich.delivered, "the chance without a limit is the same"


def test_tasks_that_need_each_other_take_longer_than_independent_ones() -> None:
    staff = [past_of([SURE] * 100, slots=2)]
    chain, free = (estimate(replace(WORK, after=after), staff, 1) for after in (((), (0,)), ((), ())))
    assert chain is not None
    assert free is not None
    assert (chain.seconds.mid, free.seconds.mid) == (10, 5)


def test_faults_cost_but_do_not_lower_the_chance() -> None:
    fault = replace(SURE, verified=False, counts=False)
    with_faults = estimate(WORK, [past_of([SURE] * 50 + [fault] * 50)], 1)
    without = estimate(WORK, [past_of([SURE] * 50)], 1)
    assert with_faults is not None
    assert without is not None
    assert abs(with_faults.delivered - without.delivered) < 20


def test_a_calibration_counts_both_sides() -> None:
    interval = Interval(low=10, mid=20, high=30)
    assert calibration([(interval, value) for value in (9, 10, 30, 31, 31)]) == {"below": 1, "within": 2, "above": 2}
    assert (dollars(1_500_000), micro(Decimal("0.0000011"))) == (Decimal("1.5"), 2)
