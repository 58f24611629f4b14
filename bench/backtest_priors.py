"""Measures what the evidence of a backtest of staff is worth to routing: the first tasks with and without it.

Each seed has a population of its own. All its models try the same past fixes, as in `aura backtest --staff`. Then the
strategy `cascade` routes other problems of the same population: once from nothing, and once with this evidence.

python -m bench.backtest_priors [--seeds N] [--fixes N] [--tasks N] [--value USD]
"""

import argparse
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from bench.routing_populations import FAMILIES, population
from director.routing_bench.comparison import Interval, interval_of
from director.routing_bench.policies import cascade, cascade_from
from director.routing_bench.table import Table, table_of
from director.routing_bench.world import Conditions, TaskResult, World
from domain.routing import evidence
from domain.routing.book import Book
from domain.routing.evidence import NONE, SHADOW_WEIGHT, Attempt, Evidence
from domain.routing.fixed_point import MICRO

FIXES, TASKS, SEEDS = 20, 50, 60
VALUE_USD = 4


class Priors(NamedTuple):
    """The value per task in USD over the first tasks, with 95% intervals over the seeds. `gain`: paired by seed."""

    family: str
    without: Interval
    with_priors: Interval
    gain: Interval
    solved_without: float
    solved_with: float
    cost_without: float
    cost_with: float


def table_of_family(family: str, seed: int) -> Table:
    """Return one population as a table."""
    rows = [
        {
            "model": row.model,
            "problem": row.problem,
            "category": row.category,
            "correct": str(int(row.correct)),
            "cost_usd": str(row.cost_usd),
        }
        for row in population(family, seed)
    ]
    return table_of(enumerate(rows, start=2))


def book_of(world: World, fixes: Sequence[int]) -> Book:
    """Return the evidence after each model had one attempt at each of these problems, in shadow runs."""
    table = world.table
    overall: dict[str, Evidence] = {}
    skills: dict[tuple[str, str], Evidence] = {}
    for fix in fixes:
        for model in range(len(table.models)):
            name, skill, result = f"{model:04}", table.categories[fix], table.results[model][fix]
            staff = evidence.staff_rate(overall.values())
            rate = evidence.posterior(staff, overall.get(name, NONE), skills.get((name, skill), NONE)).mean
            ended = Attempt(verified=result.correct, rate=rate, rate_now=rate, cost=result.cost, weight=SHADOW_WEIGHT)
            overall[name] = evidence.after(overall.get(name, NONE), ended)
            skills[name, skill] = evidence.after(skills.get((name, skill), NONE), ended)
    return Book(overall=overall, skills=skills)


def measure(family: str, *, seeds: int, fixes: int = FIXES, tasks: int = TASKS, value_usd: int = VALUE_USD) -> Priors:
    """Return the measured values of one family."""
    conditions = Conditions(value=value_usd * MICRO, tasks=tasks)
    plain: list[list[TaskResult]] = []
    seeded: list[list[TaskResult]] = []
    for seed in range(seeds):
        world = World(table_of_family(family, seed), conditions, seed)
        others = sorted(set(range(len(world.table.problems))) - set(world.tasks))
        past = Random(f"fixes {seed}").sample(others, fixes)
        plain.append(cascade(world))
        seeded.append(cascade_from(world, book_of(world, past)))
    values = [[_value(run, value_usd) for run in runs] for runs in (plain, seeded)]
    return Priors(
        family=family,
        without=interval_of(values[0]),
        with_priors=interval_of(values[1]),
        gain=interval_of([after - before for before, after in zip(*values, strict=True)]),
        solved_without=_mean([_solved(run) for run in plain]),
        solved_with=_mean([_solved(run) for run in seeded]),
        cost_without=_mean([_cost(run) for run in plain]),
        cost_with=_mean([_cost(run) for run in seeded]),
    )


def _value(run: Sequence[TaskResult], value_usd: int) -> float:
    return value_usd * _solved(run) - _cost(run)


def _solved(run: Sequence[TaskResult]) -> float:
    return sum(result.solved for result in run) / len(run)


def _cost(run: Sequence[TaskResult]) -> float:
    return sum(result.cost for result in run) / len(run) / MICRO


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def text_of(priors: Priors) -> str:
    """Return one line of the table of docs/workforce.md."""
    parts = [f"{part.mean:.3f} [{part.low:.3f}, {part.high:.3f}]" for part in (priors.without, priors.with_priors)]
    gain = f"{priors.gain.mean:+.3f} [{priors.gain.low:+.3f}, {priors.gain.high:+.3f}]"
    solved = f"{priors.solved_without:.3f} -> {priors.solved_with:.3f}"
    cost = f"{priors.cost_without:.3f} -> {priors.cost_with:.3f}"
    return f"| `{priors.family}` | {' | '.join(parts)} | {gain} | {solved} | {cost} |"


def main() -> None:
    """Measure each family, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("seeds", SEEDS), ("fixes", FIXES), ("tasks", TASKS), ("value", VALUE_USD)):
        parser.add_argument(f"--{name}", type=int, default=default)
    wanted = parser.parse_args()
    for family in FAMILIES:
        measured = measure(family, seeds=wanted.seeds, fixes=wanted.fixes, tasks=wanted.tasks, value_usd=wanted.value)
        print(text_of(measured), flush=True)


if __name__ == "__main__":
    main()
