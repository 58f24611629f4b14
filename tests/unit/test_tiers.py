"""Tiers: the numbers that move an employee, how often a constant rate moves it, and when unused trust ends."""

from itertools import pairwise
from random import Random

import pytest
from msgspec.structs import replace

from domain.ladder import DAY_US
from domain.routing.evidence import Attempt, Evidence, after
from domain.routing.fixed_point import MICRO
from domain.tiers import TIERS, Record, Tier, decayed, loses_trust_at, move_of
from governance.hr_rules import default
from tests.unit.samples import AT

RULES = default().of_tiers
CHANGES_MAX = 5
"""The most changes of the tier of a constant rate in 600 attempts: four rises, and one fall at most."""


def record(verified: int, failed: int, *, at: int = AT) -> Record:
    """Return the record of attempts that all belong to the present tier."""
    return Record(verified=verified * MICRO, failed=failed * MICRO, tier_verified=verified, tier_failed=failed, at=at)


def career(rates: list[float], seed: int) -> list[tuple[int, Tier]]:
    """Return each change of the tier, with the number of its attempt, of an employee with these rates."""
    random, tier, known, changes = Random(seed), TIERS[0], Evidence(), list[tuple[int, Tier]]()
    in_tier = [0, 0]
    for number, rate in enumerate(rates, start=1):
        verified = random.random() < rate
        expected = (known.verified + MICRO) * MICRO // (known.verified + known.failed + 2 * MICRO)
        known = after(known, Attempt(verified=verified, rate=expected, rate_now=expected, cost=0))
        in_tier[0 if verified else 1] += 1
        seen = Record(
            verified=known.verified, failed=known.failed, tier_verified=in_tier[0], tier_failed=in_tier[1], at=0
        )
        move = move_of(tier, seen, RULES)
        if move is not None:
            above = RULES.above(tier)
            tier = above.tier if move == "rise" and above is not None else RULES.below(tier).tier
            changes.append((number, tier))
            in_tier = [0, 0]
    return changes


def names(changes: list[tuple[int, Tier]]) -> list[Tier]:
    """Return the tiers of a career, from the first one."""
    return [TIERS[0], *(tier for _, tier in changes)]


def test_the_bounds_hold_nine_tenths_of_the_posterior_and_narrow_with_evidence() -> None:
    assert Record().bounds == pytest.approx((50_000, 950_000), abs=100), "nothing is known"
    few, many = record(8, 2).bounds, record(80, 20).bounds
    assert few[0] < many[0] < 800_000 < many[1] < few[1]


@pytest.mark.parametrize(
    ("tier", "verified", "failed", "move"),
    [
        ("probation", 20, 13, "rise"),  # 20 of 33 are 60%
        ("probation", 20, 14, None),
        ("probation", 19, 0, None),
        ("probation", 0, 40, None),  # nothing is below
        ("junior", 30, 6, "rise"),
        ("junior", 29, 0, None),
        ("junior", 30, 14, None),
        ("junior", 2, 18, "fall"),
        ("junior", 0, 9, None),  # too few attempts to fall
        ("junior", 0, 10, "fall"),
        ("principal", 200, 0, None),  # nothing is above
        ("principal", 60, 40, "fall"),
        ("principal", 76, 24, None),  # its upper bound still is above 80%
    ],
)
def test_a_record_moves_an_employee_by_one_step_or_not(
    tier: Tier, verified: int, failed: int, move: str | None
) -> None:
    assert move_of(tier, record(verified, failed), RULES) == move


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_a_constant_rate_does_not_flap(rate: float) -> None:
    for seed in range(3):
        changes = career([rate] * 600, seed)
        assert len(changes) <= CHANGES_MAX
        assert sum(TIERS.index(now) < TIERS.index(before) for before, now in pairwise(names(changes))) <= 1


@pytest.mark.parametrize(("rate", "tier"), [(0.3, "probation"), (0.7, "mid"), (0.97, "principal")])
def test_the_tier_follows_the_rate(rate: float, tier: Tier) -> None:
    assert [names(career([rate] * 600, seed))[-1] for seed in range(3)] == [tier] * 3


def test_a_regression_costs_the_tiers_and_a_recovery_gives_them_back() -> None:
    changes = career([0.95] * 250 + [0.3] * 100 + [0.95] * 300, seed=1)
    tiers = names(changes)
    top = tiers.index("principal")
    assert tiers[: top + 1] == [*TIERS]
    fallen = [(number, tier) for number, tier in changes if 250 < number <= 350]
    assert [tier for _, tier in fallen] == ["senior", "mid", "junior", "probation"]
    assert fallen[0][0] <= 280, "within 30 attempts"
    assert tiers[-1] == "principal"


def test_unused_trust_ends_in_whole_days_and_not_before_one_half_life() -> None:
    half_life = RULES.half_life_days
    assert half_life is not None
    strong, weak = record(95, 5), record(72, 28)
    lost_at = loses_trust_at("principal", strong, RULES)
    assert lost_at is not None
    days, rest = divmod(lost_at - AT, DAY_US)
    assert (rest, days > half_life) == (0, True)
    fall_below = RULES.of("principal").fall_below
    assert decayed(strong, lost_at, half_life).bounds[0] < fall_below
    assert decayed(strong, lost_at - DAY_US, half_life).bounds[0] >= fall_below, "control: the day before"
    assert loses_trust_at("principal", weak, RULES) == AT + half_life * DAY_US
    assert loses_trust_at("probation", strong, RULES) is None
    assert loses_trust_at(None, strong, RULES) is None
    assert loses_trust_at("principal", strong, replace(RULES, half_life_days=None)) is None


def test_half_of_the_evidence_is_left_after_a_half_life() -> None:
    left = decayed(record(80, 20), AT + 60 * DAY_US, 60)
    assert (left.verified, left.failed, left.at) == (40 * MICRO, 10 * MICRO, AT + 60 * DAY_US)
    assert decayed(record(80, 20), AT - 1, 60) == record(80, 20), "a clock that was set back"


def test_from_the_top_an_unused_employee_is_on_probation_after_four_losses() -> None:
    tier, known, lost = "principal", record(95, 5), []
    while (at := loses_trust_at(tier, known, RULES)) is not None:  # type: ignore[arg-type]  # narrowed by the loop
        assert RULES.half_life_days is not None
        known = decayed(known, at, RULES.half_life_days)
        tier = RULES.below(tier).tier  # type: ignore[arg-type]  # one of TIERS
        lost.append((at - AT) // DAY_US)
    assert tier == "probation"
    assert len(lost) == 4
    assert lost == sorted(set(lost))
