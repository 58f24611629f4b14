"""Reader of a folder as a tree, compared with its base. An unchanged file keeps the bytes of the base.

No content of the folder changes how the folder is read. Only the ignore files and attribute files of the base count.
Ignore files and attribute files of the folder, of `.git/info` and of users do not count. The git configuration, hooks
and filters of the folder are also ignored.
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
    """The result of reading a folder.

    `left_out`: untracked entries that are not judged; folders end with a slash. `compared_raw`: changed files that git
    would convert with an external program, which did not run. `modes_kept`: whether the folder has executable bits; if
    not, the executable bits of the base are used.
    """

    tree: Tree
    left_out: tuple[str, ...] = ()
    compared_raw: tuple[str, ...] = ()
    modes_kept: bool = True


def compared_with(folder: Path, base: Tree, scope: tuple[str, ...]) -> HandedIn:
    """Read a folder and compare it with its base. No link is followed, and no code of the folder runs.

    Raises NotFound if there is no folder, Invalid for special files or invalid names, LimitReached for a large folder.
    """
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Give the path of the folder with the code.")
    walk = _Walk(folder, base, scope)
    walk.folder("", 0, ignored=False)
    return walk.handed_in()


class _Walk:
    """One walk through a folder."""

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
        """Read one folder. `ignored`: whether the untracked entries in the folder are not judged."""
        if depth > FOLDERS_DEPTH_MAX:
            hint = "Judge a flatter tree."
            raise LimitReached(f"{prefix} is nested deeper than {FOLDERS_DEPTH_MAX} folders.", hint=hint)
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
        """Read the content of a folder, unless the folder is a submodule, or is both untracked and ignored."""
        if path in self.base.submodules:
            self.submodules[path] = commit_of(self.root / path) or self.base.submodules[path]
        elif path in self.tracked_folders:
            hidden = ignored or self.rules.ignores(path, is_folder=True)
            self.folder(f"{path}/", depth + 1, ignored=hidden)
        elif not self.leaves_out(path, is_folder=True, ignored=ignored):
            self.folder(f"{path}/", depth + 1, ignored=False)

    def leaves_out(self, path: str, *, is_folder: bool, ignored: bool) -> bool:
        """Return whether an untracked entry is not judged. If it is not, add it to `left_out`."""
        if not (ignored or self.rules.ignores(path, is_folder=is_folder) or is_by_product(path, self.scope)):
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
                f"{self.root} contains more than {TREE_FILES_MAX} files; the limit is reached at {path}.",
                hint="Judge only the project, without its environment and data.",
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
            # A system without links checks out a link as a file with the link's text.
            self.links[path] = self.base.links[path]
            return
        self.files[path] = self.as_kept(path, content)
        self.programs |= {path} if status.st_mode & EXECUTABLE else set()

    def content(self, place: Path) -> bytes:
        """Return the bytes of a regular file. It never follows a link."""
        held = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        content = read_plain(held, FILE_BYTES_MAX + 1)
        if content is None:
            raise Invalid(f"{place} is not a regular file.", hint="Remove special files from the tree.")
        self.bytes += len(content)
        if len(content) > FILE_BYTES_MAX or self.bytes > TREE_BYTES_MAX:
            raise LimitReached(
                f"{self.root} is larger than {TREE_BYTES_MAX} bytes, or {place} is larger than {FILE_BYTES_MAX} bytes.",
                hint="Judge only the project, without its environment and data.",
            )
        return content

    def as_kept(self, path: str, content: bytes) -> bytes:
        """Return the content as git would store it. For an unchanged file, this is the content in the base."""
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
        """Check that each link is allowed, and return the result."""
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
        """Return whether the folder has executable bits.

        Some file systems and archives have only one mode for all files.
        """
        there = self.base.executable & self.files.keys()
        plain = (self.base.keys() - self.base.executable) & self.files.keys()
        lost = bool(there) and not self.programs
        return not lost and not (bool(plain) and self.programs == self.files.keys() and len(plain) > 1)


def _cannot_read(error: OSError) -> NoReturn:
    """Raise Invalid, because the judged tree must not silently miss an unreadable entry."""
    raise Invalid(
        f"{error.filename} cannot be read: {error.strerror}.", hint="Give this user read access to the whole folder."
    ) from error
