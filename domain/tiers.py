"""The tiers of a career: the ceilings of each one, and the numbers that move an employee up or down (ADR 0086).

probation -> junior -> mid -> senior -> principal. All counts of evidence and rates are in micro-units.
"""

from decimal import Decimal
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from domain.ladder import DAY_US
from domain.routing.beta import quantile
from domain.routing.draws import DRAW_END
from domain.routing.fixed_point import EXPONENT, MICRO, WEIGHT, power_of_two

Tier = Literal["probation", "junior", "mid", "senior", "principal"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""All tiers, from the lowest to the highest."""
Move = Literal["rise", "fall"]
TAIL = DRAW_END // 20
"""The part of the posterior below the lower bound, and above the upper bound: 5%."""
HALF_LIVES_MAX = 32
"""After so many half-lives, nothing is left of any evidence."""


class Ceilings(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The upper limits of a tier. None: no limit. They never make a verdict less strict.

    `high_risk`: whether it may do tasks of high risk. `attempt_usd_max`: the most that may be reserved for one attempt.
    `open_attempts_max`: the most attempts at the same time.
    """

    high_risk: bool = True
    attempt_usd_max: Decimal | None = None
    open_attempts_max: int | None = None


NO_CEILINGS = Ceilings()


class Record(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The numbers from which a tier follows. `at`: the time of the newest of them, in microseconds UTC.

    `verified`, `failed`: the evidence about the version, in micro-units. `tier_verified`, `tier_failed`: the tasks
    since the tier began.
    """

    verified: int = 0
    failed: int = 0
    tier_verified: int = 0
    tier_failed: int = 0
    at: int = 0

    @property
    def bounds(self) -> tuple[int, int]:
        """The lower and upper bound of the rate of verified attempts: 90% of the posterior lie between them."""
        successes, failures = MICRO + self.verified, MICRO + self.failed
        return quantile(successes, failures, TAIL), quantile(successes, failures, DRAW_END - TAIL)

    @property
    def tasks(self) -> int:
        """The attempts since the tier began."""
        return self.tier_verified + self.tier_failed


class TierRule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rule of one tier. Rates are in micro-units.

    To rise into it, an employee needs `verified_min` verified tasks in the tier below, `percent_min` percent of its
    attempts there, and a lower bound of `rise_at`. It falls from it with an upper bound below `fall_below`.
    """

    tier: Tier
    verified_min: int = 0
    percent_min: int = 0
    rise_at: int = 0
    fall_below: int = 0
    ceilings: Ceilings = NO_CEILINGS


class TierRules(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The rules of all tiers, from the lowest to the highest. `version`: of all rules of HR.

    `fall_tasks_min`: the attempts in a tier before an employee can fall. `half_life_days`: the time after which half of
    the evidence about an unused employee is left; None: it never gets less.
    """

    version: str
    tiers: tuple[TierRule, ...]
    fall_tasks_min: int = 1
    half_life_days: int | None = None

    def of(self, tier: Tier) -> TierRule:
        """Return the rule of a tier."""
        return self.tiers[TIERS.index(tier)]

    def above(self, tier: Tier) -> TierRule | None:
        """Return the rule of the next higher tier."""
        place = TIERS.index(tier) + 1
        return self.tiers[place] if place < len(self.tiers) else None

    def below(self, tier: Tier) -> TierRule:
        """Return the rule of the next lower tier. Nothing is below the lowest one."""
        return self.tiers[max(TIERS.index(tier) - 1, 0)]


def move_of(tier: Tier, record: Record, rules: TierRules) -> Move | None:
    """Return how the record moves an employee of this tier: one step up, one step down, or not at all."""
    lower, upper = record.bounds
    above = rules.above(tier)
    if above is not None and _rises(record, lower, above):
        return "rise"
    falls = upper < rules.of(tier).fall_below and record.tasks >= rules.fall_tasks_min
    return "fall" if falls and tier != TIERS[0] else None


def _rises(record: Record, lower: int, above: TierRule) -> bool:
    enough = record.tier_verified >= above.verified_min
    percent = record.tier_verified * 100 >= above.percent_min * record.tasks
    return enough and percent and lower >= above.rise_at


def decayed(record: Record, at: int, half_life_days: int) -> Record:
    """Return the record with what is left of its evidence at a later time, if nothing was added since then."""
    idle = max(0, at - record.at)
    left = power_of_two(idle * EXPONENT // (half_life_days * DAY_US))
    return replace(
        record,
        verified=record.verified * left // WEIGHT,
        failed=record.failed * left // WEIGHT,
        at=max(at, record.at),
    )


def loses_trust_at(tier: Tier | None, record: Record, rules: TierRules) -> int | None:
    """Return when an unused employee falls a tier (microseconds UTC), in whole days after the record's time.

    That is when the lower bound of the evidence that is left is below the rate at which one falls from the tier, and
    not before one half-life has passed. None: never.
    """
    if tier is None or tier == TIERS[0] or rules.half_life_days is None:
        return None
    fall_below, half_life_days = rules.of(tier).fall_below, rules.half_life_days
    kept, lost = half_life_days - 1, HALF_LIVES_MAX * half_life_days
    while lost - kept > 1:
        middle = (kept + lost) // 2
        if decayed(record, record.at + middle * DAY_US, half_life_days).bounds[0] < fall_below:
            lost = middle
        else:
            kept = middle
    return record.at + lost * DAY_US
