"""A real coding agent from npm calls every tool of `aura mcp` through its own configuration of MCP servers.

Its model is a double on loopback that plays one call of a tool in each turn. Everything else is real.
"""

import asyncio
import json
import platform
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from agents.cli_agents.library import shipped
from director.mcp.registry import BY_NAME
from director.services.user_acts import Asked, submit_text
from domain.message import derive
from domain.run_messages import Delivered
from governance.user_rights import TOKEN_SCOPES
from tests.agent_doubles import FINAL, calls_of
from tests.cli_agents import installed
from tests.integration.house import House, Sample, of
from tests.integration.mcp_site import McpSite, mcp_site
from tests.provider_double import Act, Provider, provider
from tests.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = [
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.needs_sandbox,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
]
ROLES = ("recorder", "manager", "verifier", "auditor", "accountant", "hr", "employees")
SERVER = "orchestra"
AGENT_WALL_S = 600
ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}


async def delivered(site: McpSite, house: House, sample: Sample, number: int) -> tuple[UUID, str]:
    """Return a run that waits for an approval, and its commit. The Director's key submitted it."""
    asked = Asked(requirement=sample.source.decode(), sealed=sample.sealed.decode())
    acted = await submit_text(site.opened, derive(UUID(int=7), "agent", number), asked)
    assert acted.run is not None
    log = await house.until_type(acted.run, "run.delivered")
    (event,) = [each.event for each in of(log, acted.run, "run.delivered")]
    assert isinstance(event, Delivered)
    return acted.run, event.commit


def turns(
    sample: Sample, first: tuple[UUID, str], second: UUID, third: tuple[UUID, str]
) -> list[tuple[str, dict[str, Any]]]:
    """Return a call of each tool, in an order in which each works."""
    texts = {"requirement": sample.source.decode(), "sealed": sample.sealed.decode()}
    run = {"run": str(first[0])}
    return [
        ("status", {}),
        ("inbox", {}),
        ("runs", {}),
        ("run_story", run),
        ("wait", run),
        ("diff", run),
        ("verdict", run),
        ("costs", {"by": "model"}),
        ("why", {"event": "T1", **run}),
        ("events", {"limit": 5}),
        ("estimate", texts),
        ("judge", {**texts, "files": sample.right("T1")}),
        ("submit", texts),
        ("comment", {**run, "text": "Keep it short."}),
        ("return_delivery", {"run": str(third[0]), "commit": third[1], "comments": [{"text": "Say why."}]}),
        ("approve", {**run, "commit": first[1]}),
        ("reject", {"run": str(second), "reason": "asked"}),
        ("cancel", {"run": "last", "reason": "asked"}),
        ("pause", {"reason": "asked"}),
        ("halt", {"reason": "asked"}),
    ]


async def claude(folder: Path, address: str, server: dict[str, Any]) -> tuple[int, str]:
    """Run Claude Code in print mode with one MCP server. Return its exit status and its output."""
    toolbox = installed("claude")
    words = {"{gateway}": address, "{model}": "hired-model", "{output_tokens}": "2000", "{home}": str(folder)}
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "ENABLE_TOOL_SEARCH": "false"}
    environment |= {"MCP_TIMEOUT": "240000", "MCP_TOOL_TIMEOUT": "240000"}
    environment |= {"MCP_CONNECTION_NONBLOCKING": "0", "MCP_CONNECT_TIMEOUT_MS": "240000"}  # it waits for the server
    # Nothing may leave this machine: each other address goes to a closed port.
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    for name, value in shipped()["claude"].env.items():
        for word, text in words.items():
            value = value.replace(word, text)
        environment[name] = value
    settings = folder / "servers.json"
    settings.write_text(json.dumps({"mcpServers": {SERVER: server}}))
    program = toolbox / f"node_modules/@anthropic-ai/claude-code-linux-{ARCHITECTURES[platform.machine()]}/claude"
    process = await asyncio.create_subprocess_exec(
        program, "-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "bypassPermissions",
        "--strict-mcp-config", "--mcp-config", settings, "--no-session-persistence", "Do what the model says.",
        cwd=folder, env=environment, limit=2**24, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        out, _ = await asyncio.wait_for(process.communicate(), AGENT_WALL_S)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, out.decode(errors="replace")


def results_of(double: Provider) -> list[dict[str, Any]]:
    """Return the results of tools that the agent sent to its model, in order."""
    last = max(double.seen, key=lambda seen: len(seen.raw)).body
    parts = [part for message in last["messages"] for part in message["content"] if isinstance(part, dict)]
    return [part for part in parts if part.get("type") == "tool_result"]


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_claude_code_lists_and_calls_every_tool(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, transport: str
) -> None:
    installed("claude")
    sample = Sample(1)
    await house.hire("worker", {task: [sample.right(task)] for task in sample.numbers})
    async with mcp_site(house, monkeypatch, *ROLES) as site:
        first, second, third = [await delivered(site, house, sample, number) for number in (1, 2, 3)]
        token = await site.token("director", *TOKEN_SCOPES)
        program = site.program(token)
        servers: dict[str, dict[str, Any]] = {
            "stdio": {"command": program.command, "args": program.args, "env": program.env},
            "http": {"type": "http", "url": f"{site.url}/mcp", "headers": {"Authorization": f"Bearer {token}"}},
        }
        wanted = turns(sample, first, second[0], third)
        assert {name for name, _ in wanted} == set(BY_NAME)
        act: Act = calls_of([(f"mcp__{SERVER}__{name}", arguments) for name, arguments in wanted])
        async with provider(act) as double:
            status, out = await claude(tmp_path, double.address, servers[transport])
        assert (status, FINAL in out) == (0, True), out[-3000:]
        offered = {tool["name"] for seen in double.seen for tool in seen.body.get("tools", ())}
        assert {f"mcp__{SERVER}__{name}" for name in BY_NAME} <= offered, "the agent lists every tool"
        results = results_of(double)
        pairs = zip(wanted, results, strict=True)
        failed = [(name, result["content"]) for (name, _), result in pairs if result.get("is_error")]
        assert failed == []
        types = [each.envelope.type for each in await house.log() if each.envelope.role == "user"]
        assert {"run.submitted", "run.approved", "run.ended", "organisation.paused", "organisation.halted"} <= set(
            types
        )
