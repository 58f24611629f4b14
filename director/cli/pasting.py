"""Paths and the `aura` program, quoted so that a person can paste them into a shell."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def here(path: Path | str) -> str:
    """Return a path, quoted for a shell; relative if it is below the working directory."""
    inside = Path(path).is_relative_to(Path.cwd())
    return shlex.quote(os.path.relpath(path) if inside else str(path))


def program() -> str:
    """Return the command `aura` if it is on the PATH, else the path of the program."""
    on_path = shutil.which("aura")
    own = Path(sys.executable).with_name("aura")
    return "aura" if on_path is not None and Path(on_path).resolve() == own.resolve() else here(own)
