"""A coding agent that speaks ACP, in a real box with the client beside it. The agents are doubles without a model."""

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.money import Amount
from tests.acp_agents import PROGRAM
from tests.cli_agents import TEMPLATE, agent, install
from tests.docker import box_image, docker_engine, docker_sandbox
from tests.gateways import world
from tests.providers import answering
from tests.sandboxes import sandbox
from verification.in_box.acp_client import AGENT_ENDED
from verification.sandbox.base import Sandbox

__all__ = ["box_image", "docker_engine", "docker_sandbox", "sandbox"]  # fixtures
pytestmark = pytest.mark.needs_sandbox
SPEAKS_ACP = replace(TEMPLATE, prompt="acp")


def steps(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def kinds(told: Sequence[dict[str, Any]]) -> list[str]:
    return [str(each["kind"]) for each in told]


async def test_it_works_through_the_gateway_with_permissions_for_each_call(sandbox: Sandbox, tmp_path: Path) -> None:
    await completes(sandbox, tmp_path)


@pytest.mark.slow
@pytest.mark.ci
async def test_it_works_in_a_container(docker_sandbox: Sandbox, tmp_path: Path) -> None:
    await completes(docker_sandbox, tmp_path)


async def completes(sandbox: Sandbox, folder: Path) -> None:
    """Let an honest agent complete a task in this sandbox, and check each of its steps."""
    code = """
prompt = begin()
status, said = ask_model(prompt["params"]["prompt"][0]["text"])
assert ask("fs/write_text_file", sessionId="s1", path="/work/c.py", content="")["error"]["code"] == -32601
if may("edit") == {"outcome": "selected", "optionId": "id-of-allow_once"}:
    open("b.py", "w").write(said["choices"][0]["message"]["content"])
say(f"{status} {sys.argv[1:]} {os.getcwd()}")
subprocess.Popen(["sleep", "100"], start_new_session=True)
end(prompt)
"""
    async with (
        world(answering("y = 2")) as made,
        agent(sandbox, made.gateway, folder, _program(code), template=SPEAKS_ACP, flags=("--fast",)) as small,
    ):
        result = await small.run()
        told = steps(result.output)
        assert (result.end, result.exit_code, kinds(told)) == ("exit", 0, ["refused", "permission", "message", "end"])
        assert told[2]["text"] == "200 ['hired-model', '--fast'] /work"
        assert made.provider.seen[0].body["messages"][0]["content"] == "Do it."
        tree = (await small.box.difference()).tree
        assert (tree["b.py"], "c.py" in tree) == (b"y = 2", False)
        assert (await small.box.run("ps -e | grep -c sleep")).observed() == "0\n"


async def test_an_agent_that_ends_its_client_or_itself_has_failed(sandbox: Sandbox, tmp_path: Path) -> None:
    """The control is the test above: an honest agent ends with 0."""
    ends = {
        "begin(); sys.exit(0)": AGENT_ENDED,
        "begin(); os.kill(os.getppid(), 9); time.sleep(60)": 137,
    }
    async with (
        world(answering()) as made,
        agent(sandbox, made.gateway, tmp_path, "", template=SPEAKS_ACP) as small,
    ):
        for code, status in ends.items():
            install(tmp_path, _program(code))
            result = await small.run()
            assert (result.end, result.exit_code) == ("exit", status), result.output
            assert "Error" not in result.output


@pytest.mark.slow
@pytest.mark.ci
async def test_the_cap_holds_and_reported_cost_is_ignored(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
prompt = begin()
while True:
    update("usage_update", used=1, size=9, cost={"amount": 0, "currency": "USD"})
    if ask_model()[0] == 402:
        send(id=prompt["id"], result={"stopReason": "end_turn", "usage": {"totalTokens": 0}})
        break
read()
"""
    budget = Amount(Decimal("0.02"), 10_000)
    async with (
        world(answering(), reservation=budget) as made,
        agent(sandbox, made.gateway, tmp_path, _program(code), template=SPEAKS_ACP) as small,
    ):
        result = await small.run()
        assert (result.end, result.exit_code) == ("exit", 0)
        assert "reservation_used_up" in result.refused
        assert made.account.attempt.charged.fits(budget)
        assert made.account.attempt.charged.usd > 0
        assert kinds(steps(result.output)) == ["end"]


def _program(code: str) -> str:
    """Return a program with the functions of both doubles: `ask` asks the client, and `ask_model` the gateway."""
    return "ask_model = ask\n" + PROGRAM + code
