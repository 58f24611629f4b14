"""Toolboxes: installed tools that a box can use. They are kept in a folder of the user, or removed at the end."""

import asyncio
import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.errors import Unavailable
from tests.sandboxes import sandbox
from verification.packages.toolbox import TOOLS, close_toolboxes, tool_versions, toolbox, tools_digest
from verification.packages.toolbox_cache import SHELF, UNUSED_S
from verification.sandbox.base import PYTHON, RunResult, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]

ASK = f"import sys; sys.path.insert(0, {TOOLS!r}); import pytest; print(pytest.__version__, pytest.__file__)"


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return an empty folder for temporary files that boxes can read."""
    with tempfile.TemporaryDirectory(prefix="aura-place-", dir="/dev/shm") as folder:
        Path(folder).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        close_toolboxes()
        yield Path(folder)
        close_toolboxes()


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


def test_the_next_process_finds_it_on_the_shelf(place: Path) -> None:
    folder = toolbox(("iniconfig",))
    assert folder.parent == place / f"{SHELF}-{os.getuid()}"
    made_at = (folder / "iniconfig").stat().st_ctime_ns
    close_toolboxes()
    assert toolbox(("iniconfig",)) == folder
    assert (folder / "iniconfig").stat().st_ctime_ns == made_at
    assert toolbox(("pluggy",)) != folder


def lose(folder: Path) -> None:
    (folder / "iniconfig" / "_parse.py").unlink()


def cut(folder: Path) -> None:
    (folder / "iniconfig" / "_parse.py").write_text("")


def add(folder: Path) -> None:
    (folder / "sitecustomize.py").write_text("")


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("damage", [lose, cut, add])
def test_a_damaged_one_is_made_anew(damage: Callable[[Path], None]) -> None:
    folder = toolbox(("iniconfig",))
    right = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.py")}
    damage(folder)
    close_toolboxes()
    assert toolbox(("iniconfig",)) == folder
    assert {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.py")} == right
    assert [entry.name for entry in folder.parent.iterdir()] == [folder.name]


def squat(shelf: Path) -> None:
    shelf.mkdir()
    os.chown(shelf, 65534, 65534)


def open_up(shelf: Path) -> None:
    shelf.mkdir()
    shelf.chmod(0o777)


def lead_elsewhere(shelf: Path) -> None:
    elsewhere = shelf.with_name("elsewhere")
    elsewhere.mkdir()
    shelf.symlink_to(elsewhere)


@pytest.mark.parametrize("prepare", [squat, open_up, lead_elsewhere])
def test_a_shelf_that_others_may_write_is_not_used(place: Path, prepare: Callable[[Path], None]) -> None:
    if prepare is squat and os.getuid() != 0:
        pytest.skip("root alone can give a folder away")
    shelf = place / f"{SHELF}-{os.getuid()}"
    prepare(shelf)
    folder = toolbox(("iniconfig",))
    assert folder.parent == place
    assert list(shelf.iterdir()) == []
    close_toolboxes()
    assert not folder.exists()
    assert toolbox(("iniconfig",)).is_dir()


@pytest.mark.usefixtures("place")
def test_what_nobody_has_taken_for_long_leaves_the_shelf() -> None:
    old, new = toolbox(("iniconfig",)), toolbox(("pluggy",))
    close_toolboxes()
    long_ago = old.stat().st_mtime - UNUSED_S - 60
    os.utime(old, (long_ago, long_ago))
    toolbox(("packaging",))
    assert not old.exists()
    assert new.is_dir()


def test_what_is_not_installed_is_said() -> None:
    with pytest.raises(Unavailable) as raised:
        toolbox(("no-such-distribution",))
    assert "pip install no-such-distribution" in raised.value.hint


@pytest.mark.parametrize("died", [True, False], ids=["killed", "alive"])
def test_one_of_its_own_is_swept_after_a_killed_process(place: Path, died: bool) -> None:
    open_up(place / f"{SHELF}-{os.getuid()}")  # so that there is no shelf
    code = "from verification.packages.toolbox import toolbox; print(toolbox(('iniconfig',)), flush=True); input()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(place)}
    other = subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    folder = Path(other.stdout.readline().strip())
    try:
        assert folder.parent == place
        if died:
            other.send_signal(signal.SIGKILL)
            other.wait()
        toolbox(("iniconfig",))
        assert folder.is_dir() is not died
    finally:
        other.communicate("\n")
    assert not folder.exists()
