"""The chance of another attempt at a task: predicted and true rates after failures of the same version and of others.

The true rates are those of a population like the generated ones: a normal difficulty, a part of its own for each
employee and task, and luck at each attempt. They are sums over a grid, so they have no chance in them.
"""

from collections.abc import Iterator
from math import exp, pi, sqrt

import msgspec
import pytest

from domain.registry import UPCASTERS
from domain.routing.choice import Candidate, Situation
from domain.routing.difficulty import AGAIN, AT_START, Shape, limited, rate_now
from domain.routing.evidence import Posterior
from domain.routing.fixed_point import MICRO
from domain.routing.strategies import choose
from tests.unit.samples import CHOICE

GRID = [step / 5 for step in range(-20, 21)]
WEIGHTS = [exp(-place * place / 2) / sqrt(2 * pi) / 5 for place in GRID]
POPULATIONS = {"issues": (2.2, 1.0), "small_staff": (1.8, 0.8), "independent": (0.5, 2.0)}
"""The spread of the difficulty, and of the part of its own (bench/routing_populations.py)."""
ABILITIES = (-0.5, 0.5, 2.0, 4.0)


def curve(margin: float) -> float:
    return 1 / (1 + exp(-margin))


def at_each(ability: float, population: str) -> Iterator[tuple[float, float]]:
    """Yield each task's weight, and the rate at which the employee solves it."""
    difficulty, own = POPULATIONS[population]
    for first, share in zip(GRID, WEIGHTS, strict=True):
        for second, part in zip(GRID, WEIGHTS, strict=True):
            yield share * part, curve(ability - difficulty * first + own * second)


def true_again(ability: float, population: str, tried: int) -> float:
    """Return the rate of an employee after it has failed the task so often."""
    tasks = list(at_each(ability, population))
    reached = sum(weight * (1 - rate) ** tried for weight, rate in tasks)
    return sum(weight * rate * (1 - rate) ** tried for weight, rate in tasks) / reached


def true_after_another(ability: float, population: str) -> float:
    """Return the rate of an employee after another one with the same ability has failed the task."""
    difficulty, own = POPULATIONS[population]
    solved = reached = 0.0
    for first, share in zip(GRID, WEIGHTS, strict=True):
        rates = [curve(ability - difficulty * first + own * second) for second in GRID]
        average = sum(part * rate for part, rate in zip(WEIGHTS, rates, strict=True))
        solved, reached = solved + share * average * (1 - average), reached + share * (1 - average)
    return solved / reached


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("ability", ABILITIES)
@pytest.mark.parametrize("tried", [1, 2, 3])
def test_the_chance_of_another_attempt_is_the_true_one(population: str, ability: float, tried: int) -> None:
    rate = int(true_again(ability, population, 0) * MICRO)
    predicted = rate_now((), rate, AT_START, tried) / MICRO
    assert predicted == pytest.approx(true_again(ability, population, tried), abs=0.08)


def test_the_first_model_was_far_too_low_for_good_employees() -> None:
    """Control: it counted the own failure twice, with an unsolvable share that did not fit the rate."""
    true = true_again(4.0, "issues", 1)
    rate = int(true_again(4.0, "issues", 0) * MICRO)
    assert rate_now((rate, rate), rate, AT_START) / MICRO < 0.1 < 0.5 < true


@pytest.mark.parametrize("population", ["issues", "small_staff"])
@pytest.mark.parametrize("ability", ABILITIES)
def test_the_chance_after_the_failure_of_another_is_the_true_one(population: str, ability: float) -> None:
    rate = int(true_again(ability, population, 0) * MICRO)
    predicted = rate_now((rate,), rate, limited(AT_START, rate)) / MICRO
    assert predicted == pytest.approx(true_after_another(ability, population), abs=0.12)


def test_one_failure_of_an_excellent_employee_does_not_prove_that_nobody_can_solve_the_task() -> None:
    assert rate_now((960_000,), 960_000, limited(AT_START, 960_000)) > 700_000
    assert rate_now((960_000,), 960_000, AT_START) < 50_000, "control: without the limit"


@pytest.mark.parametrize(
    ("shape", "best", "unsolvable"),
    [
        (Shape(24, 50_000), 744_000, 50_000),
        (Shape(24, 120_000), 744_000, 120_000),
        (Shape(24, 50_000), 900_000, 20_000),
        (Shape(24, 50_000), 1_100_000, 0),
        (AGAIN, 990_000, 0),
    ],
)
def test_the_unsolvable_share_fits_the_best_employee(shape: Shape, best: int, unsolvable: int) -> None:
    assert limited(shape, best) == Shape(shape.spread_steps, unsolvable)
    assert limited(limited(shape, best), best) == limited(shape, best)


ONLY = Candidate(version="only", posterior=Posterior(19 * MICRO, MICRO), cost=20_000)


def situation(value: int, failures: int, by: str = "only") -> Situation:
    return Situation(
        value=value, failed=(950_000,) * failures, failed_by=(by,) * failures, shape=AT_START, seed="s", explored=1
    )


def test_the_only_employee_tries_again_after_one_failure() -> None:
    """Given 19 of 20 verified, when an attempt at $0.02 fails for a task of $0.05, then the next one is made."""
    again = choose("cascade", situation(50_000, 1), [ONLY])
    assert (again.version, again.reason) == ("only", "best_value")
    hopeless = choose("cascade", situation(50_000, 5), [ONLY])
    assert (hopeless.version, hopeless.reason) == (None, "not_worth_it"), "control: it stops after many failures"


def test_a_failure_of_another_version_says_less_than_an_own_one() -> None:
    own, others = situation(50_000, 1), situation(50_000, 1, by="other")
    (after_own,) = choose("cascade", own, [ONLY]).candidates
    (after_other,) = choose("cascade", others, [ONLY]).candidates
    assert after_own.rate_now < after_other.rate_now < after_own.rate


def test_a_choice_of_an_older_event_was_made_with_the_first_model() -> None:
    older = msgspec.json.decode(msgspec.json.encode(CHOICE))
    del older["model"]
    assert UPCASTERS["task.assigned", 3]({"choice": older})["choice"]["model"] == 1
    assert UPCASTERS["task.assigned", 3]({"choice": None}) == {"choice": None}
    assert CHOICE.model == 2, "control"
