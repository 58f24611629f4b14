"""The import contracts of pyproject.toml refuse code that breaks them and accept code that does not."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.packages import PACKAGES
from tests.tiers import CI

ROOT = Path(__file__).parents[2]
LINT_WALL_S = 240


DIRECTOR = ("cli", "deployment", "doctor", "http", "mcp", "notify", "oidc", "reports", "services", "terminal")
DIRECTOR_MODULES = ("__main__", "settings")


def _lint(house: Path, imports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the contracts on empty packages, in which some modules have imports: `PACKAGE.MODULE` -> text."""
    shutil.copy(ROOT / "pyproject.toml", house)
    packages = [*PACKAGES, *(f"director/{package}" for package in DIRECTOR)]
    modules = {f"director.{module}": "" for module in DIRECTOR_MODULES}
    modules |= {f"{package.replace('/', '.')}.part": "" for package in packages}
    for package in packages:
        (house / package).mkdir(exist_ok=True)
        (house / package / "__init__.py").write_text("")
    for module, text in (modules | imports).items():
        (house / f"{module.replace('.', '/')}.py").write_text(text)
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
        "director.part": "import runtime.part, agents.part, domain.part",
        "director.cli.part": "import director.services.part, director.doctor.part, director.settings",
        "director.services.part": "import director.deployment.part, director.reports.part, director.terminal.part",
        "runtime.part": "import agents.part, observability.part",
        "agents.part": "import observability.part, governance.part, projections.part, verification.part, asyncio",
        "observability.part": "import governance.part, projections.part, verification.part",
        "bus.part": "import domain.part, sql.part",
        "domain.part": "import hashlib, msgspec",
    }
    done = _lint(tmp_path, downward)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("domain.part", "import bus.part"),
        pytest.param("domain.part", "import sql.part", marks=CI),
        ("bus.part", "import governance.part"),
        pytest.param("agents.part", "from director import part", marks=CI),
        ("agents.part", "import runtime.part"),
        pytest.param("observability.part", "import agents.part", marks=CI),
        ("runtime.part", "from director.services import part"),
        pytest.param("governance.part", "def f():\n    import projections.part", marks=CI),
        ("verification.part", "import governance.part"),
        pytest.param("director.services.part", "import director.cli.part", marks=CI),
        ("director.terminal.part", "from director.services import part"),
        pytest.param("director.settings", "import director.terminal.part", marks=CI),
        ("domain.part", "import asyncio"),
        pytest.param("domain.part", "from os import environ", marks=CI),
        ("domain.part", "import time"),
        pytest.param("domain.part", "import random", marks=CI),
        ("domain.part", "import nats.aio.client"),
        pytest.param("domain.part", "import asyncpg", marks=CI),
    ],
)
def test_imports_that_go_up_or_out_are_refused(tmp_path: Path, module: str, statement: str) -> None:
    done = _lint(tmp_path, {module: statement})
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


CYCLE = {"bus.first": "import bus.second", "bus.second": "from bus import third", "bus.third": "import bus.first"}
FOR_TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bus import third"


@pytest.mark.parametrize(
    "second",
    ["from bus import third", FOR_TYPES, "def f():\n    from bus import third"],
    ids=["at the top", "for types alone", "inside a function"],
)
@pytest.mark.parametrize("closed", [True, False], ids=["a cycle", "its control"])
def test_a_cycle_among_modules_is_refused(tmp_path: Path, second: str, closed: bool) -> None:
    done = _lint(tmp_path, CYCLE | {"bus.second": second, "bus.third": CYCLE["bus.third"] if closed else ""})
    assert done.returncode == (1 if closed else 0), done.stdout + done.stderr
    assert ("No cycles among siblings" in done.stdout.partition("BROKEN")[0].splitlines()[-1]) == closed


@pytest.mark.parametrize("closed", [True, False], ids=["a cycle", "its control"])
def test_a_cycle_among_packages_is_refused(tmp_path: Path, closed: bool) -> None:
    """No two modules import each other here; the packages `bus.left` and `bus.right` do."""
    for package in ("left", "right"):
        (tmp_path / "bus" / package).mkdir(parents=True)
        (tmp_path / "bus" / package / "__init__.py").write_text("")
    modules = {"bus.left.a": "import bus.right.a", "bus.right.a": "", "bus.left.b": ""}
    done = _lint(tmp_path, modules | {"bus.right.b": "import bus.left.b" if closed else ""})
    assert done.returncode == (1 if closed else 0), done.stdout + done.stderr
