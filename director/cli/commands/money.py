"""The commands costs, estimate and estimates."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door, as_data

if TYPE_CHECKING:
    from director.services.costs import CostRequest
    from director.settings import Settings

STDOUT = Path("-")


def register(app: typer.Typer) -> None:
    for function in (costs, estimate, estimates):
        app.command()(function)


@command("costs")
async def costs(
    door: Door,
    settings: "Settings",
    by: Annotated[
        str,
        typer.Option(
            metavar="DIMENSIONS",
            help="Group by these, with commas between: run, employee, provider, model, account, day, price, label, "
            "label.NAME.",
        ),
    ] = "run",
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only charges at or after this time, for example 2026-01-31.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Only charges before this time (UTC).")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only runs with this label. May be given repeatedly."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the groups to this file as CSV (- for stdout).")
    ] = None,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare the charges with a provider's usage file (CSV), for each day and model. Exit 6: they differ.",
        ),
    ] = None,
) -> None:
    """Show what was charged, in groups. The sum of all groups is the sum of all charges on record."""
    from director.services.costs import CostRequest, dimensions_of, labels_of
    from director.services.times import microseconds

    request = CostRequest(
        by=dimensions_of(by),
        since=microseconds(since) if since else None,
        until=microseconds(until) if until else None,
        labels=labels_of(label or ()),
    )
    if compare is not None:
        await _compare(door, settings, compare, request)
    else:
        await _groups(door, settings, request, csv)


async def _groups(door: Door, settings: "Settings", request: "CostRequest", csv: Path | None) -> None:
    from director.cli.cost_text import costs_csv, costs_text
    from director.cli.written_file import write_file
    from director.services import costs as service

    data = as_data({"costs": await service.costs(settings, request)})
    if csv == STDOUT and not door.as_json:
        door.say(costs_csv(data["costs"], request.by).decode().rstrip("\n"))
        return
    if csv is not None and csv != STDOUT:
        write_file(csv, costs_csv(data["costs"], request.by))
        door.note(f"Wrote {len(data['costs'])} groups to {csv}.")
    door.answer(data, costs_text(data["costs"], request.by))


async def _compare(door: Door, settings: "Settings", file: Path, request: "CostRequest") -> None:
    import asyncio

    from director.cli.cost_text import usage_text
    from director.services.costs import compare_usage
    from domain.errors import Differs, Invalid

    try:
        content = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.", hint="Name the usage file of a provider.") from error
    lines = as_data({"usage": await compare_usage(settings, content, request)})
    different = sum(line["differs"] for line in lines["usage"])
    difference = None
    if different:
        difference = Differs(
            f"{different} of {len(lines['usage'])} lines differ from the usage file.",
            hint="Calls outside this organisation with the same key, cut-off calls, and another time zone of the file "
            "are usual causes.",
        )
    door.answer(lines, usage_text(lines["usage"]), difference)


@command("estimate")
async def estimate(
    door: Door,
    settings: "Settings",
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The requirement file.")],
    attempts: Annotated[int, typer.Option(min=1, max=100, help="Attempts per task.")] = 6,
) -> None:
    """Show the expected cost and time of a requirement. Nothing is submitted, and no model is called."""
    from director.services.estimates import estimated
    from director.terminal.estimate_text import estimate_lines
    from verification.requirements.parser import read_requirement
    from verification.requirements.unfilled import refuse_unfilled

    requirement = read_requirement(file)
    refuse_unfilled(requirement, file)
    made = await estimated(settings, requirement, attempts)
    door.answer({"estimate": made}, "\n".join(estimate_lines(made)))


@command("estimates")
async def estimates(door: Door, settings: "Settings") -> None:
    """Show the estimates of all runs beside the facts, and how often they held."""
    from director.services.estimates import list_estimates
    from director.terminal.estimate_text import estimates_text

    found = await list_estimates(settings)
    door.answer(as_data(found), estimates_text(found))
