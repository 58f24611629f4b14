"""A box's writable folders, held by descriptor from outside: written before the start, read after the end."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePosixPath

from verification.sandbox.base import WORK, Limits
from verification.sandbox.monitor import readable
from verification.sandbox.runtime import WRITABLE

APPEAR_WAIT_S = 10.0
POLL_S = 0.0005
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class WorkFolder:
    """Descriptors of the writable folders of one box. They outlive the box, and its contents with them."""

    def __init__(self, descriptors: Mapping[str, int]) -> None:
        self._descriptors = dict(descriptors)

    @classmethod
    def of_box(cls, pid: int, handle: int, sizes: Mapping[str, int]) -> "WorkFolder":
        """Opens the folders of the box whose first process is `pid`, once they are mounted. Raises OSError.

        `handle` is a pidfd of that process: it tells an end that nobody has reaped yet.
        """
        opened: dict[str, int] = {}
        try:
            for name in WRITABLE:
                opened[name] = _open_when_mounted(f"/proc/{pid}/root{name}", handle, sizes[name])
        except BaseException:
            for descriptor in opened.values():
                os.close(descriptor)
            raise
        return cls(opened)

    @property
    def work(self) -> int:
        return self._descriptors[WORK]

    def write(self, files: Mapping[str, bytes]) -> None:
        """Writes the inputs. To be called as the box's user. Raises ValueError for a path that is not plain."""
        for path in sorted(files):
            self._write_file(path, files[path])

    def sizes(self) -> dict[str, int]:
        """Bytes that each folder can hold, as it is mounted."""
        found = {name: os.fstatvfs(descriptor) for name, descriptor in self._descriptors.items()}
        return {name: each.f_blocks * each.f_frsize for name, each in found.items()}

    def file_count(self) -> int:
        """Files, folders and links in all writable folders together."""
        found = [os.fstatvfs(descriptor) for descriptor in self._descriptors.values()]
        return sum(each.f_files - each.f_ffree - 1 for each in found)

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            with suppress(OSError):
                os.close(descriptor)
        self._descriptors.clear()

    def _write_file(self, path: str, content: bytes) -> None:
        if not is_plain_path(path):
            raise ValueError(f"not a relative path inside the work folder: {path!r}")
        *folders, name = PurePosixPath(path).parts
        here = os.dup(self.work)
        try:
            for folder in folders:
                with suppress(FileExistsError):
                    os.mkdir(folder, 0o755, dir_fd=here)
                deeper = os.open(folder, _FOLDER, dir_fd=here)
                os.close(here)
                here = deeper
            with os.fdopen(os.open(name, _NEW_FILE, 0o644, dir_fd=here), "wb") as file:
                file.write(content)
        finally:
            os.close(here)


def folder_sizes(limits: Limits, *, tmp_bytes: int, shm_bytes: int) -> dict[str, int]:
    """Size of each writable folder in bytes, in whole pages."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        name: -(-size // page) * page
        for name, size in zip(WRITABLE, (limits.work_bytes, tmp_bytes, shm_bytes), strict=True)
    }


def is_plain_path(path: str) -> bool:
    """True for a relative path in normal form that cannot leave its folder."""
    parts = path.split("/")
    return bool(path) and "\0" not in path and not any(part in ("", ".", "..") for part in parts)


def _open_when_mounted(path: str, handle: int, size: int) -> int:
    """Before the box has changed its root the same path shows the host, so the size must be the one asked for."""
    deadline = time.monotonic() + APPEAR_WAIT_S
    while True:
        with suppress(FileNotFoundError, PermissionError):
            descriptor = os.open(path, _FOLDER)
            found = os.fstatvfs(descriptor)
            if found.f_blocks * found.f_frsize == size:
                return descriptor
            os.close(descriptor)
        if readable(handle, 0):
            raise ProcessLookupError("the box ended before its folders were mounted")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} was not mounted within {APPEAR_WAIT_S:g} s")
        time.sleep(POLL_S)
