"""`aura up --processes`: one supervised process per role. A process may die, and all stop at the same sequence."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from director.deployment.processes import ROLES
from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.slow,
    pytest.mark.ci,
]

UP = ("up", "--no-model", "--processes")
SERVERS = ("nats", "postgres")
CALL_S = 2.0


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely(*UP) as aura:
        yield aura.inside()


def processes(aura: Aura) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in aura.status()["processes"]}


def all_ready(aura: Aura) -> bool:
    return all(one["ready"] for one in processes(aura).values())


def begin(aura: Aura, name: str, *, delay_s: float) -> str:
    """Submit a run, and wait until its first call has begun."""
    sample = Sample()
    aura.hire(name, {"T1": [sample.right("T1")]}, delay_s=delay_s)
    run: str = aura.json("submit", aura.requirement(sample))["run"]
    aura.until(lambda: aura.json("run", "show", run)["attempts"])
    return run


def test_a_killed_role_is_started_again_and_the_run_goes_on(aura: Aura) -> None:
    aura.until(lambda: all_ready(aura))
    before = processes(aura)
    assert tuple(before) == (*SERVERS, *ROLES)
    assert [before[role]["roles"] for role in ROLES] == [[role] for role in ROLES]
    assert len({one["pid"] for one in before.values()}) == len(before)
    worker = Path(f"/proc/{before['employees']['pid']}/environ").read_bytes()
    assert b"postgresql://" not in worker
    assert b"postgresql://" in Path(f"/proc/{before['manager']['pid']}/environ").read_bytes()
    assert b"nats://workers:" in worker
    assert b"nats://aura:" not in worker
    assert b"nats://aura:" in Path(f"/proc/{before['manager']['pid']}/environ").read_bytes(), "control"

    run = begin(aura, "anna", delay_s=CALL_S)
    os.kill(before["manager"]["pid"], signal.SIGKILL)
    os.kill(before["auditor"]["pid"], signal.SIGKILL)
    assert aura.json("watch", run)["phase"] == "delivered"
    aura.until(lambda: all_ready(aura))
    after = aura.until(lambda: _even(aura))
    for name, one in after.items():
        killed = name in ("manager", "auditor")
        assert one["restarts"] == before[name]["restarts"] + killed, one
        assert (one["pid"] != before[name]["pid"]) == killed
    shown = aura.text("status")
    assert all(name in shown for name in (*ROLES, "position", "lag"))
    (line,) = [line for line in shown.splitlines() if line.startswith("manager") and "ready" in line]
    assert line.split()[2:4] == ["ready", "1"]


def _until_it_says(aura: Aura, log: Path, words: str) -> None:
    aura.until(lambda: words in log.read_text())


def _even(aura: Aura) -> dict[str, dict[str, Any]] | None:
    """Return the processes when every reader has passed the last event."""
    data = aura.status()
    found = {one["name"]: one for one in data["processes"]}
    positions = {found[role]["position"] for role in ROLES if role != "employees"}
    return found if positions == {data["last_event"]} else None


def test_a_role_that_crashes_says_where_in_its_log(aura: Aura) -> None:
    aura.until(lambda: all_ready(aura))
    before = processes(aura)["hr"]
    supervisor = aura.status()["supervisor_pid"]
    log = aura.home / "run" / "logs" / "hr.log"
    for pid, own in ((before["pid"], log), (supervisor, log.with_name("supervisor.log"))):
        os.kill(pid, signal.SIGUSR1)
        _until_it_says(aura, own, "most recent call first")
    assert "Segmentation fault" not in log.read_text()
    os.kill(before["pid"], signal.SIGSEGV)
    _until_it_says(aura, log, "Segmentation fault")
    aura.until(lambda: all_ready(aura) and processes(aura)["hr"]["pid"] != before["pid"])
    assert processes(aura)["hr"]["restarts"] == before["restarts"] + 1, "asking ended nothing"


def test_a_second_up_finds_the_first_whichever_it_asks_for(aura: Aura) -> None:
    first = aura.status()["supervisor_pid"]
    assert aura.json(*UP)["supervisor_pid"] == first
    assert aura.json("up", "--no-model")["supervisor_pid"] == first


def test_down_in_the_middle_of_a_run_ends_at_one_sequence_and_the_run_goes_on(aura: Aura) -> None:
    run = begin(aura, "berta", delay_s=CALL_S)
    aura.json("down")
    stopped = aura.answer("status", code=69)["data"]
    assert not any(one["pid"] for one in stopped["processes"])
    assert [(one["name"], one["last_exit"]) for one in stopped["children"] if one["last_exit"] != 0] == []
    checked = aura.json("replay", "--check")
    assert checked["differences"] == []
    assert set(checked["positions"].values()) == {checked["events"]}, "every consumer, and the recorder after them"
    aura.json(*UP)
    assert aura.json("watch", run)["phase"] == "delivered"
    aura.json("down")
    checked = aura.json("replay", "--check")
    assert checked["differences"] == []
    assert set(checked["positions"].values()) == {checked["events"]}


def test_a_metrics_port_may_be_off_and_must_read(aura: Aura) -> None:
    aura.json("down")
    wrong = aura.json("serve", "hr", code=2, AURA_METRICS_PORT="many")
    assert "AURA_METRICS_PORT" in wrong["message"]
    assert aura.json(*UP, code=2, AURA_METRICS_PORT="65533")["hint"]
    aura.json("up", "--no-model", AURA_METRICS_PORT="off")
    found = processes(aura)["organisation"]
    assert (found["url"], found["ready"]) == (None, True)
    before = aura.status()["supervisor_pid"]
    said = aura.run(*UP)
    assert "one process" in said.err
    assert aura.status()["supervisor_pid"] == before
