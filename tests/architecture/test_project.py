"""The whole project follows its rules."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.architecture import packages, registries, rules
from tests.architecture.output import WRITING_FILES, writes_at_the_edge
from tests.architecture.rules import Rule

ROOT = Path(__file__).parents[2]
PACKAGES = ("bench", *packages.PACKAGES)
TEXT_BYTES_MAX = 1_000_000
HELP_WALL_S = 240


@cache
def _sources() -> dict[str, str]:
    """Return path -> text of all code of the project, without tests."""
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@pytest.mark.parametrize("rule", rules.SOURCE_RULES, ids=lambda rule: rule.__name__)
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    sources = _sources()
    assert "domain/errors.py" in sources
    assert [found for path, source in sources.items() for found in rule(path, source)] == []


def test_the_gate_does_publish() -> None:
    """The rule about it would hold in a house that publishes under another name."""
    sources = _sources()
    assert ".publish_events(" in sources[rules.GATE]
    assert "def publish_events(" in sources[rules.EVENT_PUBLISHER]


def test_the_process_edges_exist() -> None:
    """An entry that has lost its function would let a later one slip in."""
    sources = _sources()
    for path, function in rules.PROCESS_EDGES:
        if path in sources:
            assert f"def {function.rpartition('.')[2]}(" in sources[path], f"{path} has no {function}"


def test_each_file_that_may_write_to_the_terminal_does() -> None:
    """An entry that has lost its purpose would let a later print slip in."""
    sources = _sources()
    for path in WRITING_FILES:
        assert writes_at_the_edge("elsewhere.py", sources[path]), f"{path} writes nothing: take it off WRITING_FILES"


@pytest.mark.needs_git
def test_no_tracked_file_names_a_registry() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, timeout=HELP_WALL_S)
    paths = [path for path in listing.stdout.decode().split("\0") if path]
    assert "Makefile" in paths
    found = []
    for path in paths:
        file = ROOT / path
        if not file.is_file() or file.stat().st_size > TEXT_BYTES_MAX:
            continue
        found += registries.no_registry_address(path, file.read_text(encoding="utf-8", errors="replace"))
    assert found == []


def test_importing_the_project_is_silent() -> None:
    """Every module can be imported with an empty environment, prints nothing and leaves no thread."""
    modules = [
        path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for path in _sources()
        if not path.startswith("bench/") and not path.endswith("__main__.py")
    ]
    lines = [f"import {module}" for module in modules]
    program = "\n".join([*lines, "import threading", "assert threading.active_count() == 1"])
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", program],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=HELP_WALL_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
