"""The demonstration without a model: what it reports, twice in one home, and interrupted in the middle."""

import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.cli import WAIT_S, Aura, homely

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

DEMO = ("demo", "--scripted")


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely() as aura:
        yield aura


@pytest.fixture(scope="module")
def inside(aura: Aura) -> Aura:
    return aura.inside()


@pytest.fixture(scope="module")
def report(aura: Aura) -> dict[str, Any]:
    """What the first demonstration in this home reports."""
    return aura.json(*DEMO)


def cheaters(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [person for person in report["staff"] if person["name"].startswith("cheater")]


def test_the_demonstration_reports_who_did_what(report: dict[str, Any], inside: Aura) -> None:
    assert {task["task"] for task in report["tasks"]} == {"initials", "shout", "halves"}
    for task in report["tasks"]:
        assert task["provider"] == "scripted"
        assert task["scripted"] is True
        assert task["employee"] == "recorded"
        assert task["attempts"] >= 2
        assert len(task["answer_digest"]) == len(task["prompt_digest"]) == 64
        verdict = inside.json("why", task["verdict_event"])["event"]
        assert verdict["envelope"]["type"] == "task.verified"
        assert verdict["envelope"]["role"] == "verifier"
    assert [person["standing"] for person in cheaters(report)] == ["suspended"]
    assert report["delivery"]["outcome"] == "delivered"
    assert report["delivery"]["release_ref"]
    assert [stage["stage"] for stage in report["stages"]][-1] == "replaying"
    approvals = inside.lines("events", "--type", "run.approved")
    hired = inside.lines("events", "--type", "organisation.founded")
    assert approvals[0]["envelope"]["role"] == "director"
    assert approvals[0]["envelope"]["principal"] != hired[0]["envelope"]["principal"], "by demo-director"


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.usefixtures("report")
def test_a_second_one_in_the_same_home_tells_what_to_do_next(aura: Aura, inside: Aura) -> None:
    text = aura.text(*DEMO)
    for part in ("rejected", "was suspended", "scripted", "Cost: 0.00 USD", "approve", "Equal: ", "stays up"):
        assert part in text, text
    hired = text.partition("hiring …")[2].partition("submitting")[0]
    assert "recorded: scripted" in hired, text
    assert re.search(r"cheater-\w{4}: scripted cheater", hired), text
    commands = [line.strip() for line in text.partition("Paste any of these:")[2].splitlines() if line.startswith("  ")]
    assert any(" down " in command and "rm -rf" in command for command in commands)
    judge = next(command for command in commands if " judge " in command)
    _, _, arguments = judge.partition(" judge ")
    assert inside.json("judge", *arguments.split())["verified"] is True
    assert len(inside.json("runs")["runs"]) == 2


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.usefixtures("report")
def test_interrupted_it_goes_on_by_itself_and_another_one_works(aura: Aura, inside: Aura) -> None:
    before = len(inside.json("runs")["runs"])
    process = aura.begin(*DEMO)
    assert process.stdout is not None
    shown = ""
    while "working …" not in shown:
        line = process.stdout.readline()
        assert line, shown
        shown += line
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert inside.json("status")["running"] is True
    assert aura.json(*DEMO)["delivery"]["outcome"] == "delivered"
    inside.until(lambda: {line["phase"] for line in inside.json("runs")["runs"]} <= {"delivered", "ended"})
    assert len(inside.json("runs")["runs"]) == before + 2
    assert inside.json("replay", "--check")["differences"] == []
