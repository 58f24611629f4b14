"""A command that waits for a run is interrupted, or a server becomes unreachable. It says that the run continues."""

import os
import signal
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from director.services.hand_in import advised
from domain.errors import Unavailable
from domain.money import Amount
from tests.acceptance.cli import WAIT_S, Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

BUDGET = Decimal("1.00"), 1_000_000
"""The budget of each sample."""


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    """Return an organisation without staff, so that a run waits."""
    with homely("up", "--no-model") as aura:
        yield aura


def amount_of(shown: dict[str, Any]) -> Amount:
    """Return an amount of an answer. Its dollars may be written as 0 or as 0.00."""
    return Amount(Decimal(shown["usd"]), shown["tokens"])


def waiting(aura: Aura, name: str) -> tuple[subprocess.Popen[str], str]:
    """Submit with `--wait`. Return the command and the run's id when the manager's rows contain the run."""
    inside = aura.inside()
    known = {run["run"] for run in inside.json("runs")["runs"]}
    process = aura.begin("submit", aura.requirement(Sample(), name), "--wait")
    (run,) = inside.until(lambda: {run["run"] for run in inside.json("runs")["runs"]} - known)
    assert process.stdout is not None
    assert process.stdout.readline()  # it follows the run
    return process, run


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("command", ["submit", "watch"])
def test_ctrl_c_says_that_the_run_goes_on(aura: Aura, command: str) -> None:
    process, run = waiting(aura, command)
    if command == "watch":
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT_S)
        process = aura.begin("watch", run)
        assert process.stdout is not None
        assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert f"Interrupted. The run continues: `aura watch {run}` follows it" in said
    assert aura.inside().json("run", "show", run)["run"]["outcome"] is None


@pytest.mark.slow
@pytest.mark.ci
def test_a_wait_names_its_reason_on_every_screen(aura: Aura) -> None:
    process, run = waiting(aura, "reason")
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    assert any("waits: Nobody is on the staff." in line for line in lines)
    assert "Hire somebody: aura hire --help" in next(lines)
    inside = aura.inside()
    assert inside.json("run", "show", run)["waiting"]["code"] == "no_staff"
    for data in (inside.status()["waiting"], inside.json("inbox")["held_up"]):
        assert {one["run"]: one["waiting"]["code"] for one in data}[run] == "no_staff"
    for command in (["run", "show", run], ["status"], ["inbox"]):
        assert "Nobody is on the staff." in inside.text(*command)
    inside.json("pause", "--reason", "lunch")
    assert any("waits: The organisation is paused." in line for line in lines)
    assert inside.json("run", "show", run)["waiting"]["code"] == "paused"
    inside.json("resume", "--reason", "done")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_S)


@pytest.mark.slow
@pytest.mark.ci
def test_the_budget_shows_what_open_runs_have_reserved(aura: Aura) -> None:
    inside = aura.inside()
    inside.until(lambda: inside.run("budget").code == 0)  # the rows follow the log a moment later
    before = inside.json("budget")
    process, run = waiting(aura, "reserved")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_S)
    now = inside.json("budget")
    assert (
        Decimal(now["reserved"]["usd"]) - Decimal(before["reserved"]["usd"]),
        now["reserved"]["tokens"] - before["reserved"]["tokens"],
    ) == BUDGET
    assert now["left"]["tokens"] == now["limit"]["tokens"] - now["spent"]["tokens"] - now["reserved"]["tokens"]
    inside.json("reject", run, "--reason", "to settle it")
    assert inside.until(lambda: amount_of(inside.json("budget")["reserved"]) == amount_of(before["reserved"]))
    inside.json("budget", "--usd", "0", "--tokens", "7")
    assert inside.until(lambda: inside.json("budget")["limit"]["tokens"] == 7)
    assert inside.json("budget")["left"]["tokens"] == 7 - before["spent"]["tokens"] - before["reserved"]["tokens"]
    shown = inside.text("budget").splitlines()
    assert ["cap", "limit", "reserved", "settled", "left", "forecast"] in [line.split() for line in shown]
    assert any(line.startswith("organisation") for line in shown)


@pytest.mark.slow
@pytest.mark.ci
def test_a_database_that_dies_during_the_wait_is_no_reason_to_submit_again(aura: Aura) -> None:
    process, run = waiting(aura, "killed")
    os.kill(next(child["pid"] for child in aura.inside().status()["children"] if child["name"] == "postgres"), 9)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 69
    assert f"`aura watch {run}` follows it. Do not submit it again." in said
    assert "send the same command" not in said


def test_what_was_not_handed_in_is_not_called_handed_in() -> None:
    """The control: the index of packages is away before anything is sent."""
    away = Unavailable("The index does not answer.", hint="Try again.", code="index_unreachable")
    with pytest.raises(Unavailable) as raised, advised("The run goes on."):
        raise away
    assert raised.value is away
