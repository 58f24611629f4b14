"""Sealed, read-only file descriptors. They pass bytes to a child process."""

import fcntl
import os


def sealed(content: bytes) -> int:
    """Return a read-only descriptor of a file in memory that contains `content`."""
    memory = os.memfd_create("aura", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(content)
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(memory)
