"""Descriptors of files: sealed contents for a child process, and the flags that open a box's files from outside."""

import fcntl
import os

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
OPEN_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
"""Flags for `os.open`. A program in the box may have made links and pipes: no link is followed, and no open waits."""


class LaterContent:
    """A file in memory for a child process. The child gets its read-only descriptor before the file has its content."""

    def __init__(self) -> None:
        self._memory = os.memfd_create("aura", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            self.reader = os.open(f"/proc/self/fd/{self._memory}", os.O_RDONLY | os.O_CLOEXEC)
        except BaseException:
            os.close(self._memory)
            raise

    def fill(self, content: bytes) -> None:
        """Write the content and seal it, so that nobody can change it. Call it once."""
        left = memoryview(content)
        while left:
            left = left[os.write(self._memory, left) :]
        fcntl.fcntl(self._memory, fcntl.F_ADD_SEALS, _SEALS)

    def close(self) -> None:
        for descriptor in (self._memory, self.reader):
            if descriptor >= 0:
                os.close(descriptor)
        self._memory = self.reader = -1


def sealed(content: bytes) -> int:
    """Return a read-only descriptor of a file in memory that contains `content`."""
    later = LaterContent()
    try:
        later.fill(content)
        return os.dup(later.reader)
    finally:
        later.close()
