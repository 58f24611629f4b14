"""A given suite, through the command line: a scripted employee delivers the example, and it is judged at grade B."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import homely

FOLDER = Path(__file__).parents[2] / "examples" / "version-numbers"
FILE = str(FOLDER / "version-numbers.md")


@pytest.mark.slow
@pytest.mark.needs_sandbox
@pytest.mark.needs_postgres
@pytest.mark.needs_nats
def test_the_example_is_delivered_at_grade_b() -> None:
    """The first answer compares versions as texts, and the given suite says so; the last one is delivered."""
    with homely("up", "--no-model") as home:
        aura = home.inside()
        aura.json("hire", "anna", "--script", str(FOLDER / "answers.json"))
        line = aura.json("submit", FILE, "--wait")
        assert line["phase"] == "delivered"
        attempts = aura.json("run", "show", line["run"])["attempts"]
        assert [one["verified"] for one in attempts] == [False, True, True]
        assert {finding["kind"] for finding in attempts[0]["findings"]} == {"suite_failed"}
        folder = Path(line["folder"])
        told = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        assert (told["verified"], told["grade"]) == (True, "B")
        assert [(one["id"], one["grade"]) for one in told["criteria"]] == [("A1", "B"), ("A2", "C")]
        gates = {gate["gate"]: gate for gate in told["gates"]}
        assert (gates["suites"]["grade"], gates["suites"]["result"]) == ("B", "passed")
        assert "2 suites" in gates["flakiness"]["text"]
        assert aura.json("judge", FILE, str(folder), "--allow-degraded")["grade"] == "B"
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/acceptance")
        passed = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert passed.returncode == 0, passed.stdout
        assert "13 passed" in passed.stdout, "the visible suite's ten and three cases"
        held = [path for path in folder.rglob("*.py") if b"following" in path.read_bytes()]
        assert held == [], "nothing of the sealed suite is delivered"
