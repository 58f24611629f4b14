"""sandbox build, sandbox probe: where code under test runs."""

from typing import TYPE_CHECKING

import typer

from director.cli.commands.command import command
from director.terminal.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Where code under test runs.")
    group.command("build")(build)
    group.command("probe")(probe)
    app.add_typer(group, name="sandbox")


@command("sandbox build")
async def build(door: Door, settings: "Settings") -> None:
    """Build the root file system of the boxes from this Python, without a network, and hand it to Docker if it runs."""
    from director.cli.doctor_text import image_text
    from director.doctor.sandbox_image import build_boxes

    built = await build_boxes(settings, door.note)
    door.answer(built, image_text(built))


@command("sandbox probe")
async def probe(door: Door, settings: "Settings") -> None:
    """Which sandbox is used here, and what it holds, proven by runs. Exit 69: there is none, and nothing would run."""
    from director.cli.doctor_text import capabilities_text
    from director.doctor.sandbox_image import probe_boxes

    held = await probe_boxes(settings)
    door.answer(held, capabilities_text(held))
