"""The comparison of policies over several seeds, with intervals."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt

from msgspec import Struct

from director.routing_bench.policies import POLICIES
from director.routing_bench.table import Table
from director.routing_bench.world import Conditions, TaskResult, World
from domain.routing.fixed_point import MICRO

NORMAL_95 = 1.96
SEEDS_FOR_INTERVAL_MIN = 2
OnPolicy = Callable[[str, int, int], None]
"""Called with the name of a policy, the number of finished seeds, and the number of seeds."""


class Interval(Struct, frozen=True, kw_only=True):
    """A mean over the seeds with its 95% interval. Both ends equal the mean if there is only one seed."""

    mean: float
    low: float
    high: float


class PolicyResult(Struct, frozen=True, kw_only=True):
    """One policy over all seeds. Money is in US dollars per task.

    `value_usd`: value * solved - cost. `solved_more`: the share solved minus that of the best single model at the same
    tasks. `cost_ratio`: the cost divided by its cost. `late`: solved_more, cost_ratio and value in the last third.
    """

    policy: str
    solved: Interval
    cost_usd: Interval
    value_usd: Interval
    solved_more: Interval
    cost_ratio: Interval
    attempts: float
    late: Mapping[str, Interval]


def compare(worlds: Sequence[World], on_policy: OnPolicy = lambda _name, _done, _all: None) -> tuple[PolicyResult, ...]:
    """Replay each policy on each world, and return its results. The worlds have equal conditions and other seeds."""
    value = worlds[0].conditions.value
    single = [POLICIES["best_single"](world) for world in worlds]
    results = []
    for name, policy in POLICIES.items():
        runs = []
        for done, world in enumerate(worlds):
            on_policy(name, done, len(worlds))
            runs.append(policy(world))
        on_policy(name, len(worlds), len(worlds))
        results.append(_result(name, runs, single, value))
    return tuple(results)


def worlds_of(table: Table, conditions: Conditions, seeds: Iterable[int]) -> list[World]:
    """Return one world for each seed."""
    return [World(table, conditions, seed) for seed in seeds]


def _result(name: str, runs: list[list[TaskResult]], single: list[list[TaskResult]], value: int) -> PolicyResult:
    late_runs, late_single = ([_late(run) for run in each] for each in (runs, single))
    return PolicyResult(
        policy=name,
        solved=interval_of([_solved(run) for run in runs]),
        cost_usd=interval_of([_cost(run) for run in runs]),
        value_usd=interval_of([_value(run, value) for run in runs]),
        solved_more=interval_of(_more(runs, single)),
        cost_ratio=interval_of(_ratios(runs, single)),
        attempts=sum(task.attempts for run in runs for task in run) / sum(len(run) for run in runs),
        late={
            "solved_more": interval_of(_more(late_runs, late_single)),
            "cost_ratio": interval_of(_ratios(late_runs, late_single)),
            "value_usd": interval_of([_value(run, value) for run in late_runs]),
        },
    )


def _more(runs: list[list[TaskResult]], single: list[list[TaskResult]]) -> list[float]:
    return [_solved(run) - _solved(base) for run, base in zip(runs, single, strict=True)]


def _ratios(runs: list[list[TaskResult]], single: list[list[TaskResult]]) -> list[float]:
    return [_cost(run) / max(_cost(base), 1e-12) for run, base in zip(runs, single, strict=True)]


def _solved(run: list[TaskResult]) -> float:
    return sum(task.solved for task in run) / len(run)


def _cost(run: list[TaskResult]) -> float:
    return sum(task.cost for task in run) / MICRO / len(run)


def _value(run: list[TaskResult], value: int) -> float:
    return value / MICRO * _solved(run) - _cost(run)


def _late(run: list[TaskResult]) -> list[TaskResult]:
    return run[len(run) - max(1, len(run) // 3) :]


def interval_of(values: Sequence[float]) -> Interval:
    """Return the mean of these values, one for each seed, with its 95% interval."""
    count = len(values)
    mean = sum(values) / count
    if count < SEEDS_FOR_INTERVAL_MIN:
        return Interval(mean=mean, low=mean, high=mean)
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)
    return Interval(mean=mean, low=mean - NORMAL_95 * spread, high=mean + NORMAL_95 * spread)
