"""Atomic placement of a folder: it is built in another place, flushed to disk, and then renamed."""

import ctypes
import os
import threading
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


class _Flushes:
    """The flushes of one file system. A flush that began after a caller asked is also a flush for this caller.

    So deliveries that end at the same time share flushes. Each flush writes everything that waits for the disk, from
    all programs.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._begun = 0

    def flush(self, descriptor: int) -> None:
        asked = self._begun
        with self._turn:
            if self._begun > asked:
                return  # it began after the call, and has ended
            self._begun += 1
            _flush_all(descriptor)


_flushes: dict[int, _Flushes] = {}
_LIBC = ctypes.CDLL(None, use_errno=True)


def _flush(folder: Path) -> None:
    """Wait until all data in the folder's file system is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _flushes.setdefault(os.fstat(descriptor).st_dev, _Flushes()).flush(descriptor)
    finally:
        os.close(descriptor)


def _flush_all(descriptor: int) -> None:
    with suppress(AttributeError):  # some systems have no syncfs
        if _LIBC.syncfs(descriptor) == 0:
            return
    os.sync()
