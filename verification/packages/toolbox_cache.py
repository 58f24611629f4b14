"""The cache of toolboxes. Each user has a folder with finished toolboxes, named by the digest of their content.

A process uses the cache only if its own user owns it and nobody else may write to it. It uses a toolbox only if every
file exists with the right size, because programs that clean temporary folders remove single old files.
"""

import os
import shutil
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from verification.sandbox.orphans import PREFIX, is_orphan, new_tag

SHELF = "aura-tools"
UNUSED_S = 7 * 24 * 3600.0  # a toolbox that was not used for so many seconds is removed when another is added
_LISTING = ".listing"


def taken(place: Path, name: str, fill: Callable[[Path], None]) -> Path | None:
    """Return the folder of the toolbox `name` in `place`. If it is missing or incomplete, `fill` makes it.

    Return None if another user could have written the cache. If `fill` raises an error, remove the unfinished folder
    and raise the error.
    """
    shelf = place / f"{SHELF}-{os.getuid()}"
    with suppress(FileExistsError):
        shelf.mkdir(mode=0o755)
    if not _ours_alone(shelf):
        return None
    folder = shelf / name
    if not _whole(folder):
        _put(folder, fill)
        _tidy(shelf)
    os.utime(folder)
    return folder


def _ours_alone(shelf: Path) -> bool:
    found = shelf.lstat()
    shared = stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not shared


def _put(folder: Path, fill: Callable[[Path], None]) -> None:
    """Make a toolbox under a temporary name, then rename it, so that no process uses an unfinished toolbox."""
    made, damaged = folder.with_name(new_tag()), folder.with_name(new_tag())
    try:
        made.mkdir(mode=0o755)
        fill(made)
        (made / _LISTING).write_text(_listed(made), encoding="ascii")
        if folder.exists() and not _whole(folder):
            folder.rename(damaged)
        with suppress(OSError):  # another process has created it
            made.rename(folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
        shutil.rmtree(damaged, ignore_errors=True)


def _tidy(shelf: Path) -> None:
    """Remove unfinished folders of killed processes, and toolboxes that no process used for UNUSED_S."""
    for entry in list(shelf.iterdir()):
        with suppress(OSError):
            unused = time.time() - entry.stat().st_mtime > UNUSED_S
            if is_orphan(entry.name) or (unused and not entry.name.startswith(PREFIX)):
                shutil.rmtree(entry)


def _whole(folder: Path) -> bool:
    try:
        return (folder / _LISTING).read_text(encoding="ascii") == _listed(folder)
    except OSError:
        return False


def _listed(folder: Path) -> str:
    """Return a hex sha256 of the paths, sizes and modes of all entries below the folder, except the listing itself."""
    found = sha256()
    for path in sorted(folder.rglob("*")):
        if path.name != _LISTING:
            seen = path.lstat()
            size = seen.st_size if stat.S_ISREG(seen.st_mode) else 0
            found.update(os.fsencode(f"{path.relative_to(folder)}\0{size}\0{seen.st_mode}\n"))
    return found.hexdigest()
