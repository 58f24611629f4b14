"""The log files of processes. Their size and number are limited while a process writes to them.

A full file stays open: its content is copied to NAME.log.1, and then the file is emptied. So every process that writes
to it must append. A line that is written between the copy and the emptying is lost.
"""

import os
import shutil
from pathlib import Path

import msgspec

MIB = 1024**2
READ_BYTES_MAX = 256 * 1024  # the last bytes of one file, which are read for its last lines


class LogLimits(msgspec.Struct, frozen=True):
    """Limits of one log. `bytes_max`: size of the present file. `files_max`: number of older files, or 0."""

    bytes_max: int = 32 * MIB
    files_max: int = 4


def older(path: Path, number: int) -> Path:
    """Return the path of an older file. The newest of the older files has the number 1."""
    return path.with_name(f"{path.name}.{number}")


def rotate(path: Path, limits: LogLimits) -> bool:
    """Move the content of a file above its limit to an older file. Return False if the file is within its limit.

    Raises OSError, and loses nothing in that case.
    """
    try:
        if path.stat().st_size <= limits.bytes_max:
            return False
    except FileNotFoundError:
        return False
    part = older(path, 0)
    try:
        if limits.files_max:
            shutil.copy(path, part)
        os.truncate(path, 0)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    for number in range(limits.files_max, 0, -1):
        if older(path, number - 1).exists():
            older(path, number - 1).replace(older(path, number))
    return True


def last_lines(path: Path, lines_max: int) -> list[str]:
    """Return the last lines of a log, if necessary with lines of older files. Raises OSError if there is no log."""
    lines = _last(path, lines_max)
    number = 1
    while len(lines) < lines_max and older(path, number).exists():
        lines = [*_last(older(path, number), lines_max - len(lines)), *lines]
        number += 1
    return lines


def _last(path: Path, lines_max: int) -> list[str]:
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - READ_BYTES_MAX))
        lines = file.read().decode(errors="replace").splitlines()
    return lines[-lines_max:]
