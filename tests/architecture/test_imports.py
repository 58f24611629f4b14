"""The import contracts of pyproject.toml refuse a house that breaks them and accept one that does not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "agents",
    "bus",
    "director",
    "domain",
    "governance",
    "observability",
    "projections",
    "runtime",
    "sql",
    "verification",
)
LINT_WALL_S = 60


def _lint(house: Path, imports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the contracts on a house of empty packages, some with one import."""
    shutil.copy(ROOT / "pyproject.toml", house)
    for package in PACKAGES:
        (house / package).mkdir()
        (house / package / "__init__.py").write_text("")
        (house / package / "part.py").write_text(imports.get(package, ""))
    program = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-P", "-c", program, "--no-cache"],
        cwd=house,
        env={"PYTHONPATH": str(house)},
        capture_output=True,
        text=True,
        timeout=LINT_WALL_S,
        check=False,
    )


def test_imports_that_go_down_pass(tmp_path: Path) -> None:
    downward = {
        "director": "import agents.part, domain.part",
        "agents": "import governance.part, projections.part, verification.part, asyncio",
        "bus": "import domain.part, sql.part",
        "domain": "import hashlib, msgspec",
    }
    done = _lint(tmp_path, downward)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("package", "statement"),
    [
        ("domain", "import bus.part"),
        ("domain", "import sql.part"),
        ("bus", "import governance.part"),
        ("agents", "from director import part"),
        ("governance", "def f():\n    import projections.part"),
        ("verification", "import governance.part"),
        ("domain", "import asyncio"),
        ("domain", "from os import environ"),
        ("domain", "import time"),
        ("domain", "import random"),
        ("domain", "import nats.aio.client"),
        ("domain", "import asyncpg"),
    ],
)
def test_imports_that_go_up_or_out_are_refused(tmp_path: Path, package: str, statement: str) -> None:
    done = _lint(tmp_path, {package: statement})
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
