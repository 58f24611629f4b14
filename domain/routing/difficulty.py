"""The difficulty of one task: what the failures of earlier attempts say about the next ones.

A task that one employee fails is harder for all. The model is that of Rasch: an employee of ability a solves a task of
difficulty d at the rate of the logistic curve at a - d. The difficulty of a new task is normal, except for a share of
tasks that nobody can solve. It is kept as weights of a few levels. Each failure multiplies the weight of a level by the
chance of failing there.

An employee that fails a task and tries it again meets the same task with the same skill. What it cannot do at this
task, it often cannot do the second time. So its own failures are counted with a spread of their own (`AGAIN`), and not
as failures of others.

How much tasks differ, and how many cannot be solved, is not known at the start. `Scores` compares several shapes by how
well each one predicted the results so far. The best one is used.
"""

from bisect import bisect_left
from functools import cache, lru_cache
from typing import NamedTuple

from domain.routing.fixed_point import EXPONENT, MICRO, POINTS, STEPS, bell, clamped, log_of, rates

LEVELS_EACH_SIDE = 6
LEVELS_PER_SPREAD = 2
WHOLE = 1_000_000_000
"""The sum of the weights."""
RATE_MIN = MICRO // 1000  # a result that a shape excludes costs it 10 bits, and not everything
SCORES_KEPT = 995_000
"""The part of the scores that is kept at a new result, in micro-units. So an old mixture of tasks is forgotten."""


class Shape(NamedTuple):
    """The distribution of difficulties: its standard deviation in steps of the grid, and the unsolvable share in
    micro-units.
    """

    spread_steps: int
    unsolvable: int


_KEPT_MAX = 4096
SHAPES = tuple(Shape(spread, share) for spread in (8, 16, 24, 40) for share in (0, 50_000, 120_000))
"""0.5 to 2.5 logits, and 0, 5 and 12 percent of tasks that nobody solves."""
AT_START = Shape(24, 50_000)
AGAIN = Shape(32, 0)
"""The difficulty of tasks for one version that has failed them itself: a spread of 2 logits. Measured on generated
populations of other seeds than those of the comparison (docs/workforce.md).
"""
MODEL = 2
"""The version of this model. It is recorded with each choice. Version 1 counted a failure of the same version twice,
and did not limit the unsolvable share.
"""
UNSOLVABLE_STEP = 5_000  # micro-units; few values, so that their tables are computed once
AT_START_BONUS = 2 * EXPONENT

Levels = tuple[int, ...]
"""The weight of each level of difficulty, from the easiest to the unsolvable. The sum is about WHOLE."""
Scores = tuple[int, ...]
"""The score of each shape: the logarithm to base 2 of its likelihood, in units of EXPONENT."""

NO_SCORES: Scores = tuple(AT_START_BONUS if shape == AT_START else 0 for shape in SHAPES)


def best_shape(scores: Scores) -> Shape:
    """Return the shape that predicted the results best. The first one wins a tie."""
    return SHAPES[scores.index(max(scores))]


def limited(shape: Shape, best: int) -> Shape:
    """Return the shape with an unsolvable share that fits the rate of the best employee, in micro-units.

    An employee with the rate r fails 1 - r of the tasks. At most the part 2(1 - r) of these failures is at tasks that
    nobody solves. Without this limit, one failure of an employee that nearly always succeeds would prove that nobody
    can solve the task.
    """
    fails = MICRO - min(best, MICRO)
    most = 2 * fails * fails // MICRO // UNSOLVABLE_STEP * UNSOLVABLE_STEP
    return shape if shape.unsolvable <= most else shape._replace(unsolvable=most)


@cache
def untried(shape: Shape) -> Levels:
    """Return the difficulty of a task that nobody has tried."""
    side = bell()
    levels = range(-LEVELS_EACH_SIDE, LEVELS_EACH_SIDE + 1)
    solvable = _whole([side[abs(level) * STEPS // LEVELS_PER_SPREAD] for level in levels])
    unsolvable = WHOLE // MICRO * shape.unsolvable
    return (*(weight * (WHOLE - unsolvable) // WHOLE for weight in solvable), unsolvable)


@lru_cache(maxsize=_KEPT_MAX)
def after_failures(failed: tuple[int, ...], shape: Shape) -> Levels:
    """Return the difficulty after failures of employees that solve an untried task at these rates in micro-units."""
    if not failed:
        return untried(shape)
    levels = after_failures(failed[:-1], shape)
    at_levels = _level_rates(shape, _ability(shape, failed[-1]))
    return _whole([weight * (MICRO - at) for weight, at in zip(levels, at_levels, strict=True)])


def rate_now(failed: tuple[int, ...], rate: int, shape: Shape, tried: int = 0) -> int:
    """Return the rate at which an employee solves a task that others with the rates `failed` have failed.

    `rate`: the employee's rate at an untried task. `tried`: how often it has failed this task itself. All rates are in
    micro-units.
    """
    first = _after_others(failed, rate, shape)
    return _after_others((first,) * tried, first, AGAIN) if tried else first


def _after_others(failed: tuple[int, ...], rate: int, shape: Shape) -> int:
    if not failed:
        return rate
    ability = _ability(shape, rate)
    at_levels = _level_rates(shape, ability)
    levels = after_failures(failed, shape)
    now = sum(weight * at for weight, at in zip(levels, at_levels, strict=True)) // WHOLE
    return min(rate, rate * now // max(1, _average_rates(shape)[ability]))


def scored(scores: Scores, failed: tuple[int, ...], rate: int, *, solved: bool) -> Scores:
    """Return the scores after one more attempt at a task that others with the rates `failed` have failed.

    The first attempt at a task says nothing about the shape.
    """
    if not failed:
        return scores
    changed = []
    for shape, score in zip(SHAPES, scores, strict=True):
        expected = min(max(rate_now(failed, rate, shape), RATE_MIN), MICRO - RATE_MIN)
        changed.append(score * SCORES_KEPT // MICRO + log_of(expected if solved else MICRO - expected))
    best = max(changed)
    return tuple(score - best for score in changed)


def _ability(shape: Shape, rate: int) -> int:
    """Return the point of the grid whose average rate over all levels is the nearest from above."""
    return min(bisect_left(_average_rates(shape), rate), POINTS - 1)


@cache
def _average_rates(shape: Shape) -> tuple[int, ...]:
    levels = untried(shape)
    return tuple(
        sum(weight * at for weight, at in zip(levels, _level_rates(shape, ability), strict=True)) // WHOLE
        for ability in range(POINTS)
    )


@cache
def _level_rates(shape: Shape, ability: int) -> tuple[int, ...]:
    curve, step = rates(), shape.spread_steps // LEVELS_PER_SPREAD
    levels = range(-LEVELS_EACH_SIDE, LEVELS_EACH_SIDE + 1)
    return (*(curve[clamped(ability - level * step)] for level in levels), 0)


def _whole(weights: list[int]) -> Levels:
    total = sum(weights)
    if not total:
        return (*(0 for _ in weights[1:]), WHOLE)
    return tuple(weight * WHOLE // total for weight in weights)
