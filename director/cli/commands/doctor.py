"""doctor: is everything here that an organisation needs?"""

import typer

from director.cli.commands.options import Json


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: Json = False) -> None:
    """Look at every part (sandbox, servers, room, keys) and say of each: ok, degraded or missing, and what to do."""
    import os

    from director.doctor.report import diagnose
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("doctor", as_json)
    door.run(diagnose(Settings(), os.environ, door))
