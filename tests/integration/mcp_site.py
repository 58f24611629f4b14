"""A running organisation with one user of each role, and clients of the official SDK for its MCP server."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, TextContent

from director.http.server import serve_http
from director.services import people
from director.services.session import DirectorSession
from director.settings import Settings
from domain.user import USER_ROLES
from governance import keys
from tests.integration.house import House

READ_S = 240


class McpSite(NamedTuple):
    """A running HTTP server, and the environment in which `aura mcp` finds the same organisation."""

    url: str
    opened: DirectorSession
    environment: dict[str, str]

    async def token(self, name: str, *scopes: str) -> str:
        return (await people.create_token(self.opened, name, scopes=scopes, days=1)).text

    @asynccontextmanager
    async def over_http(self, token: str, *, mode: str = "auto") -> AsyncIterator[Client]:
        """Yield a client that sends this token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(trust_env=False, timeout=READ_S, headers=headers) as connection,
            Client(streamable_http_client(f"{self.url}/mcp", http_client=connection), mode=mode) as client,
        ):
            yield client

    @asynccontextmanager
    async def at_stdio(self, token: str = "", *, person: str = "", mode: str = "auto") -> AsyncIterator[Client]:
        """Yield a client of a new process `aura mcp`."""
        async with Client(self.program(token, person), mode=mode) as client:
            yield client

    def program(self, token: str = "", person: str = "") -> StdioServerParameters:
        return StdioServerParameters(
            command=sys.executable,
            args=["-P", "-m", "director", "mcp", *(["--as", person] if person else [])],
            env=self.environment | ({"AURA_TOKEN": token} if token else {}),
        )


@asynccontextmanager
async def mcp_site(
    house: House, monkeypatch: pytest.MonkeyPatch, *roles: str, **settings: object
) -> AsyncIterator[McpSite]:
    """Run these roles of an organisation and its HTTP server. The name of each user is its role."""
    environment = {
        "AURA_HOME": str(house.home),
        "AURA_NATS_URL": house.nats_url,
        "AURA_POSTGRES_DSN": house.postgres_dsn,
        "AURA_ALLOW_DEGRADED": "1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    read, stop = Settings(), asyncio.Event()
    url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with house.running(roles, **settings):  # type: ignore[arg-type]  # settings of a process
        opened = DirectorSession(read, house.office, keys.load(read.keys, "director"))
        for role in USER_ROLES:
            await people.add_user(opened, role, [role])
        serving = asyncio.create_task(serve_http(read, port=0, on_ready=url.set_result, stop=stop))
        try:
            yield McpSite(await url, opened, environment)
        finally:
            stop.set()
            await serving


def text_of(result: CallToolResult) -> str:
    """Return the only text of a result."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def data_of(result: CallToolResult) -> dict[str, Any]:
    """Return the data of a call that worked. Its text is the same data."""
    assert not result.is_error, text_of(result)
    assert isinstance(result.structured_content, dict)
    assert json.loads(text_of(result)) == result.structured_content
    return result.structured_content


def error_of(result: CallToolResult) -> dict[str, Any]:
    """Return the error of a call that failed. It has a kind, a code, a message and a hint."""
    assert result.is_error, text_of(result)
    error: dict[str, Any] = json.loads(text_of(result))["error"]
    assert error["code"]
    assert error["message"]
    assert "Traceback" not in text_of(result)
    return error
