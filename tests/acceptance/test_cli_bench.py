"""`aura bench` measures in a clone of the project. Outside a clone it says that it cannot."""

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
    command = [sys.executable, "-m", "director", "bench", "--json", *options]
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
