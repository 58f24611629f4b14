"""verdict, attestation verify, attestation key: what the verifier said, and whether it was the verifier."""

from pathlib import Path
from typing import Annotated

import typer

from director.cli.commands.options import Html, Json


def register(app: typer.Typer) -> None:
    app.command()(verdict)
    group = typer.Typer(help="Signed statements about verdicts.")
    group.command("verify")(verify)
    group.command("key")(key)
    app.add_typer(group, name="attestation")


def verdict(
    which: Annotated[
        str, typer.Argument(metavar="ID", help="A run (its last verdict), or a verdict's event: its id or sequence.")
    ] = "last",
    as_json: Json = False,
    html: Html = None,
    attest: Annotated[
        Path | None, typer.Option("--attest", metavar="FILE", help="Write the verifier's signed statement.")
    ] = None,
) -> None:
    """A verdict on record, whole: criteria, gates, findings, and how to have it again."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("verdict", as_json)

    async def work() -> None:
        from director.services.verdicts import show_verdict

        await show_verdict(Settings(), door, which, html=html, attest=attest)

    door.run(work())


def verify(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A delivery, or any folder that was judged.")],
    as_json: Json = False,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUB", help="The public key to trust (PEM); else the home's.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--statement", metavar="FILE", help="The signed statement, if it is not in FOLDER.")
    ] = None,
) -> None:
    """Whether these files are those that the verifier verified. Exit 0: yes, 1: they were rejected, 6: they differ."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("attestation verify", as_json)

    async def work() -> None:
        from director.services.attestations import check_folder

        check_folder(Settings(), door, folder, key=key, statement=statement)

    door.run(work())


def key(as_json: Json = False) -> None:
    """The public key of this home's verifier, to give to whoever receives its deliveries."""
    from director.settings import Settings
    from director.terminal.output import Door

    door = Door("attestation key", as_json)

    async def work() -> None:
        from director.services.attestations import show_key

        show_key(Settings(), door)

    door.run(work())
