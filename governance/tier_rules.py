"""The tables of tiers, trust and fines in the file of HR's rules, and what can be wrong with them (ADR 0086)."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, get_args

import msgspec

from domain.career_messages import Breach, FineRule, FineRules
from domain.routing.fixed_point import MICRO
from domain.tiers import TIERS, Ceilings, Tier, TierRule, TierRules

PERCENT = MICRO // 100
GAP_MIN = 5
"""The least difference in percentage points between rising into a tier and falling from it. It prevents flapping."""

Percent = Annotated[int, msgspec.Meta(ge=10, le=99)]
Tasks = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
Open = Annotated[int, msgspec.Meta(ge=1, le=1_000)]


class Lowest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tier `probation`. A ceiling that is left out is no limit."""

    high_risk: bool = True
    attempt_usd_max: Decimal | None = None
    open_attempts_max: Open | None = None

    @property
    def ceilings(self) -> Ceilings:
        return Ceilings(
            high_risk=self.high_risk,
            attempt_usd_max=self.attempt_usd_max,
            open_attempts_max=self.open_attempts_max,
        )


class AfterProbation(Lowest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tier `junior`. The terms for rising into it are those for leaving the probation."""

    fall_percent: Percent


class Higher(AfterProbation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tier above `junior`. Percentages are of the bounds of the rate of verified attempts."""

    rise_percent: Percent
    rise_verified_tasks: Tasks


class TierTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All tiers. `start`: the tier of a new employee. `fall_tasks_min`: the attempts in a tier before a fall."""

    start: Tier
    fall_tasks_min: Tasks
    probation: Lowest
    junior: AfterProbation
    mid: Higher
    senior: Higher
    principal: Higher

    @property
    def in_order(self) -> tuple[Lowest, ...]:
        """The tiers from the lowest to the highest."""
        return self.probation, self.junior, self.mid, self.senior, self.principal


class TrustRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`half_life_days`: the time after which half of the evidence about an unused employee is left. None: never."""

    half_life_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] | None = None


class FineLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fine for one kind of breach: `percent` more costs in routing, for the next `tasks` attempts."""

    breach: str
    percent: Annotated[int, msgspec.Meta(ge=1, le=900)]
    tasks: Annotated[int, msgspec.Meta(ge=1, le=1_000)]


def tier_rules(table: TierTable, trust: TrustRules, version: str, leaves: tuple[int, int]) -> TierRules:
    """Return the rules of all tiers. `leaves`: verified tasks and percentage for leaving the probation."""
    verified_min, percent_min = leaves
    rules = [
        TierRule(tier="probation", ceilings=table.probation.ceilings),
        TierRule(
            tier="junior",
            verified_min=verified_min,
            percent_min=percent_min,
            fall_below=table.junior.fall_percent * PERCENT,
            ceilings=table.junior.ceilings,
        ),
    ]
    higher: tuple[tuple[Tier, Higher], ...] = (
        ("mid", table.mid),
        ("senior", table.senior),
        ("principal", table.principal),
    )
    for tier, line in higher:
        rules.append(
            TierRule(
                tier=tier,
                verified_min=line.rise_verified_tasks,
                rise_at=line.rise_percent * PERCENT,
                fall_below=line.fall_percent * PERCENT,
                ceilings=line.ceilings,
            )
        )
    return TierRules(
        version=version,
        tiers=tuple(rules),
        fall_tasks_min=table.fall_tasks_min,
        half_life_days=trust.half_life_days,
    )


def fine_rules(lines: tuple[FineLine, ...], version: str) -> FineRules:
    """Return the fines by kind of breach."""
    return FineRules(
        version=version, fines={line.breach: FineRule(percent=line.percent, tasks=line.tasks) for line in lines}
    )


def tier_problems(table: TierTable) -> Iterator[str]:
    """Yield what to change in the tiers, one sentence for each problem."""
    falls: list[int] = []
    for tier, line in zip(TIERS, table.in_order, strict=True):
        if isinstance(line, Higher) and line.rise_percent < line.fall_percent + GAP_MIN:
            yield (
                f"Tier {tier}: write a `rise_percent` that is at least {GAP_MIN} above its `fall_percent`. "
                "Otherwise an employee rises and falls all the time."
            )
        if isinstance(line, AfterProbation):
            if falls and line.fall_percent < falls[-1]:
                yield f"Tier {tier}: write a `fall_percent` of at least {falls[-1]}, as in the tier below."
            falls.append(line.fall_percent)
        if line.attempt_usd_max is not None and not 0 < line.attempt_usd_max <= 1_000_000:
            yield f"Tier {tier}: write an `attempt_usd_max` above 0 and up to 1000000, or leave it out for no limit."
    for tier, (lower, upper) in zip(TIERS[1:], pairwise(table.in_order), strict=True):
        yield from (
            f"Tier {tier}: its `{name}` is stricter than in the tier below. A higher tier may not allow less."
            for name in _stricter(lower.ceilings, upper.ceilings)
        )


def _stricter(lower: Ceilings, upper: Ceilings) -> Iterator[str]:
    """Yield the names of ceilings that allow less in the upper tier."""
    if lower.high_risk and not upper.high_risk:
        yield "high_risk"
    for name in ("attempt_usd_max", "open_attempts_max"):
        below, above = getattr(lower, name), getattr(upper, name)
        if above is not None and (below is None or above < below):
            yield name


def fine_problems(lines: tuple[FineLine, ...]) -> Iterator[str]:
    """Yield what to change in the fines, one sentence for each problem."""
    breaches = get_args(Breach)
    for number, line in enumerate(lines, start=1):
        if line.breach not in breaches:
            yield (
                f"Fine {number}: write a `breach` of {', '.join(breaches)}. "
                f"{line.breach} is not a dishonest act, and an honest failure is never fined."
            )
        if line.breach in [each.breach for each in lines[: number - 1]]:
            yield f"Fine {number}: remove it. There is a fine for {line.breach} already."
