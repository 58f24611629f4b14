"""One run of a coding agent in a real box: its ends, its output, its changes, and what is left of it afterwards."""

import asyncio
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path

import pytest

from agents.cli_agents.agent_run import USED_UP_REFUSALS_MAX
from agents.gateway.checks import Checks
from agents.gateway.contract import CallRefused
from domain.money import Amount
from tests.cli_agents import agent
from tests.docker import box_image, docker_engine, docker_sandbox
from tests.gateways import Account, world
from tests.providers import answering
from tests.sandboxes import any_sandbox, sandbox, until_written
from verification.sandbox.base import MIB, Sandbox

__all__ = ["any_sandbox", "box_image", "docker_engine", "docker_sandbox", "sandbox"]  # fixtures
pytestmark = pytest.mark.needs_sandbox


async def test_it_works_on_the_working_copy_with_its_prompt_and_its_model(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
status, said = ask(sys.stdin.read())
open("b.py", "w").write(said["choices"][0]["message"]["content"])
print(status, sys.argv[1:], open(os.environ["HOME"] + "/settings.json").read(), os.getcwd())
subprocess.Popen(["sleep", "100"], start_new_session=True)
sys.exit(3)
"""
    async with (
        world(answering("y = 2")) as made,
        agent(any_sandbox, made.gateway, tmp_path, code, flags=("--fast",)) as small,
    ):
        result = await small.run()
        assert (result.end, result.exit_code, result.refused) == ("exit", 3, ())
        assert result.output == """200 ['hired-model', '--fast'] {"model": "hired-model"} /work\n"""
        assert made.provider.seen[0].body["messages"][0]["content"] == "Do it."
        found = await small.box.difference()
        assert (found.added, found.changed, dict(found.tree)) == (("b.py",), (), {"b.py": b"y = 2"})
        left = await small.box.run("ps -e | grep -c sleep")
        assert left.observed() == "0\n"


@pytest.mark.slow
@pytest.mark.ci
async def test_it_ends_when_its_time_is_over(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "open('c', 'w').write('early'); print('begun', flush=True); time.sleep(60)"
    async with world(answering()) as made, agent(sandbox, made.gateway, tmp_path, code) as small:
        result = await small.run(wall_s=4)
        assert (result.end, result.exit_code, result.output) == ("timeout", None, "begun\n")
        assert (await small.box.difference()).added == ("c",)


@pytest.mark.slow
@pytest.mark.ci
async def test_it_ends_when_it_is_cancelled(sandbox: Sandbox, tmp_path: Path) -> None:
    code = "open('begun', 'w').close(); time.sleep(60)"
    async with world(answering()) as made, agent(sandbox, made.gateway, tmp_path, code) as small:
        running = asyncio.create_task(small.run())
        await until_written(small.box, "begun")
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await small.box.run("ps -e | grep -c python3")).observed() == "1\n"  # the keeper


async def test_it_ends_when_its_budget_is_used_up(sandbox: Sandbox, tmp_path: Path) -> None:
    """The agent asks again and again, and ignores the refusals."""
    code = """
statuses = []
while True:
    statuses.append(ask()[0])
    print(statuses[-1], flush=True)
"""
    budget = Amount(Decimal("0.02"), 10_000)
    async with (
        world(answering(), reservation=budget) as made,
        agent(sandbox, made.gateway, tmp_path, code) as small,
    ):
        result = await small.run()
        assert result.end == "used_up"
        assert result.output.startswith("200\n")
        # The agent is ended before it can write the last answer.
        assert result.refused.count("reservation_used_up") >= USED_UP_REFUSALS_MAX
        assert made.account.attempt.charged.fits(budget)


@pytest.mark.slow
@pytest.mark.ci
async def test_an_agent_that_ends_by_itself_after_a_402_has_no_budget(sandbox: Sandbox, tmp_path: Path) -> None:
    budget = Amount(Decimal("0.0001"), 10_000)
    for code, end in (("sys.exit(ask()[0] == 402)", "used_up"), ("ask()", "exit")):
        async with (
            world(answering(), reservation=budget) as made,
            agent(sandbox, made.gateway, tmp_path, code) as small,
        ):
            result = await small.run()
            assert (result.end, result.refused) == (end, ("reservation_used_up",))


async def test_it_ends_when_no_further_call_is_permitted(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Account, bound: Amount, avoid: Collection[str] = ()) -> int:
        del self, bound, avoid
        raise CallRefused("run_ended", "The run has ended.")

    async with (
        world(answering()) as made,
        agent(sandbox, made.gateway, tmp_path, "print(ask()[0], flush=True); time.sleep(60)") as small,
    ):
        monkeypatch.setattr(Account, "ask", refuse)
        result = await small.run()
        assert (result.end, result.why, result.output) == ("not_permitted", "The run has ended.", "403\n")
        assert made.provider.seen == []


@pytest.mark.slow
@pytest.mark.ci
async def test_a_program_that_cannot_start_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    async with world(answering()) as made, agent(sandbox, made.gateway, tmp_path, "1/0") as small:
        result = await small.run()
        assert (result.end, result.exit_code) == ("exit", 1)
        assert "ZeroDivisionError" in result.output


@pytest.mark.slow
@pytest.mark.ci
async def test_it_asks_for_a_check_of_what_it_has_so_far(sandbox: Sandbox, tmp_path: Path) -> None:
    code = """
open("b.py", "w").write("y = 2")
print(subprocess.run(["aura-check"], capture_output=True, text=True))
"""
    async with world(answering()) as made, agent(sandbox, made.gateway, tmp_path, code) as small:

        async def judged() -> str:
            return f"judged: {', '.join((await small.box.snapshot()).added)}"

        result = await small.run()
        assert "This attempt has no check" in result.output
        made.gateway.checks = Checks(judged)
        result = await small.run()
        assert "stdout='judged: b.py\\n'" in result.output
        assert made.provider.seen == []


@pytest.mark.slow
async def test_its_memory_is_limited_and_the_box_goes_on(any_sandbox: Sandbox, tmp_path: Path) -> None:
    code = "print('begun', flush=True); held = bytearray(4000 * 1024 * 1024); print(len(held))"
    async with world(answering()) as made, agent(any_sandbox, made.gateway, tmp_path, code) as small:
        assert small.box.limits.memory_bytes < 4000 * MIB
        result = await small.run()
        assert result.end in ("memory", "signal", "exit")
        assert "begun" in result.output
        assert "4194304000" not in result.output
        assert (await small.box.run("echo alive")).observed() == "alive\n"
