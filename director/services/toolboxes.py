"""The programs of coding agents on this machine: which agents are known, and the installation of their programs."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from agents.cli_agents.library import template_named, templates
from agents.cli_agents.template import AgentTemplate
from agents.cli_agents.toolbox import build_toolbox, find_toolbox, packages_of
from director.settings import Settings
from domain.errors import NotFound


class KnownAgent(msgspec.Struct, frozen=True, kw_only=True):
    """One coding agent. `folder` None: its program is not installed on this machine. `packages`: with exact versions.

    `installed`: the number of packages that its toolbox contains, with all that they need.
    """

    name: str
    says: str
    wire: str
    packages: dict[str, str]
    folder: Path | None = None
    installed: int = 0


def list_agents(settings: Settings) -> list[KnownAgent]:
    """Return the known coding agents. Raises Invalid for a template that cannot be read."""
    return [_known(settings, template) for _, template in sorted(templates(settings.employees).items())]


async def install_agent(settings: Settings, name: str, on_progress: Callable[[str], None]) -> KnownAgent:
    """Install the program of a coding agent, if it is not installed, and return it.

    Raises NotFound for an unknown agent, Unavailable if something is missing, and Conflict while another process
    installs it.
    """
    template = template_named(name, settings.employees)
    await asyncio.to_thread(build_toolbox, settings.home, template, on_progress)
    return _known(settings, template)


def _known(settings: Settings, template: AgentTemplate) -> KnownAgent:
    agent = KnownAgent(name=template.name, says=template.says, wire=template.wire, packages=template.packages())
    try:
        folder = find_toolbox(settings.home, template)
    except NotFound:
        return agent
    return msgspec.structs.replace(agent, folder=folder, installed=len(packages_of(folder)))
