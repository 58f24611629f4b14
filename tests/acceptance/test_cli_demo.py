"""The demonstration without a model: its separate home, its output, a second run, an interruption, and `--keep`."""

import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from director.terminal.cheat_text import LINES_MAX, added_files, cheat_text
from tests.acceptance.cli import WAIT_S, Aura, taken_down
from tests.clusters import open_folder, with_cluster

TRICKS = {"conftest.py": "def pytest_runtest_makereport", "sitecustomize.py": "atexit.register(os._exit, 0)"}
"""File outside the scope -> the text of a cheat in it."""

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

DEMO = ("demo", "--scripted")


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    """Return `aura` with a user's home, which a demonstration must not touch."""
    folder = open_folder("aura-demo-")
    aura = Aura(folder)
    own = seen(aura)
    with_cluster(own.home)
    try:
        yield aura
    finally:
        stopped = taken_down(own)
        shutil.rmtree(folder, ignore_errors=True)
        assert stopped.code == 0, stopped


def seen(aura: Aura) -> Aura:
    """Return `aura` with the home of the demonstration."""
    home = aura.home.with_name(f"{aura.home.name}-demo")
    own = Aura(aura.folder, AURA_HOME=str(home))
    own.home = home
    return own


@pytest.fixture(scope="module")
def inside(aura: Aura) -> Aura:
    own = seen(aura)
    inside = own.inside()
    inside.home = own.home
    return inside


@pytest.fixture(scope="module")
def report(aura: Aura) -> dict[str, Any]:
    """Return the report of the first demonstration. Other demonstrations run after it."""
    return aura.json(*DEMO)


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
    (cheater,) = (person for person in report["staff"] if person["name"] == report["cheat"]["employee"])
    assert cheater["standing"] == {2: "suspended", 3: "dismissed"}[cheater["strikes"]]
    assert report["delivery"]["outcome"] == "delivered"
    assert report["delivery"]["release_ref"]
    assert [stage["stage"] for stage in report["stages"]][-2:] == ["replaying", "stopping"]
    approvals = inside.lines("events", "--type", "run.approved")
    hired = inside.lines("events", "--type", "organisation.founded")
    assert approvals[0]["envelope"]["role"] == "director"
    assert approvals[0]["envelope"]["principal"] != hired[0]["envelope"]["principal"], "by demo-director"


def test_it_has_a_home_of_its_own_and_stops_at_its_end(report: dict[str, Any], aura: Aura, inside: Aura) -> None:
    assert report["home"] == str(inside.home)
    assert Path(report["delivery"]["folder"]).is_relative_to(inside.home)
    assert not aura.home.exists(), "the user's home"
    assert inside.json("status", code=69)["message"].startswith("Nothing runs")


def test_it_shows_a_cheat_with_its_code_and_why_it_was_refused(report: dict[str, Any]) -> None:
    cheat = report["cheat"]
    files = dict(added_files(cheat["diff"]))
    (outside,) = set(files) & set(TRICKS)  # the cheater has two orders at once, so either may be its first
    assert any(TRICKS[outside] in line for line in files[outside])
    text = cheat_text(cheat)
    assert f"{outside} was written outside the scope" in text
    assert "which no employee sees" in text
    assert re.search(r"(suspended|dismissed): it gets no more work", text)
    for path, code in files.items():
        assert f"  {path}\n    {code[0]}\n" in text
        assert ("more lines" in text) or len(code) <= LINES_MAX


def test_its_one_next_command_works_when_it_is_pasted(report: dict[str, Any], aura: Aura) -> None:
    environment = {name: value for name, value in aura.environment.items() if name != "AURA_HOME"}
    done = subprocess.run(
        report["next"], shell=True, cwd=aura.folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert str(report["run"]) in done.stdout
    assert shlex.split(report["next"])[0].startswith("AURA_HOME=")


@pytest.mark.slow
@pytest.mark.usefixtures("report")
def test_a_second_one_in_the_same_home_ends_with_cheat_delivery_and_next_step(aura: Aura, inside: Aura) -> None:
    text = aura.text(*DEMO)
    for part in (
        "rejected",
        ": it gets no more work",
        "scripted",
        "Cost: 0.00 USD",
        "approve",
        "Equal: ",
        "is not changed",
    ):
        assert part in text, text
    hired = text.partition("hiring …")[2].partition("submitting")[0]
    assert "recorded: scripted" in hired, text
    assert re.search(r"cheater-\w{4}: scripted cheater", hired), text
    end = text.partition("\nOne refused cheat\n")[2]
    assert re.search(
        r"\nOne delivery\n.*\n.*All processes of the demonstration are stopped.*rm -rf .*\n\nNext, .*:\n  \S.*\n$",
        end,
        re.DOTALL,
    ), end
    assert len(inside.json("runs")["runs"]) == 2


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.usefixtures("report")
def test_interrupted_it_stops_and_kept_it_stays(aura: Aura, inside: Aura) -> None:
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
    assert "The demonstration was stopped" in said
    assert inside.answer("status", code=69)
    kept = aura.text(*DEMO, "--keep")
    stop = re.search(r"stop it with: (.*) To delete", kept)
    assert stop, kept
    assert inside.status()["running"] is True
    inside.until(lambda: {line["phase"] for line in inside.json("runs")["runs"]} <= {"delivered", "ended"})
    assert inside.json("replay", "--check")["differences"] == []
    done = subprocess.run(stop[1], shell=True, cwd=aura.folder, env=aura.environment, capture_output=True, check=False)
    assert done.returncode == 0
    assert inside.answer("status", code=69)
    assert not aura.home.exists()
