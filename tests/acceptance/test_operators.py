"""Every command of docs/operators.md, run by a shell as the page shows it, with the real nats command line."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, homely
from tests.integration.house import Sample

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operators.md").read_text()
COMMANDS = dict(re.findall(r"^## (.+)\n\n```sh\n(nats .+)\n```$", GUIDE, re.MULTILINE))
VERSION = "".join(re.findall(r"natscli/nats@(v[\d.]+)", GUIDE))
COMMAND_WAIT_S = 240.0

# Question -> what its answer shows, and what it must not show.
ANSWERS: dict[str, tuple[list[str], list[str]]] = {
    "What happened in this run?": (["{RUN}.submitted", "{TASK}.rejected", "{RUN}.delivered"], ["refusal"]),
    "How far is each run?": (["{RUN}.planned", "{RUN}.delivered"], [".task."]),
    "Who is assigned what?": (['"employee":"{EMPLOYEE}"', '"entity_id":"{TASK}"', '"attempt":2'], ["{FIRST_ORDER}"]),
    "Why was this task rejected, each time?": (['"wrong_result"', '"verified":false'], ['"verified":true']),
    "What was refused?": (['"refusal.refused"', "{REFUSED}"], ["task.rejected"]),
    "Which incidents were raised?": (['"incident.raised"', "conftest.py"], ["task.rejected"]),
    "What did the law do to this employee?": (["employee.{EMPLOYEE}.hired"], ["employee.{OTHER}"]),
    "Is the organisation paused or halted?": (["organisation.resumed"], ["organisation.paused"]),
    "What does this event say?": (["Item: AURA#{SEQ}", "Nats-Msg-Id", "task.rejected"], []),
    "What happens now?": (["organisation.paused"], []),
    "How far is each consumer?": (["Unprocessed", "feed-"], []),
    "Which manager leads?": (['"name":"organisation"', '"pid":', '"since":'], []),
    "Is the stream as it must be?": (
        [
            "Discard Policy: New",
            "Allows Msg Delete: false",
            "Allows Purge: false",
            "Allows Per-Message TTL: false",
            "Allows Atomic Batch Publish: true",
        ],
        [],
    ),
    "Are orders waiting for a worker?": ([], ["aura.work"]),
    "Does the server answer, and how fast?": (["nats://127.0.0.1:"], []),
}


def program() -> Path | None:
    """Return the nats command line at the guide's version, from this environment or from PATH."""
    for found in (Path(sys.executable).with_name("nats"), shutil.which("nats")):
        if found and Path(found).exists():
            said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout.strip()
            if said == VERSION:
                return Path(found)
    return None


NATS = program()
needs_cli = pytest.mark.skipif(NATS is None, reason=f"the nats command line {VERSION} is not here: .ci/nats-cli")


class Operator:
    """An organisation with a delivered run, a refusal and an incident, and a shell with the NATS context of `up`."""

    def __init__(self, aura: Aura) -> None:
        said = aura.run("up", "--no-model")
        assert said.code == 0, said
        (self.line,) = [line for line in said.err.splitlines() if "NATS_CONTEXT" in line]
        self.told = said.out + said.err
        self.aura = aura.inside()
        sample = Sample()
        aura.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
        run = self.aura.json("submit", aura.requirement(sample), "--wait")["run"]
        self.aura.json("suspend", "anna", "--reason", "rest")
        aura.hire("mallory", {"T1": [sample.outside("T1")]})
        self.aura.json("submit", aura.requirement(sample), "--attempts", "1", "--wait", code=1)
        self.aura.json("resume", "--reason", "nothing is paused", code=7)
        self.aura.json("pause", "--reason", "to be seen")
        self.aura.json("resume", "--reason", "seen")
        (self.rejected,) = aura.lines("events", "--run", run, "--type", "task.rejected")
        refused = aura.lines("events", "--type", "refusal.")[-1]
        envelope = self.rejected["envelope"]
        people = {one["name"]: one["employee"] for one in self.aura.json("employees")["employees"]}
        self.variables: Mapping[str, str] = {
            "RUN": run,
            "TASK": envelope["entity_id"],
            "EMPLOYEE": people["anna"],
            "OTHER": people["mallory"],
            "FIRST_ORDER": self.rejected["payload"]["order"],
            "SEQ": str(self.rejected["seq"]),
            "REFUSED": refused["payload"]["message"],
        }

    def shell(self, command: str) -> "subprocess.Popen[str]":
        """Run a command of the guide in bash, after the line that `aura up` printed."""
        assert NATS is not None
        export = self.line[self.line.index("export ") :]
        return subprocess.Popen(
            ["bash", "-c", f"{export}\nexec {command}"],
            env={
                "PATH": f"{NATS.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.aura.folder),
                **self.variables,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def operator() -> Iterator[Operator]:
    with homely() as aura:
        yield Operator(aura)


def test_the_guide_and_these_tests_know_the_same_commands() -> None:
    assert list(COMMANDS) == list(ANSWERS)
    assert len(COMMANDS) >= 12
    assert f"natscli/nats@{VERSION}" in GUIDE
    assert f"NATSCLI={VERSION}\n" in (ROOT / ".ci" / "nats-cli").read_text()


@pytest.mark.slow
@pytest.mark.ci
def test_up_writes_a_private_context_and_names_no_password(operator: Operator) -> None:
    path = operator.aura.home / "run" / "nats-context.json"
    assert str(path) in operator.line
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    password = text.split('"password": "')[1].split('"')[0]
    assert len(password) > 20
    assert password not in operator.told
    assert "@" not in text


@pytest.mark.slow
@pytest.mark.ci
@needs_cli
@pytest.mark.parametrize("question", [question for question in ANSWERS if question != "What happens now?"])
def test_a_command_answers_its_question(operator: Operator, question: str) -> None:
    running = operator.shell(COMMANDS[question])
    out, _ = running.communicate(timeout=COMMAND_WAIT_S)
    assert running.returncode == 0, out
    shown, hidden = ANSWERS[question]
    for text in shown:
        assert filled(text, operator.variables) in out, out
    for text in hidden:
        assert filled(text, operator.variables) not in out, out


def filled(text: str, variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(f"{{{name}}}", value)
    return text


@pytest.mark.slow
@pytest.mark.ci
@needs_cli
def test_the_live_tail_shows_what_happens_now(operator: Operator) -> None:
    question = "What happens now?"
    running = operator.shell(COMMANDS[question])
    assert running.stdout is not None
    assert "Subscribing" in running.stdout.readline()
    operator.aura.json("pause", "--reason", "live")
    out, _ = running.communicate(timeout=COMMAND_WAIT_S)
    operator.aura.json("resume", "--reason", "seen live")
    assert running.returncode == 0, out
    assert all(text in out for text in ANSWERS[question][0]), out
