"""The difference between the files of a session's box and its initial tree.

It is read through descriptors of folders and follows no link. Call it only while no command runs, as the box's user.
"""

import os
import stat
from collections.abc import Callable

import msgspec

from domain.errors import LimitReached
from domain.tree import DELETED, Entry, Tree
from verification.sandbox.descriptors import OPEN_FILE, OPEN_FOLDER
from verification.tree_limits import FILE_BYTES_MAX, FOLDERS_DEPTH_MAX, LINK_CHARS_MAX

DIFFERENCE_BYTES_MAX = 64 * 1024**2
"""Maximum size of all added and changed files together."""
ENTRIES_MAX = 200_000
"""Maximum number of entries in the folders that are read."""
REFUSED_MAX = 200
"""Maximum number of refused entries. Each is named."""
CONTROL = ".git"
_BINARY_BYTES = 8000  # like git: a file is binary if there is a zero byte in this part

LeavesOut = Callable[[str, bool], bool]
"""A function that returns whether an entry is left out, such as a file that the base ignores. It gets a path that the
initial tree does not have, and whether the entry is a folder."""


class TreeDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The entries of a working copy that differ from the initial tree.

    `tree` contains the added and changed files and links. `refused` names entries that cannot be part of a tree, with
    reasons; the initial entries at and below these paths count as unchanged. `left_out` names the left out entries;
    folders end with a slash.
    """

    tree: Tree
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    mode_changed: tuple[str, ...] = ()  # files that became executable, or are not executable any more
    binary: tuple[str, ...] = ()  # added and changed files that are not text
    refused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def manifest(self) -> dict[str, Entry]:
        """Return the difference as a manifest. A removed path is `deleted`."""
        both = {**dict.fromkeys(self.deleted, DELETED), **self.tree.manifest()}
        return {path: both[path] for path in sorted(both)}


def tree_difference(work: int, initial: Tree, leaves_out: LeavesOut = lambda *_: False) -> TreeDifference:
    """Compare the folder with the descriptor `work` with the initial tree. Entries named `.git` are not compared.

    Raises LimitReached if the difference is larger than DIFFERENCE_BYTES_MAX, or the folder has more than ENTRIES_MAX
    entries.
    """
    walk = _Walk(initial, leaves_out)
    walk.folder(work, "", 0)
    return walk.result()


class _Walk:
    """One walk through a working copy."""

    def __init__(self, initial: Tree, leaves_out: LeavesOut) -> None:
        self.initial, self.leaves_out = initial, leaves_out
        self.paths = frozenset(path for path in initial.paths() if CONTROL not in path.split("/"))
        self.folders = {path[:at] for path in self.paths for at, char in enumerate(path) if char == "/"}
        self.files: dict[str, bytes] = {}
        self.programs: set[str] = set()
        self.links: dict[str, str] = {}
        self.seen: set[str] = set()  # paths of the initial tree that still have an entry
        self.mode_changed: list[str] = []
        self.refused: dict[str, str] = {}
        self.left_out: list[str] = []
        self.entries = 0
        self.bytes = 0

    def folder(self, folder: int, prefix: str, depth: int) -> None:
        for name in self._names(folder):
            path = prefix + name
            if name == CONTROL:
                continue
            try:
                name.encode()
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except (OSError, UnicodeEncodeError):
                self._refuse(path, "its name or entry cannot be read")
                continue
            self._entry(folder, name, path, found, depth)

    def _names(self, folder: int) -> list[str]:
        names = []
        with os.scandir(folder) as entries:
            for entry in entries:
                self.entries += 1
                if self.entries > ENTRIES_MAX:
                    raise LimitReached(
                        f"The working copy has more than {ENTRIES_MAX} entries.",
                        hint="Delete generated files and folders, such as environments and caches.",
                    )
                names.append(entry.name)
        return sorted(names)

    def _entry(self, folder: int, name: str, path: str, found: os.stat_result, depth: int) -> None:
        is_folder = stat.S_ISDIR(found.st_mode)
        known = path in self.folders or path in self.paths
        if not known and self.leaves_out(path, is_folder):
            self.left_out.append(f"{path}/" if is_folder else path)
        elif is_folder:
            self._below(folder, name, path, depth)
        elif stat.S_ISLNK(found.st_mode):
            self._link(folder, name, path)
        elif stat.S_ISREG(found.st_mode):
            self._file(folder, name, path)
        else:
            self._refuse(path, _kind(found.st_mode))

    def _below(self, folder: int, name: str, path: str, depth: int) -> None:
        if path in self.initial.submodules:
            return  # the content of a submodule is not part of the tree
        if depth >= FOLDERS_DEPTH_MAX:
            self._refuse(path, f"nested deeper than {FOLDERS_DEPTH_MAX} folders")
            return
        try:
            inside = os.open(name, OPEN_FOLDER, dir_fd=folder)
        except OSError as error:
            self._refuse(path, f"the folder cannot be read ({error.strerror})")
            return
        try:
            self.folder(inside, f"{path}/", depth + 1)
        finally:
            os.close(inside)

    def _link(self, folder: int, name: str, path: str) -> None:
        target = os.readlink(name, dir_fd=folder)
        if len(target) > LINK_CHARS_MAX or not _is_text(target):
            self._refuse(path, f"a link with more than {LINK_CHARS_MAX} characters, or with a target that is not UTF-8")
            return
        self.seen.add(path)
        if self.initial.links.get(path) != target:
            self.links[path] = target

    def _file(self, folder: int, name: str, path: str) -> None:
        try:
            descriptor = os.open(name, OPEN_FILE, dir_fd=folder)
        except OSError as error:
            self._refuse(path, f"cannot be opened ({error.strerror})")
            return
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                self._refuse(path, _kind(found.st_mode))
                return
            if found.st_size > FILE_BYTES_MAX:
                self._refuse(path, f"more than {FILE_BYTES_MAX} bytes")
                return
            self._content(path, file.read(found.st_size), executable=bool(found.st_mode & stat.S_IXUSR))

    def _content(self, path: str, content: bytes, *, executable: bool) -> None:
        self.seen.add(path)
        former = self.initial.get(path)
        other_mode = former is not None and executable != (path in self.initial.executable)
        if former == content and not other_mode:
            return
        if other_mode:
            self.mode_changed.append(path)
        self.bytes += len(content)
        if self.bytes > DIFFERENCE_BYTES_MAX:
            raise LimitReached(
                f"The changed files have more than {DIFFERENCE_BYTES_MAX} bytes together; the limit is reached at"
                f" {path}.",
                hint="Delete generated files, such as environments, builds and caches.",
            )
        self.files[path] = content
        if executable:
            self.programs.add(path)

    def _refuse(self, path: str, reason: str) -> None:
        if len(self.refused) >= REFUSED_MAX:
            raise LimitReached(
                f"More than {REFUSED_MAX} entries of the working copy cannot be part of a tree.",
                hint="Delete sockets, pipes, devices, and files with names that are not UTF-8.",
            )
        self.refused[path] = reason

    def result(self) -> TreeDifference:
        changed = {*self.files, *self.links}
        gone = self.paths - self.seen - self.initial.submodules.keys()
        replaced = {path for path in self.initial.submodules if path in changed}
        deleted = {path for path in gone if not self._is_refused(path)} - replaced
        return TreeDifference(
            tree=Tree(self.files, executable=frozenset(self.programs), links=self.links),
            added=tuple(sorted(changed - self.paths)),
            changed=tuple(sorted(changed & self.paths)),
            deleted=tuple(sorted(deleted)),
            mode_changed=tuple(self.mode_changed),
            binary=tuple(path for path, content in self.files.items() if b"\0" in content[:_BINARY_BYTES]),
            refused=tuple(f"{shown(path)}: {reason}" for path, reason in self.refused.items()),
            left_out=tuple(map(shown, self.left_out)),
        )

    def _is_refused(self, path: str) -> bool:
        """Return whether an entry that could not be read is at this path or above it."""
        above = (path[:at] for at, char in enumerate(path) if char == "/")
        return path in self.refused or any(each in self.refused for each in above)


def shown(path: str) -> str:
    """Return a path as text, also if it is not UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    return kinds.get(stat.S_IFMT(mode), "not a regular file")
