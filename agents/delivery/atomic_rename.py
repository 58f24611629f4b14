"""Atomic placement: a folder is built beside its place, then moved there and flushed to disk as a whole."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path


def put(built: Path, folder: Path) -> None:
    """Rename what is built to its place. It is on the disk before it is there, and there before this returns."""
    _flush(built)
    os.rename(built, folder)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
