"""The commands verdict, attestation verify and attestation key: recorded verdicts and their signatures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.commands.options import Html
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(verdict)
    group = typer.Typer(help="Check signed statements about verdicts.")
    group.command("verify")(verify)
    group.command("key")(key)
    app.add_typer(group, name="attestation")


@command("verdict")
async def verdict(
    door: Door,
    settings: "Settings",
    which: Annotated[
        str, typer.Argument(metavar="ID", help="A run (its last verdict), or a verdict's event: its id or sequence.")
    ] = "last",
    html: Html = None,
    attest: Annotated[
        Path | None, typer.Option("--attest", metavar="FILE", help="Write the verifier's signed statement.")
    ] = None,
) -> None:
    """Show a recorded verdict. It has reasons, criteria, gates, findings, and the command that repeats it."""
    from director.cli.written_file import write_file
    from director.reports.verdict_html import verdict_page
    from director.reports.verdict_text import recorded_text
    from director.services.verdicts import recorded_verdict

    recorded = await recorded_verdict(settings, which)
    if attest is not None:
        write_file(attest, recorded.signed())
    if html is not None:
        write_file(html, verdict_page(recorded.view).encode())
    door.answer(recorded.view.data(), recorded_text(recorded.view))


@command("attestation verify")
async def verify(
    door: Door,
    settings: "Settings",
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A delivery, or any folder that was judged.")],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="PUB", help="The public key to trust (PEM) instead of the home's.")
    ] = None,
    statement: Annotated[
        Path | None, typer.Option("--statement", metavar="FILE", help="The signed statement, if it is not in FOLDER.")
    ] = None,
) -> None:
    """Check a folder against its signed statement.

    Exit 0: verified. Exit 1: rejected, or released by override. Exit 6: not the signed files.
    """
    from director.cli.attestation_text import attestation_text
    from director.services.attestations import FolderCheck, check_folder

    checked = check_folder(FolderCheck(folder=folder, key=key, statement=statement), settings.keys)
    refusal = checked.refusal()
    door.answer(checked.data(), "" if refusal else attestation_text(checked), refusal)


@command("attestation key")
async def key(door: Door, settings: "Settings") -> None:
    """Show the public key of this home's verifier. Give it to the people who receive deliveries."""
    from director.services.attestations import verifier_key

    own = verifier_key(settings.keys)
    door.answer({"file": str(own.file), "key": own.key, "pem": own.pem}, f"{own.pem}{own.key}  {own.file}")
