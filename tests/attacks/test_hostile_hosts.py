"""On a host with no sandbox, or a weaker one, each command gives one sentence with a remedy, and no traceback."""

import json
import re
from typing import Any

import pytest

from tests.attacks.hostile import HOSTS, Host, Said, can_be_simulated, run_on
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(300)]

ALWAYS = 2
"""This number of hosts is tried in every run of the tests. The slow tests try all hosts."""
JUDGE = ("judge", "{place}/add.md", "{place}/add", "--json")
ON = {host.name: host for host in HOSTS}
FULL, WITHOUT_GROUPS = ON["a full disk"], ON["no control groups"]


@pytest.fixture(autouse=True)
def _simulated(sandbox: Bubblewrap) -> None:
    """Skip the test if there is no sandbox, or if other hosts cannot be simulated."""
    del sandbox
    if why := can_be_simulated():
        pytest.skip(why)


def the_object(said: Said) -> dict[str, Any]:
    assert "Traceback" not in said.err
    whole: dict[str, Any] = json.loads(said.out)
    assert whole["error"] is None or whole["error"]["code"] != "defect"
    return whole


@pytest.mark.parametrize(
    "host",
    [pytest.param(host, id=host.name, marks=[] if at < ALWAYS else pytest.mark.slow) for at, host in enumerate(HOSTS)],
)
def test_the_doctor_says_what_is_wrong_and_what_to_do(host: Host) -> None:
    said = run_on(host, "doctor", "--json")
    whole = the_object(said)
    (box,) = (part for part in whole["data"]["parts"] if part["name"] == "bubblewrap")
    assert box["state"] == host.state, box
    assert re.search(host.says, box["says"]), box
    assert re.search(host.remedy, box["remedy"]), box
    assert "\n" not in box["says"]
    assert bool(box["remedy"]) == (host.state != "ok")
    assert said.code == (69 if host.state == "missing" else 0)
    if host.state == "missing":
        assert "bubblewrap" in whole["error"]["message"]
        assert whole["error"]["hint"]


def test_the_judge_says_it_too() -> None:
    full = run_on(FULL, *JUDGE)
    assert full.code == 69
    assert "/tmp" in the_object(full)["error"]["message"]
    assert "TMPDIR" in the_object(full)["error"]["hint"]


@pytest.mark.slow
@pytest.mark.ci
def test_the_judge_accepts_less_only_when_told_to() -> None:
    refused = run_on(WITHOUT_GROUPS, *JUDGE)
    assert refused.code == 7
    assert "tree memory" in the_object(refused)["error"]["message"]
    assert "--allow-degraded" in the_object(refused)["error"]["hint"]
    accepted = run_on(WITHOUT_GROUPS, *JUDGE, "--allow-degraded")
    assert accepted.code == 0
    assert the_object(accepted)["data"]["not_held"] == ["tree memory"]
