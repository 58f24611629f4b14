"""The real programs of seven coding agents, from npm and PyPI, each in a box before a double of its provider.

The doubles are no models: they play scripted turns (tests/agent_doubles.py). Everything else is real. The programs are
kept in a folder for temporary files, so that a second run does not download them again.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from agents.cli_agents.agent_run import AgentResult, run_agent
from agents.cli_agents.command_line import AgentJob
from agents.cli_agents.library import shipped
from domain.money import Amount
from domain.tree import Tree
from tests.agent_doubles import edits, turns_of
from tests.attacks.session_keeper import MARK, keeper_of
from tests.cli_agents import agent_box, installed
from tests.docker import box_image, docker_engine, docker_sandbox
from tests.gateways import PLENTY, SECRET, World, world
from tests.processes_of_box import Search, interfaces, remote_addresses
from tests.provider_double import Act, Provider, provider
from tests.providers import answering, endless
from tests.sandboxes import sandbox
from verification.sandbox.base import Sandbox
from verification.sandbox.session_box import SessionBox
from verification.sandbox.tree_difference import TreeDifference

__all__ = ["box_image", "docker_engine", "docker_sandbox", "sandbox"]
pytestmark = [pytest.mark.slow, pytest.mark.needs_sandbox, pytest.mark.timeout(900)]
AGENTS = sorted(shipped())
TEXT = "made by the agent's own tool\n"
COMMANDS = [
    f"printf '{TEXT.strip()}\\n' > made.txt".replace("agent's", "agent'\\''s"),
    "cat made.txt; env; ls -a /tmp/home",
]
PROMPT_MARK = "a-mark-of-the-prompt-81f3"
PROMPT = f"Write the file made.txt with one line. {PROMPT_MARK}"
GIT = "git init -q && git add -A && git commit -qm base"
WALL_S = 240.0


@pytest.fixture(params=AGENTS)
def program(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Return an agent and its toolbox, built from the registries."""
    name = str(request.param)
    return name, installed(name)


class Ran(NamedTuple):
    """One run of an agent, and what was seen from outside while it ran."""

    result: AgentResult
    difference: TreeDifference
    made: World
    addresses: set[str]
    interfaces: set[str]
    searched: Search
    files_with: dict[str, str]


@asynccontextmanager
async def opened(sandbox: Sandbox, job: AgentJob) -> AsyncIterator[SessionBox]:
    """Open a box with a git repository, whose keeper can be found from outside."""
    tree = Tree({"a.py": b"x = 1\n", "mark": os.urandom(8).hex().encode()})
    async with agent_box(sandbox, job, tree, env={MARK: tree["mark"].decode()}) as box:
        assert (await box.run(GIT)).exit_code == 0
        yield box


async def play(
    sandbox: Sandbox, name: str, toolbox: Path, act: Act, *, reservation: Amount = PLENTY, wall_s: float = WALL_S
) -> Ran:
    """Run an agent to its end before a double, and watch its box from outside."""
    job = AgentJob(template=shipped()[name], toolbox=toolbox, model="hired-model", prompt=PROMPT)
    search = Search([SECRET.encode(), PROMPT_MARK.encode()])
    seen: set[str] = set()
    async with (
        world(_searched(act, search), reservation=reservation, output_tokens_max=2000, wall_s=60) as made,
        opened(sandbox, job) as box,
    ):
        search.keeper = keeper = keeper_of(box)
        running = asyncio.create_task(run_agent(box, job, made.gateway, wall_s=wall_s))
        while not running.done():
            seen |= remote_addresses(keeper)
            await asyncio.wait({running}, timeout=0.02)
        names = interfaces(keeper)
        files = {
            mark: (await box.run(f"grep -rlF -- {mark} /work /tmp /aura/prompt.md")).observed()
            for mark in (SECRET, PROMPT_MARK)
        }
        return Ran(running.result(), await box.difference(), made, seen, names, search, files)


def _searched(act: Act, search: Search) -> Act:
    """Search the memory of all processes of the box before each answer, while the agent waits for it."""

    async def acting(double: Provider, writer: asyncio.StreamWriter, seen: object) -> None:
        await asyncio.to_thread(search.look)
        await act(double, writer, seen)  # type: ignore[arg-type]  # a request, as the double got it

    return acting


