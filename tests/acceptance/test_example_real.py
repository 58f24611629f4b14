"""The requirement of `aura init --example` with the real embedded model: five of five runs are delivered."""

import json
from pathlib import Path

import pytest

from tests.acceptance.test_demo_real import DEMO_WAIT_S, aura, needs_model

RUNS = 5


@needs_model
@pytest.mark.slow
@pytest.mark.real_model
@pytest.mark.timeout(DEMO_WAIT_S)
def test_the_example_is_delivered_by_the_embedded_model_five_times_of_five(open_home: Path) -> None:
    home, file = open_home / "home", open_home / "first.md"
    assert aura(home, "init", str(file), "--example").returncode == 0
    try:
        assert aura(home, "up").returncode == 0
        for number in range(RUNS):
            done = aura(home, "submit", str(file), "--wait", "--allow-degraded", "--json")
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
            line = json.loads(done.stdout)["data"]
            shown = json.loads(aura(home, "run", "show", line["run"], "--json").stdout)["data"]
            print(f"example {number}: {len(shown['attempts'])} attempts")
            assert line["phase"] == "delivered"
            assert {row["provider"] for row in shown["attempts"]} == {"llama.cpp"}
    finally:
        aura(home, "down")
