"""A folder as a tree that is compared with its base: what is unchanged is the base's own, byte by byte.

Nothing of the folder steers how it is read. The ignore files and the attributes are the base's; the folder's own ones,
those of `.git/info` and of any user count for nothing, and neither do its configuration, hooks and filters.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from domain.errors import Invalid, LimitReached, NotFound
from domain.tree import Tree
from verification.requirements.fixtures import read_plain
from verification.requirements.link_rules import text_fault
from verification.requirements.scope import in_scope
from verification.tree_limits import FILE_BYTES_MAX, FOLDERS_DEPTH_MAX, TREE_BYTES_MAX, TREE_FILES_MAX
from verification.working_tree.attributes import Attributes
from verification.working_tree.by_products import is_by_product
from verification.working_tree.conversion import cleaned, is_unchanged
from verification.working_tree.ignore_rules import IgnoreRules
from verification.working_tree.submodule import commit_of

CONTROL = ".git"
EXECUTABLE = stat.S_IXUSR


@dataclass(frozen=True)
class HandedIn:
    """The contents of a folder. `left_out`: untracked entries that are not judged, folders with a slash at the end.

    `compared_raw`: changed files whose attributes ask for an external program. `modes_kept`: whether the folder tells
    programs from other files; if not, the modes are the base's.
    """

    tree: Tree
    left_out: tuple[str, ...] = ()
    compared_raw: tuple[str, ...] = ()
    modes_kept: bool = True


def compared_with(folder: Path, base: Tree, scope: tuple[str, ...]) -> HandedIn:
    """Read a folder against its base. No link is followed, and nothing of the folder runs.

    Raises NotFound without a folder, Invalid for special files and names that no tree holds, LimitReached by size.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Name the folder that holds the code.")
    walk = _Walk(folder, base, scope)
    walk.folder("", 0, ignored=False)
    return walk.handed_in()


