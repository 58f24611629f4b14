"""The use case that replays routing on a table of results, and compares it with its baselines."""

from decimal import Decimal
from pathlib import Path

import msgspec

from director.routing_bench.comparison import OnPolicy, PolicyResult, compare, worlds_of
from director.routing_bench.table import Table, read_table
from director.routing_bench.world import Conditions, PriceChange
from domain.errors import Invalid
from domain.routing.fixed_point import MICRO

VALUE_USD_MAX = 1_000_000
WRONG_VERDICTS_MAX = Decimal("0.5")
PRICE_CHANGE_FORM = "Write it like this: --price-change MODEL=2@150, for a price that doubles at task 150."


class RoutingBench(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a replay. `value_usd`: what a verified task is worth. `price_change`: MODEL=FACTOR@TASK.

    `known_prices`: the router knows each model's average cost from the start, as from a price list.
    """

    table: Path
    value_usd: Decimal
    seeds: int = 20
    tasks: int = 300
    wrong_verdicts: Decimal = Decimal(0)
    price_change: str | None = None
    known_prices: bool = True


class RoutingReport(msgspec.Struct, frozen=True, kw_only=True):
    """The results of all policies on one table. `tasks`: the tasks of each seed, at most the problems of the table."""

    table: str
    models: int
    problems: int
    value_usd: Decimal
    seeds: int
    tasks: int
    wrong_verdicts: Decimal
    price_change: str | None
    known_prices: bool
    best_single: str
    policies: tuple[PolicyResult, ...]


def bench_routing(wanted: RoutingBench, on_policy: OnPolicy = lambda _name, _done, _all: None) -> RoutingReport:
    """Replay the policies on the table, for each seed. Raises NotFound or Invalid."""
    if not wanted.value_usd.is_finite() or not 0 < wanted.value_usd <= VALUE_USD_MAX:
        raise Invalid(f"A task cannot be worth {wanted.value_usd} USD.", hint="Write it like this: --value 4.")
    if not wanted.wrong_verdicts.is_finite() or not 0 <= wanted.wrong_verdicts <= WRONG_VERDICTS_MAX:
        raise Invalid(
            f"A share of {wanted.wrong_verdicts} wrong verdicts is not possible.", hint="Write a share from 0 to 0.5."
        )
    table = read_table(wanted.table)
    conditions = Conditions(
        value=int(wanted.value_usd * MICRO),
        tasks=wanted.tasks,
        wrong_verdicts=int(wanted.wrong_verdicts * MICRO),
        price_change=_price_change(wanted.price_change, table),
        known_prices=wanted.known_prices,
    )
    worlds = worlds_of(table, conditions, range(wanted.seeds))
    best = max(range(len(table.models)), key=lambda model: (table.rate(model), -table.cost(model)))
    return RoutingReport(
        table=str(wanted.table),
        models=len(table.models),
        problems=len(table.problems),
        value_usd=wanted.value_usd,
        seeds=wanted.seeds,
        tasks=len(worlds[0].tasks),
        wrong_verdicts=wanted.wrong_verdicts,
        price_change=wanted.price_change,
        known_prices=wanted.known_prices,
        best_single=table.models[best],
        policies=compare(worlds, on_policy),
    )


def _price_change(text: str | None, table: Table) -> PriceChange | None:
    """Return the change that MODEL=FACTOR@TASK describes. Raises Invalid."""
    if text is None:
        return None
    model, _, change = text.rpartition("=")
    factor, _, task = change.partition("@")
    if model not in table.models:
        raise Invalid(f"The table has no model {model!r}.", hint=PRICE_CHANGE_FORM)
    try:
        micro, number = int(Decimal(factor) * MICRO), int(task)
    except (ArithmeticError, ValueError) as error:
        raise Invalid(f"{change!r} is not a change of a price.", hint=PRICE_CHANGE_FORM) from error
    if micro < 0 or number < 0:
        raise Invalid(f"{change!r} is not a change of a price.", hint=PRICE_CHANGE_FORM)
    return PriceChange(table.models.index(model), micro, number)
