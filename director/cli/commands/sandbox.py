"""sandbox build, sandbox probe: where code under test runs."""

import typer

from director.cli.commands.options import Json


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="Where code under test runs.")
    group.command("build")(build)
    group.command("probe")(probe)
    app.add_typer(group, name="sandbox")


def build(as_json: Json = False) -> None:
    """Build the root file system of the boxes from this Python, without a network, and hand it to Docker if it runs."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("sandbox build", as_json)

    async def work() -> None:
        from director.doctor.sandbox_image import build_boxes

        await build_boxes(Settings(), door)

    door.run(work())


def probe(as_json: Json = False) -> None:
    """Which sandbox is used here, and what it holds, proven by runs. Exit 69: there is none, and nothing would run."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("sandbox probe", as_json)

    async def work() -> None:
        from director.doctor.sandbox_image import probe_boxes

        await probe_boxes(Settings(), door)

    door.run(work())
