"""Canaries in every place that nobody may read: none reaches a prompt, event, log line, error, box or delivery."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from agents.employees import postings
from agents.workers.pool import RESCAN_S
from bus.embedded import postgres as embedded_postgres
from tests.acceptance.cli import Aura, homely
from tests.attacks.session_scanner import scanner
from tests.attacks.stored_bytes import Places, found_below, found_in
from tests.turns import Turn, script_of, turn
from tests.unit.repositories import needs_git
from tests.unit.source_repositories import CANARIES, commit, plant, with_history

pytestmark = [
    pytest.mark.slow,
    pytest.mark.ci,
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.timeout(400),  # all processes, and two sessions
    needs_git,
]


def canary(place: str) -> str:
    return f"CANARY-{place}-{os.urandom(8).hex()}"


ENVIRONMENT = {
    name: canary(name.lower().replace("_", "-")) for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "MY_CANARY")
}
TRANSCRIPT = {place: canary(place) for place in ("thought", "command", "output", "rejected-work", "temporary-file")}
SEALED, FIXTURE, TRACKED, TOOLBOX = (canary(place) for place in ("sealed-case", "sealed-suite", "tracked", "toolbox"))
REQUIREMENT = """---
aura: 1
title: Two
deliver: library
scope: ["src/app.py"]
budget: {{usd: "1", tokens: 9000000, minutes: 20}}
base: {{repo: site, ref: {ref}}}
---
# Two
A function that counts.

```yaml acceptance
- id: A1
  says: it echoes and counts
  cases:
    - {{call: "src.app:three", args: [1], returns: [1, 3]}}
```
"""
SEALED_CASES = f"""- id: A1
  cases:
    - {{call: "src.app:three", args: ["{SEALED}"], returns: ["{SEALED}", 3]}}
  pytest: test_hidden.py
"""
SEALED_SUITE = f"""# {FIXTURE}
from src.app import three

def test_three():
    assert three(2) == [2, 3]
