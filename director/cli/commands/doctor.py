"""doctor: is everything here that an organisation needs?"""

import typer

from director.commands.options import Json


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: Json = False) -> None:
    """Look at every part (sandbox, servers, room, keys) and say of each: ok, degraded or missing, and what to do."""
    import os

    from director.doctor import diagnose
    from director.door import Door
    from director.settings import Settings

    door = Door("doctor", as_json)
    door.run(diagnose(Settings(), os.environ, door))
