"""The commands sandbox build, probe, accept and withdraw: the sandbox of code under test, and its limits."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.output import Door

if TYPE_CHECKING:
    from director.services.degraded import Accepted
    from director.settings import Settings

Limits = Annotated[
    list[str],
    typer.Argument(
        metavar="LIMIT...", help="memory, processes or system-calls; `aura doctor` shows the limits that are not held."
    ),
]
Machine = Annotated[
    str | None,
    typer.Option("--machine", metavar="ID", help="Another machine. `aura sandbox probe` on that machine shows its id."),
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Build, test or accept the sandbox of code under test.")
    group.command("build")(build)
    group.command("probe")(probe)
    group.command("accept")(accept)
    group.command("withdraw")(withdraw)
    app.add_typer(group, name="sandbox")


@command("sandbox build")
async def build(door: Door, settings: "Settings") -> None:
    """Build the sandbox's root file system from this Python, without a network. Also load it into a running Docker."""
    from director.cli.doctor_text import image_text
    from director.doctor.sandbox_image import build_boxes

    built = await build_boxes(settings, door.note)
    door.answer(built, image_text(built))


@command("sandbox probe")
async def probe(door: Door, settings: "Settings") -> None:
    """Show the sandbox of this machine and the limits that it holds, tested by real runs. Exit 69: no sandbox."""
    import msgspec

    from director.cli.doctor_text import capabilities_text
    from director.doctor.sandbox_image import probe_boxes
    from director.services.degraded import accepted_here

    held = await probe_boxes(settings)
    accepted = sorted(await accepted_here(settings)) if held.not_held else []
    more = {"machine": settings.machine_id, "accepted": accepted}
    door.answer(msgspec.to_builtins(held) | more, capabilities_text(held, settings.machine_id, accepted))


@command("sandbox accept")
async def accept(door: Door, settings: "Settings", limits: Limits, reason: Reason, machine: Machine = None) -> None:
    """Accept that this machine's sandbox does not hold a limit. The log records it, and verdicts name the limit."""
    from director.services.degraded import accept_limits
    from director.services.session import desk

    async with desk(settings) as opened:
        accepted = await accept_limits(opened, limits, machine or settings.machine_id, reason)
    _answer(door, settings, accepted)


@command("sandbox withdraw")
async def withdraw(door: Door, settings: "Settings", limits: Limits, reason: Reason, machine: Machine = None) -> None:
    """Withdraw an acceptance: verdicts on this machine need the limit again."""
    from director.services.degraded import withdraw_limits
    from director.services.session import desk

    async with desk(settings) as opened:
        accepted = await withdraw_limits(opened, limits, machine or settings.machine_id, reason)
    _answer(door, settings, accepted)


def _answer(door: Door, settings: "Settings", accepted: "list[Accepted]") -> None:
    import msgspec

    from director.terminal.text import accepted_text

    data = msgspec.to_builtins(accepted)
    door.answer({"machine": settings.machine_id, "accepted": data}, accepted_text(data, settings.machine_id))
