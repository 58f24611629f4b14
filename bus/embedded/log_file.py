"""The log files of processes: bounded in size and number while a process writes to them, and read over the border.

A process that writes keeps its file: what is in it is copied to NAME.log.1, and the file is emptied. Whatever else
writes to it must append. A line that is written in the instant between the two is lost.
"""

import os
import shutil
from pathlib import Path

import msgspec

MIB = 1024**2
READ_BYTES_MAX = 256 * 1024  # of one file, for its last lines


class LogLimits(msgspec.Struct, frozen=True):
    """`bytes_max`: of the file that is written to. `files_max`: how many older ones are kept; 0: none."""

    bytes_max: int = 32 * MIB
    files_max: int = 4


def older(path: Path, number: int) -> Path:
    """Return the name of an older file; 1 is the newest of them."""
    return path.with_name(f"{path.name}.{number}")


def rotate(path: Path, limits: LogLimits) -> bool:
    """Begin the file anew if it is larger than its limit; False if it is not. Raises OSError; then nothing is lost."""
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
    """Return the last lines of a log, from older files too if the present one has too few. Raises OSError for none."""
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
