"""The MCP server at stdin and stdout: one client, one person."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from mcp.server.stdio import stdio_server

from bus.secretfile import secret
from director.mcp.server import Identify, McpDoor
from director.services.callers import Callers
from director.services.session import open_log
from director.settings import Settings
from domain.errors import Invalid
from governance.credentials import SignedIn

TOKEN = "AURA_TOKEN"


async def serve_stdio(settings: Settings, *, name: str = "", token_file: Path | None = None) -> None:
    """Serve until stdin ends. `name`: the user to act as, at the machine of the organisation.

    Raises Invalid if nobody or two people are named, and Unauthenticated for a token that is not open.
    """
    token = token_of(os.environ, token_file)
    if bool(token) == bool(name):
        raise Invalid(
            "Two people are named." if name else "Nobody is named, so the server does not know for whom it acts.",
            hint=f"Set {TOKEN} to a token (aura token create NAME --scope read), or write --as NAME on this machine.",
            code="no_person",
        )
    logging.getLogger("mcp").addHandler(logging.NullHandler())  # stderr belongs to our own messages
    logging.getLogger("mcp").propagate = False
    office = await open_log(settings, "aura-mcp")
    try:
        callers = Callers(settings, office)
        identify = await _identity(callers, token, name)
        server = McpDoor(callers, identify, local=True).server()
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        await office.close()


def token_of(environment: Mapping[str, str], file: Path | None) -> str:
    """Return the token from a file or from AURA_TOKEN (or AURA_TOKEN_FILE); empty if there is none. Raises Invalid."""
    if file is None:
        return secret(TOKEN, environment)
    return secret(TOKEN, {f"{TOKEN}_FILE": str(file)})


async def _identity(callers: Callers, token: str, name: str) -> Identify:
    """Return the function that tells who calls. A token is checked again at each call, so it can be revoked."""
    if name:
        person = await callers.at_home(name)

        async def at_home(_: object) -> SignedIn:
            return person

        return at_home
    await callers.by_token(token)

    async def by_token(_: object) -> SignedIn:
        return await callers.by_token(token)

    return by_token