class _Walk:
    """One way through a folder."""

    def __init__(self, root: Path, base: Tree, scope: tuple[str, ...]) -> None:
        self.root, self.base, self.scope = root, base, scope
        self.rules, self.attributes = IgnoreRules(base), Attributes(base)
        paths = base.paths()
        self.tracked = frozenset(paths)
        self.tracked_folders = {path[:at] for path in paths for at, sign in enumerate(path) if sign == "/"}
        self.files: dict[str, bytes] = {}
        self.programs: set[str] = set()
        self.links: dict[str, str] = {}
        self.submodules = {path: commit for path, commit in base.submodules.items() if not self._stands(path)}
        self.left_out: list[str] = []
        self.raw: list[str] = []
        self.bytes = 0

    def _stands(self, path: str) -> bool:
        return os.path.lexists(self.root / path)

    def folder(self, prefix: str, depth: int, *, ignored: bool) -> None:
        """Read one folder. `ignored`: what is untracked in it is left out."""
        if depth > FOLDERS_DEPTH_MAX:
            raise LimitReached(f"{prefix} lies deeper than {FOLDERS_DEPTH_MAX} folders.", hint="Judge a flatter tree.")
        try:
            with os.scandir(self.root / prefix) as listed:
                entries = sorted(listed, key=lambda entry: entry.name)
        except OSError as error:
            _cannot_read(error)
        for entry in entries:
            path = f"{prefix}{entry.name}"
            if entry.name == CONTROL:
                continue
            if entry.is_dir(follow_symlinks=False):
                self.below(path, depth, ignored=ignored)
            elif path in self.tracked or not self.leaves_out(path, is_folder=False, ignored=ignored):
                self.entry(path)

    def below(self, path: str, depth: int, *, ignored: bool) -> None:
        """Read what a folder holds, unless it is a submodule, or untracked and ignored."""
        if path in self.base.submodules:
            self.submodules[path] = commit_of(self.root / path) or self.base.submodules[path]
        elif path in self.tracked_folders:
            hidden = ignored or self.rules.ignores(path, is_folder=True)
            self.folder(f"{path}/", depth + 1, ignored=hidden)
        elif not self.leaves_out(path, is_folder=True, ignored=ignored):
            self.folder(f"{path}/", depth + 1, ignored=False)

    def leaves_out(self, path: str, *, is_folder: bool, ignored: bool) -> bool:
        """Whether an untracked entry is left out, which is noted."""
        writable = in_scope(path, self.scope) or in_scope(f"{path}/x", self.scope)
        if not (
            ignored or self.rules.ignores(path, is_folder=is_folder) or is_by_product(path, may_be_written=writable)
        ):
            return False
        shown = os.fsencode(path).decode(errors="replace")
        self.left_out.append(f"{shown}/" if is_folder else shown)
        return True

    def entry(self, path: str) -> None:
        """Read a file or a link."""
        place = self.root / path
        if any("\udc80" <= sign <= "\udcff" for sign in path):
            shown = os.fsencode(place).decode(errors="replace")
            raise Invalid(f"{shown} has a name that is not UTF-8.", hint="Rename it, or remove it from the tree.")
        if len(self.files) + len(self.links) >= TREE_FILES_MAX:
            raise LimitReached(
                f"{self.root} holds more than {TREE_FILES_MAX} files: {path} is one too many.",
                hint="Judge the project alone, without its environment and data.",
            )
        try:
            status = place.lstat()
            if stat.S_ISLNK(status.st_mode):
                self.links[path] = os.readlink(place)
                return
            content = self.content(place)
        except OSError as error:
            _cannot_read(error)
        if self.base.links.get(path, "").encode() == content and path in self.base.links:
            self.links[path] = self.base.links[path]  # where a system has no links, git writes their text
            return
        self.files[path] = self.as_kept(path, content)
        self.programs |= {path} if status.st_mode & EXECUTABLE else set()

    def content(self, place: Path) -> bytes:
        """The bytes of a regular file, and never of what a link leads to."""
        held = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        content = read_plain(held, FILE_BYTES_MAX + 1)
        if content is None:
            raise Invalid(f"{place} is not a regular file.", hint="Remove special files from the tree.")
        self.bytes += len(content)
        if len(content) > FILE_BYTES_MAX or self.bytes > TREE_BYTES_MAX:
            raise LimitReached(
                f"{self.root} is larger than {TREE_BYTES_MAX} bytes, or {place} than {FILE_BYTES_MAX}.",
                hint="Judge the project alone, without its environment and data.",
            )
        return content

    def as_kept(self, path: str, content: bytes) -> bytes:
        """The content as git would keep it: the base's own if it is unchanged."""
        kept = self.base.get(path)
        if kept == content:
            return kept
        conversion = self.attributes.conversion_of(path)
        if kept is not None and is_unchanged(content, kept, conversion):
            return kept
        if conversion.driver:
            self.raw.append(path)
        return cleaned(content, kept, conversion)

    def handed_in(self) -> HandedIn:
        """Return what was read, once each link can be carried."""
        kept = self._modes_kept()
        programs = self.programs if kept else self.base.executable
        tree = Tree(self.files, executable=frozenset(programs), links=self.links, submodules=self.submodules)
        for path in sorted(self.links):
            if (fault := text_fault(path, tree)) is not None and self.base.links.get(path) != self.links[path]:
                raise Invalid(
                    f"{self.root / path} {fault}.", hint="Remove the link, or make it lead to a path of the tree."
                )
        return HandedIn(tree, tuple(self.left_out), tuple(self.raw), kept)

    def _modes_kept(self) -> bool:
        """Whether the folder tells programs from other files: some file systems and archives know one mode alone."""
        there = self.base.executable & self.files.keys()
        plain = (self.base.keys() - self.base.executable) & self.files.keys()
        lost = bool(there) and not self.programs
        return not lost and not (bool(plain) and self.programs == self.files.keys() and len(plain) > 1)


def _cannot_read(error: OSError) -> NoReturn:
    """Raise: what is there and cannot be read must not be missing from what is judged."""
    raise Invalid(
        f"{error.filename} cannot be read: {error.strerror}.", hint="Let this user read the whole folder."
    ) from error
