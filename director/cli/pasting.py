"""Paths and the program itself, as a person can paste them into the shell."""

import os
import shlex
import shutil
import sys
from pathlib import Path


def here(path: Path | str) -> str:
    """Return a path as it can be pasted: relative when it lies below the present folder."""
    inside = Path(path).is_relative_to(Path.cwd())
    return shlex.quote(os.path.relpath(path) if inside else str(path))


def program() -> str:
    """Return how to call `aura` from here: by its name when it is on the PATH, otherwise by its path."""
    on_path = shutil.which("aura")
    own = Path(sys.executable).with_name("aura")
    return "aura" if on_path is not None and Path(on_path).resolve() == own.resolve() else here(own)
