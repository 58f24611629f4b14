"""Two runs of an organisation with canaries in every place that nobody may read, and everything that it has stored."""

import asyncio
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agents.employees import postings
from agents.workers.pool import RESCAN_S
from bus.embedded import postgres as embedded_postgres
from tests.acceptance.cli import Aura
from tests.attacks.session_scanner import scanner
from tests.attacks.stored_bytes import Places
from tests.attacks.stored_record import Record
from tests.turns import Turn, script_of, turn
from tests.unit.source_repositories import CANARIES, commit, plant, with_history


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
        self.aura.json("routing", "set", "--strategy", "turns")  # the second author tries although the first one failed
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
