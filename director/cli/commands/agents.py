"""The command toolbox: the programs of coding agents on this machine."""

from typing import TYPE_CHECKING, Annotated

import typer

from director.cli.commands.command import command
from director.cli.output import Door

if TYPE_CHECKING:
    from director.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(toolbox)


@command("toolbox")
async def toolbox(
    door: Door,
    settings: "Settings",
    agents: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENT]...", help="Install the programs of these coding agents.")
    ] = None,
) -> None:
    """Install the programs of coding agents from npm or PyPI, or list the known agents."""
    from director.services.toolboxes import install_agent, list_agents

    shown = [await install_agent(settings, name, door.note) for name in agents] if agents else list_agents(settings)
    lines = []
    for agent in shown:
        program = ", ".join(f"{name} {version}" for name, version in agent.packages.items())
        lines.append(f"{agent.name:<16}{'installed' if agent.folder else 'not installed':<15}{program}")
    door.answer({"agents": shown}, "\n".join(lines))
