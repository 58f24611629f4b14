"""`aura up --processes --managers 2`: one manager leads, the other is a standby, and a kill changes the leader."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bus.embedded.process import identify
from observability.process_registry import NOT_OURS, free_name, post, present
from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

UP = ("up", "--no-model", "--processes", "--managers", "2")
MANAGERS = ("manager", "manager-2")


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely(*UP) as aura:
        yield aura.inside()


def managers(aura: Aura) -> dict[str, dict[str, Any]] | None:
    """Return leader and standby by name when both are ready, else None. Other processes must be neither."""
    data = aura.status()
    found = {one["name"]: one for one in data["processes"]}
    assert {one["manager"] for name, one in found.items() if name not in MANAGERS} == {None}
    by = {found[name]["manager"]: found[name] for name in MANAGERS if found[name]["ready"]}
    if set(by) != {"leader", "standby"} or data["leader"] is None:
        return None
    assert (data["leader"]["pid"], data["leader"]["name"]) == (by["leader"]["pid"], by["leader"]["name"])
    return by


@pytest.mark.slow
@pytest.mark.ci
def test_one_leads_and_a_kill_hands_over(aura: Aura) -> None:
    before = aura.until(lambda: managers(aura))
    text = aura.text("status")
    assert f"{before['leader']['name']} leads: process {before['leader']['pid']}" in text
    (line,) = [line for line in text.splitlines() if " standby " in line]
    assert line.startswith(f"{before['standby']['name']} ")
    os.kill(before["leader"]["pid"], signal.SIGKILL)
    after = aura.until(
        lambda: (found := managers(aura)) and found["leader"]["pid"] != before["leader"]["pid"] and found
    )
    assert after["leader"]["pid"] == before["standby"]["pid"]
    assert after["standby"]["restarts"] == before["leader"]["restarts"] + 1
    sample = Sample()
    aura.hire("anna", {"T1": [sample.right("T1")]})
    run = aura.json("submit", aura.requirement(sample))["run"]
    assert aura.json("watch", run)["phase"] == "delivered"


@pytest.mark.slow
@pytest.mark.ci
def test_a_second_up_keeps_as_many(aura: Aura) -> None:
    first = aura.status()["supervisor_pid"]
    assert aura.json("up", "--no-model")["supervisor_pid"] == first
    said = aura.run("up", "--no-model", "--processes", "--managers", "3")
    assert said.code == 0
    assert "runs with 2" in said.err


@pytest.mark.slow
@pytest.mark.ci
def test_down_ends_both_at_one_sequence(aura: Aura) -> None:
    aura.json("down")
    assert not any(one["pid"] for one in aura.answer("status", code=69)["data"]["processes"])
    checked = aura.json("replay", "--check")
    assert checked["differences"] == []
    assert set(checked["positions"].values()) == {checked["events"]}


def test_several_managers_are_several_processes(tmp_path: Path) -> None:
    asleep = Aura(tmp_path).inside()
    assert "--processes" in asleep.json("up", "--managers", "2", code=2)["hint"]
    for name in (*(Path(file).stem for file in NOT_OURS), "../manager", "Manager 2"):
        assert "called" in asleep.json("serve", "manager", "--name", name, code=2)["message"]


def test_a_name_that_a_living_process_bears_gets_a_number(tmp_path: Path) -> None:
    assert free_name(tmp_path, "manager") == "manager"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        other = identify(process.pid)
        assert other is not None
        post(tmp_path, msgspec.structs.replace(present("manager", ["manager"], None), process=other))
        assert free_name(tmp_path, "manager") == "manager-2"
        assert free_name(tmp_path, "hr") == "hr"
        process.kill()
    assert free_name(tmp_path, "manager") == "manager"
