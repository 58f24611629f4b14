"""A coding agent for tests: a small honest program, its template and its box. It makes real requests to the gateway."""

import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from agents.cli_agents.agent_run import AgentResult, agent_files, agent_folders, run_agent
from agents.cli_agents.command_line import AgentJob
from agents.cli_agents.library import shipped
from agents.cli_agents.template import AgentTemplate
from agents.cli_agents.toolbox import build_toolbox
from agents.gateway.gateway import Gateway
from domain.errors import Unavailable
from domain.tree import Tree
from verification.sandbox.base import Sandbox
from verification.sandbox.session_box import SessionBox
from verification.sandbox.session_limits import SESSION_LIMITS, SessionLimits, agent_limits

PROGRAM = """
import http.client, json, os, subprocess, sys, time
def ask(text="Add two numbers."):
    body = {"model": "other", "messages": [{"role": "user", "content": text}], "max_tokens": 100}
    line = http.client.HTTPConnection("127.0.0.1", 4141, timeout=60)
    line.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
    answer = line.getresponse()
    return answer.status, json.loads(answer.read())
"""
TEMPLATE = AgentTemplate(
    name="small",
    says="a small program of the tests",
    wire="chat",
    prompt="stdin",
    argv=("python3", "-I", "-B", "{toolbox}/program.py", "{model}", "{flags}"),
    pip={"none": "1"},
    files={"{home}/settings.json": '{"model": "{model}"}'},
    own_files=(".small/**",),
)
REAL_AGENTS = Path(tempfile.gettempdir()) / f"aura-test-agents-{os.getuid()}"
NOT_HERE = ("npm_missing", "pip_missing", "no_network")
TREE = Tree({"a.py": b"x = 1\n"})


class Agent(NamedTuple):
    """An agent in its open box."""

    box: SessionBox
    job: AgentJob
    gateway: Gateway

    async def run(self, wall_s: float = 30) -> AgentResult:
        return await run_agent(self.box, self.job, self.gateway, wall_s=wall_s)


def installed(name: str) -> Path:
    """Return the toolbox of a real agent. Without npm, pip or a registry the test is skipped.

    The programs stay in a folder for temporary files, so that a second run does not download them again.
    """
    try:
        return build_toolbox(REAL_AGENTS, shipped()[name], lambda _: None)
    except Unavailable as error:
        if error.code in NOT_HERE:
            pytest.skip(f"{name} cannot be installed here: {error}")
        raise


def install(folder: Path, code: str) -> None:
    """Write the program of the agent into its toolbox."""
    folder.chmod(0o755)
    (folder / "program.py").write_text(PROGRAM + code)


@asynccontextmanager
async def agent(
    sandbox: Sandbox, gateway: Gateway, folder: Path, code: str, *, limits: SessionLimits | None = None, **job: Any
) -> AsyncIterator[Agent]:
    """Open the box of an agent whose program is this code, after the function `ask`."""
    install(folder, code)
    made = AgentJob(**{"template": TEMPLATE, "toolbox": folder, "model": "hired-model", "prompt": "Do it.", **job})
    async with agent_box(sandbox, made, limits=limits) as box:
        yield Agent(box, made, gateway)


def agent_box(
    sandbox: Sandbox,
    job: AgentJob,
    tree: Tree = TREE,
    *,
    limits: SessionLimits | None = None,
    env: Mapping[str, str] | None = None,
) -> SessionBox:
    """Return the box of an agent. It is not open yet."""
    return SessionBox(
        sandbox,
        tree,
        limits=limits or agent_limits(SESSION_LIMITS["new"]),
        read_only=agent_files(job),
        folders=agent_folders(job),
        env=env,
        allow_degraded=True,
    )
