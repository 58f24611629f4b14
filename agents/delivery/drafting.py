"""Where a repository is drafted, and how it gets to the disk as a whole.

Git's files are written one by one, each with a wait for the disk, and the objects without any. A draft in memory waits
for nothing; its copy then goes to the disk at once, all of it.
"""

import ctypes
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

MEMORY = Path("/dev/shm")
"""A file system in memory, where the machine has one."""
DRAFT_FREE_BYTES_MIN = 64 * 1024**2


@contextmanager
def draft(target: Path) -> Iterator[Path]:
    """A path to write a new folder at. At the end it is at `target`."""
    table = _table(target)
    if table is None:
        yield target
    else:
        try:
            yield table / target.name
            shutil.copytree(table / target.name, target, symlinks=True, copy_function=shutil.copy)
        finally:
            shutil.rmtree(table, ignore_errors=True)


def put(built: Path, folder: Path) -> None:
    """Rename what is built to its place. It is on the disk before it is there, and there before this returns."""
    _flush(built)
    os.rename(built, folder)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _table(target: Path) -> Path | None:
    """A folder of our own in memory. Its name follows from the target, so that what a kill has left is removed."""
    table = MEMORY / f"aura-draft-{os.getuid()}-{sha256(os.fsencode(target.absolute())).hexdigest()[:16]}"
    try:
        if shutil.disk_usage(MEMORY).free < DRAFT_FREE_BYTES_MIN:
            return None
        shutil.rmtree(table, ignore_errors=True)
        table.mkdir(mode=0o700)
    except OSError:  # no such file system, or somebody else has put something there
        return None
    return table


def _flush(folder: Path) -> None:
    """Return when everything that was written to the folder's file system is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(AttributeError):  # a system without syncfs
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0:
                return
        os.sync()
    finally:
        os.close(descriptor)
