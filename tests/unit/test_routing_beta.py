"""Draws and quantiles of the Beta distribution in integers, compared with exact moments and distribution functions."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.routing.beta import quantile
from domain.routing.draws import DRAW_END, draw
from domain.routing.fixed_point import MICRO, POINTS, WEIGHT, log_of, log_rates, power_of_two, rates

COUNTS = st.integers(MICRO // 4, 120 * MICRO)
PARTS = st.integers(0, DRAW_END - 1)
STRATA = 4000


@pytest.mark.parametrize(("successes", "failures"), [(1, 1), (0.5, 0.5), (2, 5), (12, 3), (30, 10), (60, 40)])
def test_the_quantiles_have_the_exact_mean_and_variance(successes: float, failures: float) -> None:
    counts = round(successes * MICRO), round(failures * MICRO)
    values = [quantile(*counts, (2 * place + 1) * DRAW_END // (2 * STRATA)) / MICRO for place in range(STRATA)]
    total = successes + failures
    mean = sum(values) / STRATA
    variance = sum((value - mean) ** 2 for value in values) / STRATA
    assert mean == pytest.approx(successes / total, abs=0.0005)
    assert variance == pytest.approx(successes * failures / (total**2 * (total + 1)), rel=0.04)


@pytest.mark.parametrize(("successes", "failures"), [(1, 1), (3, 2), (2, 9), (25, 8)])
@pytest.mark.parametrize("percent", [1, 10, 50, 90, 99])
def test_a_quantile_has_that_part_of_the_distribution_below_it(successes: int, failures: int, percent: int) -> None:
    rate = quantile(successes * MICRO, failures * MICRO, percent * DRAW_END // 100) / MICRO
    trials = successes + failures - 1
    below = sum(
        comb(trials, count) * rate**count * (1 - rate) ** (trials - count) for count in range(successes, trials + 1)
    )
    assert below == pytest.approx(percent / 100, abs=0.004)


def test_draws_follow_the_distribution() -> None:
    rates_drawn = sorted(quantile(2 * MICRO, MICRO, draw("a seed", counter)) / MICRO for counter in range(STRATA))
    distance = max(abs(rate**2 - place / STRATA) for place, rate in enumerate(rates_drawn))
    assert distance < 1.63 / STRATA**0.5  # Kolmogorov's test at 1%; the draws of this seed are always the same


def test_draws_are_the_same_on_every_machine() -> None:
    assert [draw("seed", counter) for counter in range(3)] == [
        3412663011210388368,
        11699409810046444194,
        8999877401827626143,
    ]
    assert [quantile(3_500_000, 1_250_000, draw("seed", counter)) for counter in range(3)] == [565758, 835107, 765612]


@settings(deadline=None)
@given(COUNTS, COUNTS, PARTS)
def test_a_rate_is_between_0_and_1(successes: int, failures: int, part: int) -> None:
    assert 0 <= quantile(successes, failures, part) <= MICRO


@settings(deadline=None)
@given(COUNTS, COUNTS, PARTS, PARTS)
def test_a_larger_part_never_has_a_smaller_rate(successes: int, failures: int, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert quantile(successes, failures, low) <= quantile(successes, failures, high)


@settings(deadline=None)
@given(COUNTS, COUNTS, PARTS)
def test_more_successes_never_lower_the_rate(successes: int, failures: int, part: int) -> None:
    step = MICRO // 200  # rounding of the grid
    assert quantile(successes + MICRO, failures, part) >= quantile(successes, failures, part) - step


def test_counts_of_nothing_are_no_error() -> None:
    assert 0 <= quantile(0, 0, DRAW_END // 2) <= MICRO


def test_the_tables_are_the_curves_that_they_are_named_after() -> None:
    assert rates()[POINTS // 2] == MICRO // 2
    assert list(rates()) == sorted(rates())
    assert all(low + high == MICRO for low, high in zip(rates(), reversed(rates()), strict=True))
    assert log_rates()[POINTS // 2] == -(1 << 20)
    assert power_of_two(0) == WEIGHT
    assert power_of_two(3 << 20) == WEIGHT // 8
    assert power_of_two(40 << 20) == 0
    assert log_of(MICRO // 4) == -2 << 20
