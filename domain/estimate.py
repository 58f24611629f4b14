"""The expected cost and time of a run, as its submission records them, and how often such estimates held."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal
from uuid import UUID

import msgspec

from domain.money import USD_STEP, ZERO_USD


class Interval(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """80% of the simulated runs lie between `low` and `high`; half are below `mid`. In micro-USD, tokens or seconds."""

    low: int
    mid: int
    high: int

    def holds(self, value: int) -> bool:
        """Return whether a value lies in the interval, the limits included."""
        return self.low <= value <= self.high


class Estimate(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The probable cost and time of a run.

    `delivered`: simulated runs per mille that end with a delivery. `within`: those that do so within the budget.

    `attempts`: the number of recorded attempts that the estimate follows from. `unknown`: employees without a record;
    for them stated priors decide (director/services/run_simulation.py).
    """

    micro_usd: Interval
    tokens: Interval
    seconds: Interval
    delivered: int
    within: int
    attempts: int
    unknown: int
    staff: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate beside the facts. `usd`: spent until now. `seconds`: from submission to delivery; None before it.

    `usd_held`, `seconds_held`: whether the fact lies in the interval. They are None while the run is open, and for a
    run that ended without a delivery.
    """

    run: UUID
    title: str
    estimate: Estimate
    usd: Decimal
    tokens: int
    seconds: int | None
    outcome: str | None
    usd_held: bool | None
    seconds_held: bool | None


class Estimates(msgspec.Struct, frozen=True, kw_only=True):
    """All estimates, the newest first. `usd`, `seconds`: delivered runs below, within and above their interval."""

    runs: tuple[Comparison, ...]
    usd: Mapping[str, int]
    seconds: Mapping[str, int]


def dollars(micro_usd: int) -> Decimal:
    """Return an amount of micro-USD in dollars."""
    return (Decimal(micro_usd) / 1_000_000).quantize(USD_STEP).normalize() + ZERO_USD


def micro(usd: Decimal) -> int:
    """Return an amount of dollars in micro-USD, rounded up."""
    return int((usd * 1_000_000).to_integral_value(ROUND_UP))


def calibration(pairs: Sequence[tuple[Interval, int]]) -> Mapping[str, int]:
    """Return the number of values below, within and above their intervals."""
    below = sum(value < interval.low for interval, value in pairs)
    above = sum(value > interval.high for interval, value in pairs)
    return {"below": below, "within": len(pairs) - below - above, "above": above}
