"""A Python environment that was made in another folder is rebuilt, because its scripts would use the old path."""

import shutil
import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"
MAKE_WALL_S = 60


def helped(checkout: Path) -> str:
    """Return the output of `make help` in a checkout."""
    done = subprocess.run(
        ["make", "--no-print-directory", "help"],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=MAKE_WALL_S,
        check=True,
    )
    return done.stdout


def checkout(folder: Path, made_at: Path) -> Path:
    """Return a checkout whose environment contains another place as its origin."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "activate").write_text(f'VIRTUAL_ENV="{made_at}/.venv"\n')
    shutil.copy(MAKEFILE, folder)
    return folder


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_environment_of_a_moved_checkout_is_made_anew(tmp_path: Path) -> None:
    moved = checkout(tmp_path / "new place", tmp_path / "old")
    assert "moved or copied" in helped(moved)
    assert not (moved / ".venv").exists()
    assert "moved or copied" not in helped(moved), "there is none any more"


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_the_environment_of_a_checkout_in_its_place_stays(tmp_path: Path) -> None:
    place = tmp_path / "a place"
    kept = checkout(place, place)
    assert "moved or copied" not in helped(kept)
    assert (kept / ".venv" / "bin" / "activate").exists()
