"""The logs of `aura up --processes`: JSON lines that describe a run, and that contain no secret and no answer."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from director.deployment.processes import ROLES
from tests.acceptance.cli import AURA, Aura, Server, homely
from tests.integration.house import Sample
from tests.loopback import Reply, Seen, honest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(300),  # the first test starts and stops everything
]

KEY = "sk-of-the-environment-0123456789abcdef"
SAID = "a-model-said-this"
READ_BYTES = 4096
Line = dict[str, Any]


def wrong_then_right(sample: Sample) -> Reply:
    """Return a model that repeats the key in its answer, and gives a right answer at the second attempt."""
    texts = [*sample.wrong("T1").values(), *sample.right("T1").values()]
    asked: list[Seen] = []

    async def reply(writer: Any, seen: Seen) -> None:
        asked.append(seen)
        text = texts[min(len(asked), len(texts)) - 1]
        await honest(f"{SAID} with {KEY}:\n```python\n{text}```\n")(writer, seen)

    return reply


class Told:
    """An organisation after a run, a refusal, a death and a stop, with every line of its processes' logs."""

    def __init__(self, aura: Aura) -> None:
        self.aura = aura.inside()
        sample = Sample()
        with Server(wrong_then_right(sample)) as model:
            self.aura.json("hire", "coder", "--base-url", model.base_url, "--model", "asked", "--local")
            self.run = self.aura.json("submit", aura.requirement(sample), "--wait")["run"]
        self.aura.json("resume", "--reason", "nothing is paused", code=7)
        self.refused = self.aura.lines("events", "--type", "refusal.")[-1]["payload"]
        self.nats = self._pid("nats")
        os.kill(self.nats, signal.SIGKILL)
        self.aura.until(lambda: self._pid("nats") not in (None, self.nats))
        self.aura.until(lambda: all(one["ready"] for one in self.aura.status()["processes"]))
        self.aura.json("down")
        logs = aura.home / "run" / "logs"
        self.text = {role: (logs / f"{role}.log").read_text() for role in ROLES}
        self.lines: dict[str, list[Line]] = {
            role: [json.loads(line) for line in text.splitlines()] for role, text in self.text.items()
        }

    def _pid(self, name: str) -> int:
        (found,) = [one["pid"] for one in self.aura.status()["processes"] if one["name"] == name]
        return int(found or 0)

    def of_run(self, role: str, event: str) -> list[Line]:
        return [line for line in self.lines[role] if line["event"] == event and line.get("run") == self.run]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    with homely("up", "--no-model", "--processes", OPENAI_API_KEY=KEY) as aura:
        yield Told(aura)


def test_every_line_says_when_how_grave_who_and_what(told: Told) -> None:
    for role, lines in told.lines.items():
        assert lines
        for line in lines:
            assert list(line)[:4] == ["timestamp", "level", "role", "event"], line
            assert line["role"] == role
            assert line["level"] in ("info", "warning", "error")


def test_a_process_tells_of_its_start_and_its_end(told: Told) -> None:
    for role, lines in told.lines.items():
        events = [line["event"] for line in lines]
        assert [events[0], events[1]] == ["started", "ready"], role
        assert events[-1] == "stopped", role
        assert events.count("stopping") == 1, role


def test_the_manager_tells_that_it_leads(told: Told) -> None:
    events = [line["event"] for line in told.lines["manager"]]
    assert events.index("leads") < events.index("delivered") < events.index("leads_no_more")


def test_a_run_is_found_in_the_logs_by_its_id(told: Told) -> None:
    (recorded,) = told.of_run("recorder", "run_recorded")
    started, finished = told.of_run("employees", "call_started"), told.of_run("employees", "call_finished")
    verdicts = told.of_run("verifier", "verdict")
    (delivered,) = told.of_run("manager", "delivered")
    assert len(started) == len(finished) == 2
    assert {line["task"] for line in started} == {line["task"] for line in finished}
    assert [(line["model"], line["outcome"], line["output_tokens"]) for line in finished] == [
        ("asked", "answered", 12)
    ] * 2
    assert all(line["cost_usd"] == "0" and line["seconds"] >= 0 for line in finished)
    assert [(line["entity"], line["outcome"], line.get("reason")) for line in verdicts] == [
        ("task", "rejected", "wrong_result"),
        ("task", "verified", None),
        ("run", "verified", None),
    ]
    events = {one["seq"]: one["envelope"]["type"] for one in told.aura.lines("events", "--run", told.run)}
    assert events[recorded["seq"]] == "run.submitted"
    assert events[delivered["seq"]] == "run.delivered"
    assert [events[line["seq"]] for line in verdicts] == ["task.rejected", "task.verified", "run.verified"]


def test_a_refusal_is_told_with_its_principal_and_code(told: Told) -> None:
    (line,) = [line for line in told.lines["auditor"] if line["event"] == "refused"]
    refused = told.refused
    assert (line["command"], line["principal"], line["code"]) == ("Resume", refused["principal"], refused["code"])


def test_an_outage_is_told_once_and_its_end_once(told: Told) -> None:
    for role, lines in told.lines.items():
        found = [line["event"] for line in lines if line.get("server") == "nats"]
        assert found == ["unavailable", "available_again"], role


def test_no_line_has_a_secret_or_what_a_model_was_asked_or_said(told: Told) -> None:
    dsn = "postgresql://"
    for role, text in told.text.items():
        for unsaid in (KEY, SAID, dsn, "def add", "Functions that add"):
            assert unsaid not in text, role
    answers = told.aura.lines("events", "--run", told.run, "--type", "task.call_finished")
    assert all(line["payload"]["snapshot"]["answer"] for line in answers), "the record has what the log has not"


def test_on_a_terminal_the_log_is_text(told: Told) -> None:
    """The control: the same process where people look at it, and where JSON is asked for all the same."""
    plain, forced = (_on_a_terminal(told.aura, **more) for more in ({}, {"AURA_LOG": "json"}))
    assert " hr started pid=" in plain
    assert "aura serve: Postgres does not answer" in plain
    assert "{" not in plain
    line = json.loads(forced.splitlines()[-1])
    assert (line["event"], line["role"], line["level"]) == ("failed", "hr", "error")


def test_a_form_that_is_none_is_refused(told: Told) -> None:
    wrong = told.aura.json("serve", "hr", code=2, AURA_LOG="xml")
    assert "AURA_LOG" in wrong["message"]


def _on_a_terminal(aura: Aura, **environment: str) -> str:
    """Return the output of `aura serve hr` on a terminal when NATS is not reachable."""
    ours, theirs = pty.openpty()
    missing = {"AURA_NATS_URL": "nats://127.0.0.1:1", "AURA_POSTGRES_DSN": "postgresql://127.0.0.1:1/none"}
    process = subprocess.Popen(
        [AURA, "serve", "hr"],
        env=aura.environment | missing | environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, READ_BYTES):
            said += part
    except OSError:
        pass  # the other end is closed
    os.close(ours)
    assert process.wait() == 69
    return said.decode().replace("\r\n", "\n")
