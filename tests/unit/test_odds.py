"""The arithmetic for attempts_max, compared with known values of the Clopper-Pearson interval."""

import pytest

from bench.odds import Rate, all_verified_at_least, attempts_for, no_rejection_at_most


@pytest.mark.parametrize(
    ("tries", "passes", "lower", "upper"),
    [(40, 8, 0.1036, 0.3320), (40, 0, 0.0, 0.0722), (40, 40, 0.9278, 1.0), (10, 5, 0.2224, 0.7776)],
)
def test_bounds_are_those_of_the_tables(tries: int, passes: int, lower: float, upper: float) -> None:
    rate = Rate(tries, passes)
    assert rate.lower == pytest.approx(lower, abs=1e-4)
    assert rate.upper == pytest.approx(upper, abs=1e-4)


def test_more_tries_of_the_same_share_narrow_the_bounds() -> None:
    few, many = Rate(40, 8), Rate(400, 80)
    assert few.lower < many.lower < 0.2 < many.upper < few.upper


def test_employees_alternate_and_the_worst_begins() -> None:
    good, bad = Rate(1000, 900), Rate(1000, 100)
    assert all_verified_at_least([(good, bad)], 1) == pytest.approx(bad.lower)
    both = 1 - (1 - bad.lower) * (1 - good.lower)
    assert all_verified_at_least([(bad, good)], 2) == pytest.approx(both)


def test_no_rejection_takes_the_better_employee_of_each_task() -> None:
    good, bad = Rate(1000, 900), Rate(1000, 100)
    assert no_rejection_at_most([(good, bad), (good, bad)]) == pytest.approx(good.upper**2)


def test_attempts_are_the_fewest_that_are_enough() -> None:
    tasks = [(Rate(400, 100), Rate(400, 120))] * 5
    attempts = attempts_for(tasks, 0.999, 100)
    assert attempts is not None
    assert all_verified_at_least(tasks, attempts) > 0.999 >= all_verified_at_least(tasks, attempts - 1)
    assert attempts_for([(Rate(40, 0), Rate(40, 0))], 0.999, 100) is None
