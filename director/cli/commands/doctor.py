"""The command doctor: it checks every part that an organisation needs."""

from typing import TYPE_CHECKING

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(doctor)


@command("doctor")
async def doctor(door: Door, settings: "Settings") -> None:
    """Check this machine: sandbox, servers, disk, keys. Each part is ok, degraded or missing, and shows its remedy."""
    import os

    from director.cli.doctor_text import parts_text
    from director.doctor.report import diagnose, missing_parts

    diagnosis = await diagnose(settings, os.environ)
    door.answer(diagnosis, parts_text(diagnosis.parts), missing_parts(diagnosis))
