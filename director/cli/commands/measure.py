"""The commands bench and bench routing: the measurements of docs/bench.md, and a replay of routing on a table."""

import inspect
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from director.cli.commands.command import command
from director.cli.output import Door
from domain.errors import AuraError, Invalid, Unavailable

SOURCES = Path(__file__).parents[3]
SEEDS_MAX = 1000
TableFile = Annotated[
    Path,
    typer.Option("--table", metavar="FILE", help="CSV or JSON lines: model, problem, category, correct, cost_usd."),
]
Value = Annotated[str, typer.Option("--value", metavar="USD", help="What a solved problem is worth, in USD.")]
Seeds = Annotated[int, typer.Option(min=1, max=SEEDS_MAX, help="The number of random orders of the problems.")]
Tasks = Annotated[int, typer.Option(min=1, help="The number of problems of each order.")]
Wrong = Annotated[str, typer.Option("--wrong-verdicts", metavar="SHARE", help="The share of wrong verdicts.")]
Change = Annotated[
    str | None,
    typer.Option("--price-change", metavar="MODEL=FACTOR@TASK", help="Multiply the price of a model from a task on."),
]
Learned = Annotated[
    bool, typer.Option("--learn-prices", help="The router does not know the average costs at the start.")
]
"""The options of `bench routing`."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(invoke_without_command=True)
    group.callback()(_without_subcommand(bench))
    group.command("routing")(routing)
    app.add_typer(group, name="bench")


def _without_subcommand(run: Callable[..., None]) -> Callable[..., None]:
    """Return the command as the callback of its group: it does nothing if a command of the group was called."""
    signature = inspect.signature(run)
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)

    @wraps(run)
    def callback(*, context: typer.Context, **options: Any) -> None:
        if context.invoked_subcommand is None:
            run(**options)

    callback.__signature__ = signature.replace(parameters=[context, *signature.parameters.values()])  # type: ignore[attr-defined]  # inspect reads it
    callback.__annotations__ = run.__annotations__ | {"context": typer.Context}
    return callback


@command("bench")
async def bench(
    door: Door,
    quick: Annotated[bool, typer.Option("--quick", help="Measure two small rounds, in a few minutes.")] = False,
    rounds: Annotated[int | None, typer.Option(min=1, help="Number of rounds (default 5, with --quick 2).")] = None,
    out: Annotated[Path, typer.Option(help="The page to write.")] = Path("bench.md"),
) -> None:
    """Measure events per second, runs and replays of Aura and comparable systems on this machine, on own servers."""
    import asyncio
    import sys

    if not (SOURCES / "bench" / "__main__.py").is_file():
        raise Unavailable(
            "The measurements are not installed with aura: only its source repository contains them.",
            hint="Clone the project and run `make bench` there.",
        )
    options = ["--out", str(out.resolve())]
    options += ["--quick"] if quick else []
    options += ["--rounds", str(rounds)] if rounds else []
    measuring = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench", *options, cwd=SOURCES, stdout=sys.stderr
    )
    if await measuring.wait():
        raise AuraError("The measurements failed.", hint="See the error above.", code="failed")
    door.answer({"out": str(out.resolve()), "page": out.read_text(encoding="utf-8")}, f"Written: {out}")


@command("bench routing")
async def routing(
    door: Door,
    table: TableFile,
    value: Value = "4",
    seeds: Seeds = 20,
    tasks: Tasks = 300,
    wrong_verdicts: Wrong = "0",
    price_change: Change = None,
    learn_prices: Learned = False,
) -> None:
    """Replay routing on a table of results, and compare it with an oracle, the best single model and other baselines.

    The router sees only the verdicts and costs of its own attempts, and starts without knowledge of the models.
    """
    from director.reports.routing_bench import routing_text
    from director.services.routing_bench import RoutingBench, bench_routing

    wanted = RoutingBench(
        table=table,
        value_usd=_decimal(value, "--value 4"),
        seeds=seeds,
        tasks=tasks,
        wrong_verdicts=_decimal(wrong_verdicts, "--wrong-verdicts 0.05"),
        price_change=price_change,
        known_prices=not learn_prices,
    )
    report = bench_routing(wanted, on_policy=lambda name, done, count: door.note(f"{name}: {done} of {count} seeds"))
    door.answer(report, routing_text(report))


def _decimal(text: str, example: str) -> Decimal:
    """Return the number of an option. Raises Invalid."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Invalid(f"{text!r} is not a number.", hint=f"Write it like this: {example}") from error