"""
RIGHT = "def one():\n    return 1\n\n\ndef two():\n    return 2\n\n\ndef three(x):\n    return [x, 3]\n"
WRONG = RIGHT.replace("[x, 3]", "[x, 4]") + f"# {TRANSCRIPT['rejected-work']}\n"


def first_author() -> list[Turn]:
    """Return a session that leaves canaries in its transcript and its box, and hands in wrong work."""
    return [
        turn("run", says=TRANSCRIPT["thought"], command=f"echo {TRANSCRIPT['command']} > /tmp/left"),
        turn("run", command=f"echo {TRANSCRIPT['output'][::-1]} | rev; echo {TRANSCRIPT['temporary-file']} > kept.txt"),
        turn("write", path="src/app.py", content=WRONG),
        turn("submit"),
    ]


def second_author(places: Places) -> list[Turn]:
    """Return a session that searches its box for everything, and hands in right work."""
    return [
        turn("write", path="scan.py", content=scanner(places)),
        turn("run", command="python scan.py"),
        turn("run", command="env; cat /proc/*/environ; ls -laR /root /home /aura /tmp .git; git log --all -p"),
        turn("run", command="git stash list; git fsck --lost-found; git reflog; git notes list; git config --list"),
        turn("write", path="src/app.py", content=RIGHT),
        turn("check"),
        turn("submit"),
    ]


def hire(aura: Aura, name: str, turns: Sequence[Turn], *, delay_s: float = 0.0) -> None:
    script = script_of(aura.folder / f"{name}.turns.json", {"A1": turns, "T1": turns})
    aura.json("hire", name, "--script", script, "--session", "--session-minutes", "5")
    if delay_s:
        folder = aura.home / "employees"
        postings.save(folder, msgspec.structs.replace(postings.find(folder, name), delay_s=delay_s))
        time.sleep(2 * RESCAN_S)


def keys_of_home(home: Path) -> dict[str, str]:
    """Return the secrets of the house: lines of key files, and the passwords of NATS."""
    found = {
        f"key {path.name} {number}": line
        for path in sorted((home / "keys").iterdir())
        if not path.name.endswith(".pub")
        for number, line in enumerate(path.read_text(errors="replace").split())
        if len(line) >= 32
    }
    for path in sorted((home / "run").glob("nats*.json")):
        passwords = re.findall(r'"pass\w*": ?"([^"]{16,})"', path.read_text())
        found |= {f"password {path.name} {number}": text for number, text in enumerate(passwords)}
    return found


class Story:
    """The organisation after the run, and everything that it has stored.

    `hidden`: what no employee, event or file of the run may have. `sealed_blob`: the only blob with the sealed cases.
    """

    def __init__(self, aura: Aura) -> None:
        self.aura = aura.inside()
        self.site = aura.folder / "site"
        with_history(self.site)
        base = commit(self.site, "tracked", tracked__py=f"# {TRACKED}\n")
        plant(self.site)
        toolbox = aura.home / "toolboxes" / "planted"
        toolbox.mkdir(parents=True)
        (toolbox / "notes.txt").write_text(TOOLBOX)
        self.hidden = {**CANARIES, **ENVIRONMENT, "toolbox": TOOLBOX, **keys_of_home(aura.home)}
        (aura.folder / "two.md").write_text(REQUIREMENT.format(ref=base))
        (aura.folder / "two.sealed.yaml").write_text(SEALED_CASES)
        (aura.folder / "test_hidden.py").write_text(SEALED_SUITE)
        hire(self.aura, "ada", first_author(), delay_s=1.0)
        self.run = self.aura.json("submit", "two.md")["run"]
        self.aura.until(lambda: self.aura.lines("events", "--type", "task.rejected"))
        self.aura.json("suspend", "ada", "--reason", "another employee continues")
        hire(self.aura, "bob", second_author({**self.forbidden, "tracked": TRACKED}))
        self.aura.until(lambda: self.aura.phase(self.run) in ("delivered", "ended"))
        other = self.aura.json("submit", "two.md")["run"]
        self.aura.until(lambda: self.aura.phase(other) in ("delivered", "ended"))
        self.phases = {self.aura.phase(self.run), self.aura.phase(other)}
        self.record = asyncio.run(Record.read(embedded_postgres.dsn(aura.home / "data" / "postgres")))

    @property
    def forbidden(self) -> dict[str, str]:
        """Everything that the second author, the logs and the delivery must not have."""
        return {**self.hidden, **TRANSCRIPT, "sealed": SEALED, "sealed suite": FIXTURE}


@dataclass
class Record:
    """The bytes of the log: envelopes with payloads by sequence, and blobs by digest."""

    events: dict[int, bytes]
    blobs: dict[str, bytes]

    @classmethod
    async def read(cls, dsn: str) -> "Record":
        connection = await asyncpg.connect(dsn)
        try:
            events = await connection.fetch("SELECT seq, envelope, bytes FROM log.event JOIN log.payload USING (seq)")
            blobs = await connection.fetch("SELECT digest, bytes FROM log.blob")
        finally:
            await connection.close()
        return cls(
            events={row["seq"]: row["envelope"] + row["bytes"] for row in events},
            blobs={row["digest"]: row["bytes"] for row in blobs},
        )

    def of_type(self, name: str) -> list[dict[str, Any]]:
        """Return the payloads of a type."""
        kept = [event for event in self.events.values() if f'"type":"{name}"'.encode() in event]
        return [json.loads(event[event.index(b"}{") + 1 :]) for event in kept]

    def calls_of(self, name: str) -> dict[str, bytes]:
        """Return every blob of an employee's calls: the messages of the prompts and the answers."""
        (who,) = {each["employee"] for each in self.of_type("employee.hired") if each["profile"]["name"] == name}
        calls = [json.dumps(each) for each in self.of_type("task.call_finished") if each["employee"] == who]
        named = {digest for call in calls for digest in re.findall(r"[0-9a-f]{64}", call)}
        return {digest: self.blobs[digest] for digest in named & self.blobs.keys()}


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with homely("up", "--no-model", "--processes", **ENVIRONMENT) as aura:
        yield Story(aura)


