"""Toolboxes: what is installed here, seen by a box; removed at the end, and by the next process after a crash."""

import asyncio
import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from domain.errors import Unavailable
from tests.sandboxes import sandbox
from verification.sandbox.base import PYTHON, RunResult, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.toolbox import TOOLS, close_toolboxes, tool_versions, toolbox, tools_digest

__all__ = ["sandbox"]

ASK = f"import sys; sys.path.insert(0, {TOOLS!r}); import pytest; print(pytest.__version__, pytest.__file__)"


async def asked(sandbox: Bubblewrap, folders: dict[str, Path]) -> RunResult:
    return await sandbox.run(RunSpec(argv=(PYTHON, "-I", "-B", "-c", ASK), folders=folders))


@pytest.mark.needs_sandbox
async def test_a_box_can_use_what_is_in_it(sandbox: Bubblewrap) -> None:
    folder = await asyncio.to_thread(toolbox, ("pytest",))
    seen = await asked(sandbox, {TOOLS: folder})
    assert seen.stdout.decode().split() == [importlib.metadata.version("pytest"), f"{TOOLS}/pytest/__init__.py"]
    without = await asked(sandbox, {})
    assert without.exit_code == 1
    assert b"No module named" in without.stderr


@pytest.mark.needs_sandbox
async def test_a_compiled_program_runs_in_a_box(sandbox: Bubblewrap) -> None:
    folder = await asyncio.to_thread(toolbox, ("ruff",))
    seen = await sandbox.run(RunSpec(argv=(f"{TOOLS}/bin/ruff", "--version"), folders={TOOLS: folder}))
    assert seen.stdout.decode().split() == ["ruff", importlib.metadata.version("ruff")]


def test_it_is_made_once_and_holds_what_was_named_and_its_needs() -> None:
    folder = toolbox(("pytest",))
    assert toolbox(("pytest", "pytest")) == folder
    assert {"pytest", "pluggy", "iniconfig", "packaging", "pygments"} == set(tool_versions(("pytest",)))
    assert (folder / "pluggy").is_dir()
    assert not (folder / "msgspec").exists()
    assert not list(folder.rglob("RECORD"))
    assert folder.stat().st_mode & 0o777 == 0o755
    assert tools_digest(("pytest",)) == tools_digest(("pytest",)) != tools_digest(("pluggy",))


def test_closing_removes_it_and_the_next_one_is_new() -> None:
    folder = toolbox(("iniconfig",))
    close_toolboxes()
    assert not folder.exists()
    assert toolbox(("iniconfig",)).is_dir()


def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(Unavailable) as raised:
        toolbox(("no-such-distribution",))
    assert "pip install no-such-distribution" in raised.value.hint


@pytest.mark.parametrize("died", [True, False], ids=["killed", "alive"])
def test_one_whose_process_was_killed_is_swept_by_the_next(died: bool) -> None:
    code = "from verification.toolbox import toolbox; print(toolbox(('iniconfig',)), flush=True); input()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": "/dev/shm"}
    other = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    folder = Path(other.stdout.readline().strip())
    try:
        assert folder.is_dir()
        if died:
            other.send_signal(signal.SIGKILL)
            other.wait()
        close_toolboxes()
        toolbox(("iniconfig",))
        assert folder.is_dir() is not died
    finally:
        other.communicate("\n")
    assert not folder.exists()
