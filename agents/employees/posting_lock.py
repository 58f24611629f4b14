"""The lock of the folder of employees. Only one command at a time changes which employee has a name."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from domain.errors import Unavailable

LOCK_FILE = ".lock"
LOCK_WAIT_S = 30.0
_POLL_S = 0.05


@asynccontextmanager
async def changing(folder: Path) -> AsyncIterator[None]:
    """Hold the lock from the check of a name until the change is recorded.

    The operating system releases the lock of a killed command. Raises Unavailable if another command holds the lock for
    LOCK_WAIT_S.
    """
    with _opened(folder) as file:
        deadline = asyncio.get_running_loop().time() + LOCK_WAIT_S
        while not _locked(file.fileno()):
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    "Another command has been changing the staff for 30 seconds.",
                    hint="Wait until it has ended, then run this command again.",
                )
            await asyncio.sleep(_POLL_S)
        yield  # closing the file releases the lock


def _opened(folder: Path) -> TextIO:
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / LOCK_FILE).open("a")


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
