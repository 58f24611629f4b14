"""The example with a command, through the command line: a scripted employee delivers it, and it is judged and run."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import homely

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats]
FOLDER = Path(__file__).parents[2] / "examples" / "greet-cli"
FILE = str(FOLDER / "greet-cli.md")
ASKED = ("cases", "flakiness", "mutation", "smoke")


@pytest.mark.slow
@pytest.mark.ci
def test_the_example_is_delivered() -> None:
    """The recorded employee first forgets to shout; what is delivered installs and runs."""
    with homely("up", "--no-model") as home:
        aura = home.inside()
        aura.json("hire", "anna", "--script", str(FOLDER / "answers.json"))
        line = aura.json("submit", FILE, "--wait")
        assert line["phase"] == "delivered"
        shown = aura.json("run", "show", line["run"])
        assert [one["verified"] for one in shown["attempts"]] == [False, True, True, True, True]
        folder = Path(line["folder"])
        told = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))
        gates = {gate["gate"]: (gate["grade"], gate["result"]) for gate in told["gates"]}
        assert (told["verified"], told["grade"]) == (True, "C")
        assert {gates[name] for name in ASKED} <= {("C", "passed"), ("C", "noted")}
        assert (gates["cases"], gates["smoke"]) == (("C", "passed"), ("C", "passed"))
        assert aura.json("judge", FILE, str(folder), "--allow-degraded")["verified"] is True
        said = subprocess.run(
            [sys.executable, "-m", "greet", "--shout", "Ada"], cwd=folder, capture_output=True, text=True, check=True
        )
        assert said.stdout == "HELLO, ADA!\n"
