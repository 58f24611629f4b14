"""`make profile` on real servers: each scenario is profiled, and its CPU time belongs to layers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAIT_S = 600
ATTRIBUTED_MIN = 0.8


@pytest.mark.slow
@pytest.mark.needs_postgres
@pytest.mark.needs_nats
def test_at_least_four_fifths_of_a_runs_time_belong_to_a_layer(tmp_path: Path) -> None:
    page = tmp_path / "profile.md"
    command = [sys.executable, "-m", "bench.profiling", "--quick", "--only", "runs", "--json", "--out", str(page)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert ended.returncode == 0, ended.stderr
    scenarios = {each["name"]: each for each in json.loads(ended.stdout)["scenarios"]}
    assert set(scenarios) == {"run", "runs-at-once", "replay", "rebuild"}
    for name, each in scenarios.items():
        assert each["attributed"] >= ATTRIBUTED_MIN, name
        assert each["sampled_s"] == pytest.approx(each["cpu_s"], rel=0.1), name
        assert (tmp_path / "profile" / f"{name}.svg").read_text().startswith("<svg")
        assert f"](profile/{name}.svg)" in page.read_text()
    assert {"nats-server", "postgres"} <= set(scenarios["run"]["other_processes_s"])
    spent = scenarios["run"]["layers_s"]
    assert all(spent[layer] > 0 for layer in ("codec", "gate", "fold", "rows", "driver nats-py", "event loop", "git"))
