"""A branch gets new commits during a run on it. Approval merges changes that fit, and detects changes that do not."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli import Aura, homely

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.needs_postgres,
    pytest.mark.needs_nats,
    pytest.mark.slow,
    pytest.mark.ci,
]

ACCEPTED = ("PASSED", "WARNED")
CALC = """def twice(number):
    return number + number


def half(number):
    return number / 2
"""
DOUBLE = "\n\ndef double(number):\n    return twice(number)\n"
TRIPLE = "\n\ndef triple(number):\n    return 3 * number\n"
TESTS = "from calc import half\n\n\ndef test_half():\n    assert half(4) == 2\n"
REQUIREMENT = """---
aura: 1
title: Doubles
deliver: library
base: {repo: site, ref: main}
proof: %s
scope: ["calc.py"]
budget: {usd: "1.00", tokens: 100000, minutes: 20}
---
Add a function `double(number)` to `calc.py`: it answers twice the number, by `twice`.

## Acceptance

```yaml acceptance
- id: A1
  says: it doubles
  cases:
    - {call: "calc:double", args: [2], returns: 4}
    - {call: "calc:double", args: [5], returns: 10}
```
"""


class Site:
    """The base repository of the runs. Its branch main gets new commits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")
        self.commit({"calc.py": CALC, "tests/test_calc.py": TESTS, "run.sh": "#!/bin/sh\n", "notes.txt": "one\n"})

    def git(self, *words: str, folder: Path | None = None) -> str:
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        command = ["git", "-C", str(folder or self.folder), *who, *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        for path, text in files.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"change {', '.join(files)}")
        return self.git("rev-parse", "HEAD")

    def calc(self) -> str:
        return (self.folder / "calc.py").read_text()


@pytest.fixture(scope="module")
def aura() -> Iterator[Aura]:
    with homely() as aura:
        aura.json("up", "--no-model")
        yield aura.inside()


@pytest.fixture(scope="module")
def site(aura: Aura) -> Site:
    return Site(aura.folder / "site")


def delivered(aura: Aura, site: Site, proof: str = "notes") -> dict[str, Any]:
    """Deliver a run on the present branch. The employee's second answer builds on TRIPLE."""
    for person in aura.json("employees")["employees"]:
        if person["phase"] == "working":
            aura.json("suspend", person["name"], "--reason", "another one is tried")
    name = f"ada{len(aura.json('employees')['employees'])}"
    answers = [{"calc.py": site.calc() + DOUBLE}, {"calc.py": site.calc() + TRIPLE + DOUBLE}]
    aura.hire(name, {"T1": answers})
    (aura.folder / "doubles.md").write_text(REQUIREMENT % proof)
    return aura.json("submit", "doubles.md", "--wait")


def again(aura: Aura, run: str) -> dict[str, Any]:
    return aura.json("watch", run)


def test_ten_commits_land_on_the_branch_and_approval_catches_the_conflict_and_the_silent_break(
    aura: Aura, site: Site
) -> None:
    first = delivered(aura, site)
    assert "double" in aura.run("diff", first["run"]).out
    for number in range(6):
        site.commit({f"docs/{number}.txt": "more\n"})
    site.commit({"notes.txt": "two\n"})
    head = site.commit({"calc.py": f"# Numbers.\n{site.calc()}"})
    refused = aura.json("approve", first["run"], code=7)
    assert (refused["code"], head[:12] in refused["message"]) == ("base_moved", True)
    moved = again(aura, first["run"])
    assert (moved["phase"], moved["commit_id"] != first["commit_id"]) == ("delivered", True)
    folder = Path(moved["folder"])
    assert site.git("diff", "--name-status", head, moved["commit_id"], folder=folder) == "M\tcalc.py"
    assert (folder / "calc.py").read_text() == f"# Numbers.\n{CALC}{DOUBLE}"
    assert aura.json("approve", first["run"], "--commit", first["commit_id"], code=5)["code"] == "conflict"
    assert aura.json("approve", first["run"], "--commit", moved["commit_id"])["outcome"] == "delivered"
    played = aura.json("rerun", first["run"], "--recorded")
    commits = [(each["same"], each["commit"]) for each in played["deliveries"]]
    assert commits == [(True, first["commit_id"]), (True, moved["commit_id"])]
    assert (played["calls"], played["verdicts"], played["prompts"], played["stopped"]) == (1, 3, [], None)

    second = delivered(aura, site)
    site.commit({"calc.py": site.calc() + TRIPLE})
    refused = aura.json("approve", second["run"], code=7)
    assert (refused["code"], "calc.py conflict, so task T1 is open again" in refused["message"]) == ("base_moved", True)
    solved = again(aura, second["run"])
    assert solved["phase"] == "delivered"
    assert (Path(solved["folder"]) / "calc.py").read_text().endswith(TRIPLE + DOUBLE)
    shown = aura.json("run", "show", second["run"])
    assert [attempt["verified"] for attempt in shown["attempts"]] == [True, True]
    assert aura.json("approve", second["run"])["outcome"] == "delivered"

    third = delivered(aura, site)
    site.commit({"calc.py": site.calc().replace("number + number", "3 * number")})
    assert aura.json("approve", third["run"], code=7)["code"] == "base_moved"
    broken = again(aura, third["run"])
    assert (broken["phase"], broken["outcome"]) == ("ended", "rejected")
    assert "wrong_result" in broken["reason"]


@pytest.mark.parametrize("proof", ["notes", "folder", "branch"])
def test_the_delivered_branch_holds_the_fix_alone_and_its_proof_is_beside_it(
    aura: Aura, site: Site, proof: str, tmp_path: Path
) -> None:
    site.commit({"calc.py": CALC})
    head = site.git("rev-parse", "HEAD")
    line = delivered(aura, site, proof)
    folder = Path(line["folder"])
    assert site.git("diff", "--name-status", head, "HEAD", folder=folder) == "M\tcalc.py"
    assert site.git("status", "--porcelain", folder=folder) == ""
    said = aura.json("attestation", "verify", str(folder))
    assert said["result"] in ACCEPTED
    assert sorted(said["files"]) == sorted(site.git("ls-files").splitlines())
    collected = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "."]
    before = subprocess.run(collected, cwd=site.folder, capture_output=True, text=True, check=False).stdout
    after = subprocess.run(collected, cwd=folder, capture_output=True, text=True, check=False).stdout
    assert [one for one in before.splitlines() if "::" in one] == [one for one in after.splitlines() if "::" in one]
    (folder / "calc.py").write_text(CALC)
    assert "calc.py was altered" in aura.json("attestation", "verify", str(folder), code=6)["message"]
    site.git("checkout", "-q", "calc.py", folder=folder)
    clone = tmp_path / "clone"
    site.git("clone", "-q", str(folder), str(clone))
    if proof == "notes":
        assert aura.json("attestation", "verify", str(clone), code=3)["hint"], "a clone has no notes"
        site.git("fetch", "-q", "origin", "refs/notes/aura*:refs/notes/of-this-run/aura*", folder=clone)
        assert aura.json("attestation", "verify", str(clone))["result"] in ACCEPTED
        assert "# Doubles" in site.git("notes", "--ref=of-this-run/aura", "show", folder=clone)