def test_each_canary_is_found_where_it_was_planted(story: Story) -> None:
    """The control of all tests below: the same searches find each canary at its origin."""
    assert story.phases == {"delivered"}
    home, folder = story.aura.home, story.aura.folder
    by_search = found_below(folder, CANARIES, without=[home])
    assert {place for places in by_search.values() for place in places} == {*CANARIES}
    (process,) = [each["pid"] for each in story.aura.status()["processes"] if each["name"] == "employees"]
    assert found_in(Path(f"/proc/{process}/environ").read_bytes(), ENVIRONMENT) == {*ENVIRONMENT}
    at_home = found_below(home, story.hidden, without=[home / "data", home / "working-copies"])
    assert {place for places in at_home.values() for place in places} >= {"toolbox", *keys_of_home(home)}
    assert sum(name.startswith("key ") for name in story.hidden) >= 7
    assert sum(name.startswith("password ") for name in story.hidden) >= 2
    done = subprocess.run(
        [sys.executable, "-"],
        input=scanner({**CANARIES, **ENVIRONMENT}, str(folder)),
        cwd=story.site,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        check=True,
    )
    by_scanner = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("FOUND ")}
    assert by_scanner >= {*CANARIES, *ENVIRONMENT}
    assert found_in(b"x" + "".join(CANARIES.values()).encode()[::-1], CANARIES) == {*CANARIES}, "reversed, too"


def test_the_box_has_the_tracked_canary_and_no_other(story: Story) -> None:
    told = [text.decode() for text in story.record.calls_of("bob").values() if b'"role":"tool"' in text]
    outputs = [json.loads(text)["text"] for text in told if "LOOKED AT" in text]
    assert len(outputs) == 2, "of both runs"
    for output in outputs:
        found = {line.split()[1] for line in output.splitlines() if line.startswith("FOUND ")}
        assert found == {"tracked"}
        (count,) = re.findall(r"LOOKED AT (\d+) files", output)
        assert int(count) > 500


def test_no_event_has_a_canary(story: Story) -> None:
    for seq, event in story.record.events.items():
        assert not found_in(event, story.forbidden), seq
    assert story.record.of_type("run.delivered"), "control: the events are all there"


def test_no_blob_has_a_hidden_canary(story: Story) -> None:
    for digest, blob in story.record.blobs.items():
        assert not found_in(blob, story.hidden), digest
    tracked = [digest for digest, blob in story.record.blobs.items() if found_in(blob, {"tracked": TRACKED})]
    assert tracked, "control: the base's files are found"


def test_only_sealed_files_and_verdicts_have_what_is_sealed(story: Story) -> None:
    secret = {"sealed": SEALED, "sealed suite": FIXTURE}
    having = {digest for digest, blob in story.record.blobs.items() if found_in(blob, secret)}
    submitted, _ = story.record.of_type("run.submitted")
    assert {submitted["sealed"], submitted["fixtures"]} <= having, "control"
    assert not having & (story.record.calls_of("ada").keys() | story.record.calls_of("bob").keys())
    assert having <= {submitted["sealed"], submitted["fixtures"], *evidence_of(story.record)}


def evidence_of(record: Record) -> set[str]:
    """Return the digests of the verdicts. Only the Director reads them."""
    kinds = ("task.verified", "task.rejected", "run.verified", "run.rejected")
    return {each["judgement"]["evidence"] for kind in kinds for each in record.of_type(kind)}


def test_the_transcript_of_another_attempt_stays_in_it(story: Story) -> None:
    of_first, of_second = story.record.calls_of("ada"), story.record.calls_of("bob")
    kept = {place for blob in of_first.values() for place in found_in(blob, TRANSCRIPT)}
    assert kept == {*TRANSCRIPT}, "control: the record of the first attempt has them"
    for digest in of_second:
        assert not found_in(of_second[digest], TRANSCRIPT), digest


def test_no_line_of_a_log_or_screen_has_a_canary(story: Story) -> None:
    logs = story.aura.home / "run" / "logs"
    assert found_below(logs, story.forbidden) == {}
    assert found_below(logs, {"run": story.run}), "control: the logs are about this run"
    for words in (["status"], ["runs"], ["run", "show", story.run], ["events"], ["employees"]):
        said = story.aura.run(*words)
        assert said.code == 0, said
        assert not found_in(f"{said.out}{said.err}".encode(), story.hidden), words


def test_no_delivery_stream_or_cache_has_a_canary(story: Story) -> None:
    for delivered in story.record.of_type("run.delivered"):
        folder = Path(delivered["folder"])
        assert found_below(folder, story.forbidden) == {}
        assert found_below(folder, {"tracked": TRACKED}), "control: its git objects are read"
    home = story.aura.home
    streams = home / "data" / "nats" / "jetstream"
    assert found_below(streams, story.forbidden) == {}
    assert found_below(home / "working-copies", story.forbidden) == {}
    assert found_below(home / "working-copies", {"tracked": TRACKED}), "control: the packs are read"
