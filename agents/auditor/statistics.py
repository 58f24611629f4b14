"""Statistics of the Auditor's rules, in integers, so that every machine computes the same numbers."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

FIXED_BITS = 48
LOG_BITS = 24
MILLI = 1000


@cache
def log2_of(number: int) -> int:
    """Return the binary logarithm of a number from 1, in units of 2**-LOG_BITS."""
    whole = number.bit_length() - 1
    rest = (number << FIXED_BITS) >> whole  # from 1 to 2, as a fixed-point number
    result = whole << LOG_BITS
    for bit in reversed(range(LOG_BITS)):
        rest = (rest * rest) >> FIXED_BITS
        if rest >= 2 << FIXED_BITS:
            rest >>= 1
            result += 1 << bit
    return result


def median(values: Sequence[int]) -> int:
    """Return the median; of two middle values the smaller one."""
    return sorted(values)[(len(values) - 1) // 2]


class Spike(NamedTuple):
    """The least value that counts as a spike, and the median of the values that it was computed from."""

    least: int
    median: int


def spike_of(values: Sequence[int], factor: int, deviations: int) -> Spike:
    """Return the least value that is a spike among these values, which must be at least one.

    A spike is at least `factor` times the median. On a logarithmic scale it is also at least `deviations` robust
    standard deviations above the median. A robust standard deviation is 1.4826 times the median absolute deviation.
    """
    logs = [log2_of(max(value, 1)) for value in values]
    middle = median(logs)
    deviation = median([abs(log - middle) for log in logs])
    above = deviations * deviation * 14826 // 10000
    centre = max(median(values), 1)
    least = centre * factor
    while log2_of(least) < middle + above:  # the scale is logarithmic, so a sixteenth more is a small step
        least += max(least // 16, 1)
    return Spike(least, centre)


class Change(NamedTuple):
    """The most probable change of a rate. `weight`: the log-likelihood ratio, in thousandths of a bit.

    `before` and `after` are pairs: successes and trials.
    """

    weight: int
    before: tuple[int, int]
    after: tuple[int, int]


@cache
def _likelihood(successes: int, trials: int) -> int:
    """Return the largest log-likelihood of the successes, in units of log2_of. It is 0 or less."""
    failures = trials - successes
    return _times_log(successes) + _times_log(failures) - _times_log(trials)


def _times_log(number: int) -> int:
    return number * log2_of(number) if number else 0


def drop_of(outcomes: Sequence[bool], before_min: int, after_min: int, drop_percent_min: int) -> Change | None:
    """Return the most probable drop of the rate of successes; None if no place has such a drop.

    The generalised likelihood ratio compares one rate for all outcomes with two rates, before and after each place that
    leaves `before_min` outcomes before it and `after_min` after it. The rate after it must be lower by
    `drop_percent_min`.
    """
    trials, successes = len(outcomes), sum(outcomes)
    whole, best = _likelihood(successes, trials), None
    good = sum(outcomes[:before_min])
    for place in range(before_min, trials - after_min + 1):
        rest, later = successes - good, trials - place
        if 100 * (good * later - rest * place) >= drop_percent_min * place * later:
            weight = _likelihood(good, place) + _likelihood(rest, later) - whole
            if best is None or weight > best.weight:
                best = Change(weight, (good, place), (rest, later))
        good += outcomes[place] if place < trials else 0
    return best and best._replace(weight=best.weight * MILLI >> LOG_BITS)
