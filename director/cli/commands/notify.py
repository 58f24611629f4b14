"""The commands notify show and notify test."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Notifications about events that need a person: show the receivers, or send a test.")
    group.command("show")(show)
    group.command("test")(send_test)
    app.add_typer(group, name="notify")


@command("notify show")
async def show(door: Door, settings: "Settings") -> None:
    """Show the receivers in AURA_HOME/notify.toml, and what each has got. Exit 69: a receiver does not answer."""
    from director.cli.notify_text import receivers_fault, receivers_text
    from director.notify.progress import receivers_of

    receivers = receivers_of(settings.root)
    door.answer({"receivers": receivers}, receivers_text(receivers, settings.root), receivers_fault(receivers))


@command("notify test")
async def send_test(
    door: Door,
    settings: "Settings",
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="Only this receiver.")] = "",
) -> None:
    """Send a test to all receivers, or to one. Exit 1: it did not arrive everywhere."""
    from director.cli.notify_text import trials_fault, trials_text
    from director.notify.trial import send_trials

    trials = await send_trials(settings.root, name)
    door.answer({"trials": trials}, trials_text(trials), trials_fault(trials))
