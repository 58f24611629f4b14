"""Generated populations of models and problems, on which routing is measured.

The families and their numbers were written before the router was tuned, and they do not change: a result on them is
comparable with every earlier result. `python -m bench.routing_populations FAMILY SEED` prints one population as CSV.

Each answer follows an item response model: a model solves a problem if its ability, its bent for the category and a
draw of its own exceed the problem's difficulty. So failures of different models are correlated, as on real tables.
"""

import csv
import math
import sys
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

PROBLEMS = 500
SEEDS = range(60)


class Family(NamedTuple):
    """The numbers from which a family's populations are drawn. All spreads are standard deviations in logits.

    `per_decade`: the ability that a ten times higher price adds on average. `own`: the part of a model's result on a
    problem that it shares with no other model.
    """

    models: int
    categories: int
    price_usd_min: float
    price_usd_max: float
    ability: float
    per_decade: float
    luck: float
    difficulty: float
    bent: float
    own: float


FAMILIES: dict[str, Family] = {
    "issues": Family(24, 12, 0.03, 1.2, 0.6, 1.2, 0.9, 2.2, 0.3, 1.0),
    "small_staff": Family(6, 4, 0.01, 0.8, 0.6, 1.3, 0.5, 1.8, 0.3, 0.8),
    "specialists": Family(8, 5, 0.02, 1.0, 0.4, 1.0, 0.6, 1.5, 1.5, 0.8),
    "independent": Family(8, 4, 0.02, 1.0, 0.5, 1.0, 0.6, 0.5, 0.2, 2.0),
    "hard": Family(10, 6, 0.02, 1.5, -1.8, 1.3, 0.6, 2.5, 0.3, 0.8),
}


class Row(NamedTuple):
    """One model's attempt at one problem."""

    model: str
    problem: str
    category: str
    correct: bool
    cost_usd: float


def population(family: str, seed: int) -> Iterator[Row]:
    """Yield the rows of one population, model by model. The same arguments give the same rows on every machine."""
    numbers = FAMILIES[family]
    draws = Random(f"{family} {seed}")
    difficulty = [numbers.difficulty * _normal(draws) for _ in range(PROBLEMS)]
    length = [math.exp(0.5 * _normal(draws)) for _ in range(PROBLEMS)]
    category = [int(draws.random() * numbers.categories) for _ in range(PROBLEMS)]
    decades = math.log10(numbers.price_usd_max / numbers.price_usd_min)
    for model in range(numbers.models):
        place = draws.random() * decades
        price = numbers.price_usd_min * 10**place
        ability = numbers.ability + numbers.per_decade * (place - decades / 2) + numbers.luck * _normal(draws)
        bents = [numbers.bent * _normal(draws) for _ in range(numbers.categories)]
        for problem in range(PROBLEMS):
            margin = ability + bents[category[problem]] - difficulty[problem] + numbers.own * _normal(draws)
            correct = draws.random() < 1 / (1 + math.exp(-margin))
            cost = price * length[problem] * math.exp(0.4 * _normal(draws)) * (1.0 if correct else 1.3)
            yield Row(f"m{model:02}", f"p{problem:03}", f"c{category[problem]}", correct, round(cost, 6))


def _normal(draws: Random) -> float:
    """Return a standard normal number. It uses only random(), which never changes between versions of Python."""
    return math.sqrt(-2 * math.log(1 - draws.random())) * math.cos(2 * math.pi * draws.random())


def main() -> None:
    family, seed = sys.argv[1], int(sys.argv[2])
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(Row._fields)
    table.writerows((*row[:3], int(row.correct), f"{row.cost_usd:.6f}") for row in population(family, seed))


if __name__ == "__main__":
    main()
