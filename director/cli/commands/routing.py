"""The commands of routing: show and set."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    routing = typer.Typer(help="The rule that decides who tries a task next.")
    routing.command("show")(show)
    routing.command("set")(set_strategy)
    app.add_typer(routing, name="routing")


@command("routing show")
async def show(door: Door, settings: "Settings") -> None:
    """Show the strategy, the value of a verified task, and what the record says about each employee."""
    from director.cli.routing_text import routing_text
    from director.services.routing_setting import show_routing

    view = await show_routing(settings)
    door.answer(view, routing_text(view))


@command("routing set")
async def set_strategy(
    door: Door,
    settings: "Settings",
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="turns, cheapest_first, best_single or cascade. Without: it stays."),
    ] = None,
    value_usd: Annotated[
        str | None,
        typer.Option(
            metavar="USD|budget",
            help="The value of a verified task, unless the requirement says it; budget: the run's budget divided by "
            "its tasks. Without: it stays.",
        ),
    ] = None,
) -> None:
    """Set the strategy of routing, the value of a verified task, or both."""
    from director.cli.routing_text import changed_text
    from director.services.routing_setting import set_routing

    changed = await set_routing(settings, strategy, value_usd)
    door.answer(changed, changed_text(changed))
