"""The checked-out commit of a submodule in a working tree, read from plain files."""

import os
import re
from pathlib import Path

from verification.requirements.fixtures import read_plain

POINTER_BYTES_MAX = 4096
PACKED_REFS_BYTES_MAX = 4 << 20
REFS_FOLLOWED_MAX = 5
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit_of(folder: Path) -> str | None:
    """Return the commit id of the folder's HEAD; None if there is no repository or HEAD cannot be read."""
    control = folder / ".git"
    if not control.is_dir():
        pointer = _text(control, POINTER_BYTES_MAX)
        if pointer is None or not pointer.startswith("gitdir: "):
            return None
        control = folder / pointer.removeprefix("gitdir: ").strip()
    name = "HEAD"
    for _ in range(REFS_FOLLOWED_MAX):
        said = _text(control / name, POINTER_BYTES_MAX) or _packed(control, name) or ""
        if _COMMIT.fullmatch(said.strip()):
            return said.strip()
        name = said.removeprefix("ref: ").strip()
        if not said.startswith("ref: refs/") or ".." in name:
            return None
    return None


def _packed(control: Path, name: str) -> str | None:
    lines = (_text(control / "packed-refs", PACKED_REFS_BYTES_MAX) or "").splitlines()
    return next((line.split(" ", 1)[0] for line in lines if line.endswith(f" {name}")), None)


def _text(path: Path, bytes_max: int) -> str | None:
    try:
        held = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    content = read_plain(held, bytes_max)
    return None if content is None else content.decode("utf-8", "replace")
