"""Fixed-point tables of the logistic curve and of powers of two.

A rate is an integer in micro-units. A logit is an index of a grid with a step of 1/16, from -12 to 12. The tables are
computed with decimal arithmetic, whose exp() and ln() are correctly rounded. So they are equal on every machine, which
the floating point of a C library does not promise.
"""

from decimal import Context, Decimal
from functools import cache

MICRO = 1_000_000
STEPS = 16
"""Steps of the grid per logit."""
LOGIT_MAX = 12
MIDDLE = LOGIT_MAX * STEPS
"""The index of logit 0."""
POINTS = 2 * MIDDLE + 1
EXPONENT = 1 << 20
"""The fixed-point unit of an exponent of two."""
WEIGHT = 1 << 30
"""The largest result of `power_of_two`."""
_FRACTION_BITS = 12
_CONTEXT = Context(prec=30)


def clamped(index: int) -> int:
    """Return the index of the nearest point of the grid."""
    return 0 if index < 0 else POINTS - 1 if index >= POINTS else index


@cache
def rates() -> tuple[int, ...]:
    """Return the logistic curve at each point of the grid, in micro-units."""
    return tuple(_rounded(Decimal(MICRO) / (1 + _exp(-_logit(index)))) for index in range(POINTS))


@cache
def log_rates() -> tuple[int, ...]:
    """Return the logarithm to base 2 of the logistic curve at each point of the grid, in units of EXPONENT."""
    two = _CONTEXT.ln(Decimal(2))
    return tuple(_rounded(-_CONTEXT.ln(1 + _exp(-_logit(index))) / two * EXPONENT) for index in range(POINTS))


@cache
def _logs() -> tuple[int, ...]:
    two = _CONTEXT.ln(Decimal(2))
    return tuple(
        _rounded(_CONTEXT.ln(Decimal(mille) / 1000) / two * EXPONENT) if mille else -10 * EXPONENT
        for mille in range(1001)
    )


def log_of(rate: int) -> int:
    """Return the logarithm to base 2 of a rate in micro-units, rounded to thousandths, in units of EXPONENT."""
    return _logs()[rate * 1000 // MICRO]


@cache
def bell() -> tuple[int, ...]:
    """Return exp(-x * x / 2) for x from 0 to 5 in steps of 1/16, in units of WEIGHT."""
    return tuple(_rounded(_exp(-Decimal(step * step) / (2 * STEPS * STEPS)) * WEIGHT) for step in range(5 * STEPS + 1))


@cache
def _fractions() -> tuple[int, ...]:
    count = 1 << _FRACTION_BITS
    two = _CONTEXT.ln(Decimal(2))
    return tuple(_rounded(_exp(-two * index / count) * WEIGHT) for index in range(count))


def power_of_two(exponent: int) -> int:
    """Return 2 to the power of -exponent / EXPONENT in units of WEIGHT, for an exponent of 0 or more."""
    whole, rest = divmod(exponent, EXPONENT)
    return _fractions()[rest >> (20 - _FRACTION_BITS)] >> whole if whole < 31 else 0


def _logit(index: int) -> Decimal:
    return Decimal(index - MIDDLE) / STEPS


def _exp(power: Decimal) -> Decimal:
    return _CONTEXT.exp(power)


def _rounded(value: Decimal) -> int:
    return int(value.to_integral_value())
