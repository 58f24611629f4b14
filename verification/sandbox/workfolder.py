"""A box's writable folders. The host holds them open, writes them before the start and reads them after the end."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress

from domain.tree import Tree
from verification.sandbox.base import WORK, Limits
from verification.sandbox.descriptors import OPEN_FOLDER, OPEN_NEW_FILE
from verification.sandbox.monitor import readable
from verification.sandbox.runtime import WRITABLE

APPEAR_WAIT_S = 10.0
POLL_S = 0.0005


class WorkFolder:
    """Descriptors of the writable folders of one box. While they are open, the contents remain after the box's end."""

    def __init__(self, descriptors: Mapping[str, int]) -> None:
        self._descriptors = dict(descriptors)
        self.uncounted = 0  # number of our own files without a name in these folders

    @classmethod
    def of_box(cls, pid: int, handle: int, sizes: Mapping[str, int]) -> "WorkFolder":
        """Wait until the folders of a box are mounted and open them. Raises OSError.

        `pid` is the box's first process. `handle` is its pidfd, which shows the end even before the process is reaped.
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
        """Write the input files, then the links.

        Call it as the box's user. Raises ValueError for a path that could leave the work folder.
        """
        tree = Tree.of(files)
        with _Writer(self.work) as writer:
            for path in sorted(tree):
                writer.file(path, tree[path], 0o755 if path in tree.executable else 0o644)
            for path in sorted(tree.submodules):
                writer.folder(path)
            for path, text in sorted(tree.links.items()):
                writer.link(path, text)

    def reserve(self, size: int) -> None:
        """Take this number of bytes of the work folder with a file that has no name, until `close`.

        Call it as the box's user. So a folder that is a little too large has exactly the room that a run may use.
        """
        if size > 0:
            flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
            self._descriptors["reserved"] = file = os.open(".", flags, 0o600, dir_fd=self.work)
            os.posix_fallocate(file, 0, size)
            self.uncounted += 1

    def sizes(self) -> dict[str, int]:
        """Return the mounted size of each folder in bytes."""
        found = {name: os.fstatvfs(self._descriptors[name]) for name in WRITABLE}
        return {name: each.f_blocks * each.f_frsize for name, each in found.items()}

    def file_count(self) -> int:
        """Return the number of files, folders and links in all writable folders together; 0 after `close`."""
        found = [os.fstatvfs(self._descriptors[name]) for name in WRITABLE if name in self._descriptors]
        return sum(each.f_files - each.f_ffree - 1 for each in found) - self.uncounted if found else 0

    def close(self) -> None:
        for descriptor in self._descriptors.values():
            with suppress(OSError):
                os.close(descriptor)
        self._descriptors.clear()


class _Writer:
    """Writer of files below a folder. It uses descriptors, so it follows no link. Sorted paths make it fast."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._open: list[tuple[str, int]] = []  # names and descriptors of the folders of the last path

    def __enter__(self) -> "_Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._back_to(0)

    def file(self, path: str, content: bytes, mode: int) -> None:
        folder, name = self._above(path)
        file = os.open(name, OPEN_NEW_FILE, mode, dir_fd=folder)
        try:
            os.fchmod(file, mode)  # independent of the umask
            left = memoryview(content)
            while left:
                left = left[os.write(file, left) :]
        finally:
            os.close(file)

    def folder(self, path: str) -> None:
        folder, name = self._above(path)
        os.mkdir(name, 0o755, dir_fd=folder)

    def link(self, path: str, text: str) -> None:
        folder, name = self._above(path)
        os.symlink(text, name, dir_fd=folder)

    def _above(self, path: str) -> tuple[int, str]:
        """Return the descriptor of a path's parent folder, which is created if necessary, and the path's last name."""
        if not is_plain_path(path):
            raise ValueError(f"not a relative path inside the work folder: {path!r}")
        *folders, name = path.split("/")
        same = 0
        while same < min(len(folders), len(self._open)) and self._open[same][0] == folders[same]:
            same += 1
        self._back_to(same)
        for folder in folders[same:]:
            here = self._here()
            with suppress(FileExistsError):
                os.mkdir(folder, 0o755, dir_fd=here)
            self._open.append((folder, os.open(folder, OPEN_FOLDER, dir_fd=here)))
        return self._here(), name

    def _here(self) -> int:
        return self._open[-1][1] if self._open else self._root

    def _back_to(self, depth: int) -> None:
        while len(self._open) > depth:
            os.close(self._open.pop()[1])


def folder_sizes(limits: Limits, *, shm_bytes: int) -> dict[str, int]:
    """Return the size of each writable folder in bytes, rounded up to whole pages."""
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        name: -(-size // page) * page
        for name, size in zip(WRITABLE, (limits.work_bytes, limits.tmp_bytes, shm_bytes), strict=True)
    }


def is_plain_path(path: str) -> bool:
    """Return whether a path is relative, normalised, and cannot leave its folder."""
    parts = path.split("/")
    return bool(path) and "\0" not in path and not any(part in ("", ".", "..") for part in parts)


def _open_when_mounted(path: str, handle: int, size: int) -> int:
    """Wait until a folder of the box is mounted and open it.

    Before the mount, the same path leads to a folder of the host. The size distinguishes the two.
    """
    deadline = time.monotonic() + APPEAR_WAIT_S
    while True:
        with suppress(FileNotFoundError, PermissionError):
            descriptor = os.open(path, OPEN_FOLDER)
            found = os.fstatvfs(descriptor)
            if found.f_blocks * found.f_frsize == size:
                return descriptor
            os.close(descriptor)
        if readable(handle, 0):
            raise ProcessLookupError("the box ended before its folders were mounted")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path} was not mounted within {APPEAR_WAIT_S:g} s")
        time.sleep(POLL_S)
