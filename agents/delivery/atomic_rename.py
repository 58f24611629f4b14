"""Atomic placement of a folder: it is built in another place, flushed to disk, and then renamed."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path


def put(built: Path, folder: Path) -> None:
    """Rename a built folder to its final path. The folder is flushed to disk before the rename. The rename is flushed
    to disk before this function returns.
    """
    _flush(built)
    os.rename(built, folder)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush(folder: Path) -> None:
    """Wait until all data in the folder's file system is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(AttributeError):  # some systems have no syncfs
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) == 0:
                return
        os.sync()
    finally:
        os.close(descriptor)
