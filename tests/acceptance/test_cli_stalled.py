"""One consumer is stopped and continued. The others work, operators see the fault, and the consumer catches up.

The drills of docs/operators.md are tested here, too: a shell runs their commands as the page shows them.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bus.store import CONNECT_WAIT_S
from director.services.process_list import MARGIN_S
from director.terminal.text import stack_text
from domain.waiting import RunWait
from observability.health import CHECK_WAIT_S
from runtime.roles import CONSUMERS
from tests.acceptance.cli import AURA, WAIT_S, Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

UP = ("up", "--no-model", "--processes")
STATUS_WAIT_S = CHECK_WAIT_S + MARGIN_S + 5.0
"""Time limit for `aura status`: the wait for a process that does not answer, and the time of the command itself."""
SERVER_WAIT_S = STATUS_WAIT_S + CONNECT_WAIT_S
"""The same limit if a server is silent, because the command also waits for the server."""
LAG = "aura_consumer_lag_events"
GUIDE = (Path(__file__).parents[2] / "docs" / "operators.md").read_text()
DRILLS = {
    title: re.findall(r"^```sh\n(.+)\n```$", text, re.MULTILINE)
    for title, text in re.findall(r"^## Drills: (.+)\n((?:(?!^#).*\n)*)", GUIDE, re.MULTILINE)
}


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely(*UP) as aura:
        yield aura.inside()


def status(aura: Aura, wait_s: float = STATUS_WAIT_S) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the status and its processes by name, within a time limit."""
    began = time.monotonic()
    data = aura.status()
    assert time.monotonic() - began < wait_s
    return data, {one["name"]: one for one in data["processes"]}


def lags(url: str) -> dict[str, float]:
    """Return every consumer's lag from the recorder's /metrics."""
    with urlopen(f"{url}/metrics", timeout=STATUS_WAIT_S) as answer:
        text = answer.read().decode()
    families = [found for found in text_string_to_metric_families(text) if found.name == LAG]
    return {sample.labels["consumer"]: sample.value for found in families for sample in found.samples}


def delivered(aura: Aura, sample: Sample) -> None:
    run = aura.json("submit", aura.requirement(sample))["run"]
    assert aura.json("watch", run)["phase"] == "delivered"


def even(aura: Aura) -> bool:
    data, processes = status(aura)
    return not any(data["lag"].values()) and all(one["ready"] for one in processes.values())


def settled(aura: Aura, url: str, name: str) -> dict[str, float]:
    """Return the lags when all consumers except this one have passed the last event."""
    aura.until(lambda: not any(lag for one, lag in lags(url).items() if one != name))
    return lags(url)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_a_stopped_consumer_is_seen_the_others_go_on_and_it_catches_up(aura: Aura) -> None:
    sample = Sample()
    aura.hire("anna", {"T1": [sample.right("T1")]})
    delivered(aura, sample)
    aura.until(lambda: even(aura))
    before = status(aura)[1]
    url = before["recorder"]["url"]
    assert lags(url) == dict.fromkeys(CONSUMERS, 0), "the control: nobody is stopped, and no lag stays"
    for name in ("accountant", "auditor", "hr"):
        with stopped(before[name]["pid"]):
            delivered(aura, sample)
            found = settled(aura, url, name)
            assert found[name] >= 10, "a run is more events than that"
            data, processes = status(aura)
            assert data["lag"] == {"recorder": 0} | found
            assert {one: processes[one]["ready"] for one in processes} == {one: one != name for one in processes}
            assert processes[name]["problems"] == ["it does not answer"]
            assert data["missing"] == [name]
            waiting = msgspec.convert(data["waiting"], list[RunWait])
            shown = stack_text(data | {"waiting": waiting}).splitlines()
            assert any(line.startswith(name) and "not ready it does not answer" in line for line in shown)
            assert any(line.split() == [name, str(data["positions"][name]), str(int(found[name]))] for line in shown)
        aura.until(lambda: even(aura))
        assert lags(url) == dict.fromkeys(CONSUMERS, 0)
    after = status(aura)[1]
    assert all(after[name]["pid"] == one["pid"] for name, one in before.items()), "none of them was started anew"
    assert aura.json("replay", "--check")["differences"] == []


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("server", ["nats", "postgres"])
def test_a_stopped_server_is_seen_and_work_goes_on_when_it_does(aura: Aura, server: str) -> None:
    aura.until(lambda: even(aura))
    with stopped(status(aura)[1][server]["pid"]):
        data, processes = status(aura, SERVER_WAIT_S)
        assert "does not answer" in data["problem"]
        assert server in data["missing"]
        assert (processes[server]["ready"], processes[server]["problems"]) == (False, ["it does not answer"])
    aura.until(lambda: even(aura))
    assert status(aura)[0]["problem"] is None


@pytest.mark.slow
def test_the_drills_of_the_guide_do_what_it_says(aura: Aura) -> None:
    path = f"{AURA.parent}{os.pathsep}{os.environ['PATH']}"

    def shell(command: str, code: int = 0) -> str:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=aura.folder,
            env=aura.environment | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert done.returncode == code, done
        return done.stdout

    sample = Sample()
    aura.hire("berta", {"T1": [sample.right("T1")]}, delay_s=1.0)
    assert list(DRILLS) == [
        "a process dies",
        "a consumer hangs",
        "all processes die at the same time",
        "check that nothing is lost or doubled",
    ]
    kill, told = DRILLS["a process dies"]
    run = aura.json("submit", aura.requirement(sample))["run"]
    shell(kill)
    aura.until(lambda: status(aura)[1]["manager"]["restarts"] == 1 and even(aura))
    (line,) = shell(told).splitlines()
    assert "was killed by SIGKILL" in line
    stop, look, go_on = DRILLS["a consumer hangs"]
    shell(stop)
    assert "not ready it does not answer" in shell(look, 69)
    shell(go_on)
    aura.until(lambda: even(aura))
    die, up = DRILLS["all processes die at the same time"]
    before = status(aura)[0]["supervisor_pid"]
    shell(die)
    shell(up)
    assert status(aura)[0]["supervisor_pid"] not in (None, before)
    assert aura.json("watch", run)["phase"] == "delivered"
    aura.until(lambda: even(aura))
    (check,) = DRILLS["check that nothing is lost or doubled"]
    assert shell(check).startswith("Equal: ")
