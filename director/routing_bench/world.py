"""One replay of a table: the tasks of a seed, the verdicts on their attempts, and the sums of one policy."""

from random import Random
from typing import NamedTuple

from director.routing_bench.table import Result, Table
from domain.routing.draws import DRAW_END, draw
from domain.routing.fixed_point import MICRO


class PriceChange(NamedTuple):
    """The model whose attempts cost `factor` times as much from a task on. The factor is in micro-units."""

    model: int
    factor: int
    from_task: int


class Conditions(NamedTuple):
    """The options of a replay. Money is in micro-dollars, and the share of wrong verdicts in micro-units.

    `known_prices`: a policy knows each model's average cost from the start, as from a price list.
    """

    value: int
    tasks: int
    wrong_verdicts: int = 0
    price_change: PriceChange | None = None
    known_prices: bool = True


class TaskResult(NamedTuple):
    """The result of a policy at one task."""

    solved: bool
    cost: int
    attempts: int


class World:
    """The tasks of one seed, in a random order. A policy sees only the verdicts and costs of its own attempts."""

    def __init__(self, table: Table, conditions: Conditions, seed: int) -> None:
        self.table = table
        self.conditions = conditions
        self.seed = seed
        count = min(conditions.tasks, len(table.problems))
        self.tasks = Random(f"tasks {seed}").sample(range(len(table.problems)), count)

    def result(self, number: int, model: int) -> Result:
        """Return the true result of a model at task `number`, with its price at that time."""
        result = self.table.results[model][self.tasks[number]]
        change = self.conditions.price_change
        if change is None or model != change.model or number < change.from_task:
            return result
        return Result(result.correct, result.cost * change.factor // MICRO)

    def verdict(self, number: int, model: int) -> bool:
        """Return the verdict on a model's attempt at task `number`. It may be wrong, and is the same when repeated."""
        correct = self.result(number, model).correct
        if not self.conditions.wrong_verdicts:
            return correct
        part = draw(f"verdict {self.seed} {self.tasks[number]}", model)
        return correct != (part * MICRO // DRAW_END < self.conditions.wrong_verdicts)

    def category(self, number: int) -> str:
        """Return the category of task `number`."""
        return self.table.categories[self.tasks[number]]
