"""The commands pause, halt and resume, which apply to the whole organisation."""

from typing import TYPE_CHECKING

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Reason
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings
    from governance.gate import Outcome


def register(app: typer.Typer) -> None:
    for function in (pause, halt, resume):
        app.command()(function)


@command("pause")
async def pause(door: Door, settings: "Settings", reason: Reason) -> None:
    """Pause the organisation. No new work begins, and running work is finished."""
    from director.services import law
    from director.services.session import desk

    async with desk(settings) as opened:
        _answer(door, await law.pause(opened, reason))


@command("halt")
async def halt(door: Door, settings: "Settings", reason: Reason) -> None:
    """Halt the organisation: all work stops at once. Show which component has stopped when, and the money in flight."""
    from director.cli.halt_text import halt_text
    from director.services import law
    from director.services.halt_receipt import receipt_of
    from director.services.session import desk

    async with desk(settings) as opened:
        outcome = await law.halt(opened, reason)
        receipt = await receipt_of(opened.store, outcome)
    door.answer({"seq": outcome.seq, "receipt": receipt}, halt_text(receipt))


@command("resume")
async def resume(door: Door, settings: "Settings", reason: Reason) -> None:
    """End a pause or a halt."""
    from director.services import law
    from director.services.session import desk

    async with desk(settings) as opened:
        _answer(door, await law.resume(opened, reason))


def _answer(door: Door, outcome: "Outcome") -> None:
    """Print the event that recorded the command."""
    seq = outcome.seq
    door.answer({"seq": seq}, f"Recorded as event {seq}." if seq else "Nothing changed.")
