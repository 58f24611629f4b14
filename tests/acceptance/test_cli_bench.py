"""`aura bench` measures in a clone of the project, and says elsewhere that it cannot. `bench routing` needs none."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.packages import PACKAGES

ROOT = Path(__file__).parents[2]
WAIT_S = 600


def bench(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "director", "bench", *options, "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=WAIT_S, check=False)


def test_an_installation_without_the_sources_says_where_they_are(tmp_path: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    ended = bench(tmp_path)
    assert ended.returncode == 69
    error = json.loads(ended.stdout)["error"]
    assert "only its source repository contains them" in error["message"]
    assert "make bench" in error["hint"]


def test_its_options_are_checked_before_anything_is_measured() -> None:
    assert bench(ROOT, "--rounds", "0").returncode == 2


def test_routing_is_replayed_on_a_table(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    lines = [f"{name},p{number},c,{number % 2},0.{cost}" for name, cost in (("a", 1), ("b", 2)) for number in range(8)]
    table.write_text("\n".join(["model,problem,category,correct,cost_usd", *lines]), encoding="utf-8")
    ended = bench(tmp_path, "routing", "--table", str(table), "--seeds", "2")
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert answer["schema"] == "aura/1/bench-routing"
    assert answer["data"]["best_single"] == "a"
    assert "cascade: 2 of 2 seeds" in ended.stderr
    table.write_text("model,problem\n", encoding="utf-8")
    refused = bench(tmp_path, "routing", "--table", str(table))
    assert refused.returncode == 2
    assert "Line 1 of the table has no column" in json.loads(refused.stdout)["error"]["message"]


@pytest.mark.slow
@pytest.mark.needs_postgres
@pytest.mark.needs_nats
def test_it_writes_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    ended = bench(ROOT, "--quick", "--rounds", "1", "--out", str(page))
    assert ended.returncode == 0, ended.stderr
    data = json.loads(ended.stdout)["data"]
    assert data["page"] == page.read_text()
    assert "ours / this" in data["page"]