def script(name: str, commands: Sequence[str] = COMMANDS) -> Act:
    return edits("made.txt", TEXT) if name == "aider" else turns_of(name.removesuffix("-acp"), commands)


async def test_it_completes_a_task_and_reaches_only_the_gateway(sandbox: Sandbox, program: tuple[str, Path]) -> None:
    """No key is in its box. The controls: the same searches find the prompt, and the same watch sees the gateway."""
    name, toolbox = program
    async with provider(answering()) as elsewhere:
        ran = await play(sandbox, name, toolbox, script(name))
        assert elsewhere.connections == 0
    assert (ran.result.end, ran.result.exit_code) == ("exit", 0), ran.result.output[-1500:]
    own = shipped()[name].own_files
    assert ran.difference.tree["made.txt"] == TEXT.encode()
    assert {
        path for path in ran.difference.manifest() if not path.startswith(tuple(each.rstrip("*/") for each in own))
    } == {"made.txt"}
    calls = ran.made.account.calls
    assert len(ran.made.provider.seen) == len(calls) >= (1 if name == "aider" else 3)
    assert [call.snapshot.outcome for call in calls.values()] == ["answered"] * len(calls)
    assert {seen.body.get("model", "hired-model") for seen in ran.made.provider.seen} == {"hired-model"}
    assert ran.made.account.attempt.charged.usd == sum(
        (call.snapshot.cost.usd for call in calls.values() if call.snapshot.cost), Decimal(0)
    )
    assert ran.addresses == {"127.0.0.1"}
    assert ran.interfaces == {"lo"}
    assert ran.searched.found == {PROMPT_MARK.encode()}
    assert ran.searched.bytes_read > 10_000_000
    assert ran.files_with[SECRET] == ""
    assert "/aura/prompt.md" in ran.files_with[PROMPT_MARK]


async def test_the_cap_holds_when_the_model_never_stops(sandbox: Sandbox, program: tuple[str, Path]) -> None:
    name, toolbox = program
    reservation = Amount(Decimal("0.60"), 400_000)
    ran = await play(sandbox, name, toolbox, endless(), reservation=reservation, wall_s=240)
    charged = ran.made.account.attempt.charged
    assert ran.result.end in ("used_up", "exit", "timeout"), ran.result.output[-1500:]
    assert len(ran.made.account.calls) >= 1
    assert charged.fits(reservation)
    assert ran.made.account.worst.usd >= 0
    assert ran.made.provider.billed_tokens <= charged.tokens
    assert ran.made.account.attempt.open == {}


@pytest.mark.parametrize("name", [name for name in AGENTS if shipped()[name].prompt == "acp"])
async def test_by_acp_each_command_gets_a_permission_for_this_call(sandbox: Sandbox, name: str) -> None:
    """The agent asks before the command that writes a file. qwen-code does not ask before the command that reads."""
    ran = await play(sandbox, name, installed(name), script(name))
    told = [json.loads(line) for line in ran.result.output.splitlines() if line.startswith("{")]
    given = [each["answer"] for each in told if each["kind"] == "permission"]
    assert len(given) == (1 if name == "qwen-code-acp" else 2)
    assert set(given) <= {"once", "proceed_once", "allow-once", "approved"}
    assert told[-1] == {"kind": "end", "status": 0, "text": "The agent has ended its turn."}
    assert ran.difference.tree["made.txt"] == TEXT.encode()


@pytest.mark.parametrize("name", ["claude", "gemini", "mini-swe-agent"])
async def test_it_works_in_a_container(docker_sandbox: Sandbox, name: str) -> None:
    """A native program, one with its Node.js, and one with Python. The container has no Node.js of its own."""
    job = AgentJob(template=shipped()[name], toolbox=installed(name), model="hired-model", prompt=PROMPT)
    async with world(script(name), output_tokens_max=2000, wall_s=60) as made, agent_box(docker_sandbox, job) as box:
        assert (await box.run("which node npm")).exit_code != 0
        assert (await box.run(GIT)).exit_code == 0
        result = await run_agent(box, job, made.gateway, wall_s=WALL_S)
        assert (result.end, result.exit_code) == ("exit", 0), result.output[-1500:]
        assert (await box.difference()).tree["made.txt"] == TEXT.encode()
