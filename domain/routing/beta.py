"""The Beta distribution in integers: its quantiles, and so its draws.

With x = the logistic curve of z, the density of z is x^a * (1 - x)^b. It has one peak, no poles, and is smooth for all
counts above 0. So it is summed over the grid of z. Counts are in micro-units: one observation is MICRO.
"""

from bisect import bisect_left
from functools import lru_cache
from itertools import accumulate, pairwise

from domain.routing.draws import DRAW_END
from domain.routing.fixed_point import EXPONENT, MICRO, POINTS, log_rates, power_of_two, rates

COUNT_MIN = MICRO // 10
"""A smaller count is taken as this one, because its tail would leave the grid."""
LEFT_OUT = 24 * EXPONENT * MICRO
"""Points whose density is less than 2^-24 of the peak are left out."""
_KEPT_MAX = 4096


def quantile(successes: int, failures: int, part: int) -> int:
    """Return the rate below which `part` / DRAW_END of the distribution lies, in micro-units.

    With a draw as `part`, the result is a random rate of the distribution.
    """
    first, sums = _cumulative(max(successes, COUNT_MIN), max(failures, COUNT_MIN))
    wanted = sums[-1] * part // DRAW_END
    right = max(bisect_left(sums, wanted), 1)
    low, high = sums[right - 1], sums[right]
    inside = (wanted - low) * MICRO // (high - low) if high > low else MICRO // 2
    left_rate, right_rate = rates()[first + right - 1], rates()[first + right]
    return left_rate + (right_rate - left_rate) * inside // MICRO


@lru_cache(maxsize=_KEPT_MAX)
def _cumulative(successes: int, failures: int) -> tuple[int, tuple[int, ...]]:
    """Return the first point with a weight, and the sums of the trapezoids from there. The first sum is 0."""
    first, weights = _weights(successes, failures)
    return first, tuple(accumulate((low + high for low, high in pairwise(weights)), initial=0))


def _weights(successes: int, failures: int) -> tuple[int, list[int]]:
    """Return the weights around the peak, and the point of the first one. Outside, the weights are nearly 0."""
    up, down = log_rates(), log_rates()[::-1]
    middle = bisect_left(rates(), successes * MICRO // (successes + failures))
    peak = successes * up[middle] + failures * down[middle]
    ends = []
    for way in (range(middle, -1, -1), range(middle, POINTS)):
        end = middle
        for end in way:
            if peak - successes * up[end] - failures * down[end] > LEFT_OUT:
                break
        ends.append(end)
    first, last = ends
    exponents = [successes * up[at] + failures * down[at] for at in range(first, last + 1)]
    highest = max(exponents)
    return first, [power_of_two((highest - exponent) // MICRO) for exponent in exponents]
