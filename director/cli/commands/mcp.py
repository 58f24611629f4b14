"""The command mcp: the organisation as a server of tools for an editor or agent, at stdin and stdout."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    app.command("mcp")(mcp)


@command("mcp")
async def mcp(
    door: Door,
    settings: "Settings",
    person: Annotated[
        str,
        typer.Option("--as", metavar="NAME", help="Act as this user. It needs the Director's key in AURA_HOME/keys."),
    ] = "",
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the token. Without it: AURA_TOKEN.")
    ] = None,
) -> None:
    """Serve tools to an editor or agent (MCP) at stdin and stdout, until stdin ends.

    The server acts as one person: the owner of the token in AURA_TOKEN, or the user of --as. `aura serve http` serves
    the same tools at http://127.0.0.1:8000/mcp. docs/mcp.md has configurations for editors.
    """
    from director.mcp.stdio import serve_stdio

    await serve_stdio(settings, name=person, token_file=token_file)
    door.answer({"served": True})
