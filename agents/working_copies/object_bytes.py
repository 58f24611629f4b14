"""Git objects as bytes: ids, trees and commits, read with bounds. dulwich's parsers accept more than a box may see."""

from collections.abc import Iterator
from hashlib import sha1
from typing import Literal, NamedTuple

from agents.working_copies.tree_rules import path_problem, refused

ObjectKind = Literal["commit", "tree", "blob"]
KINDS: tuple[ObjectKind, ...] = ("commit", "tree", "blob")
FOLDER, SUBMODULE, LINK, FILE, EXECUTABLE = "40000", "160000", "120000", "100644", "100755"
_FORMER_FILE = "100664"  # a mode of early versions of git
_MODES = frozenset({FOLDER, SUBMODULE, LINK, FILE, EXECUTABLE, _FORMER_FILE})
_ID_BYTES = 20


class GitObject(NamedTuple):
    """One git object. `raw`: its content without git's header."""

    kind: ObjectKind
    raw: bytes

    @property
    def id(self) -> str:
        return object_id(self.kind, self.raw)


class TreeItem(NamedTuple):
    """One line of a git tree. `mode`: octal text, as git writes it."""

    name: str
    mode: str
    id: str


class CommitLinks(NamedTuple):
    """The objects that a commit names."""

    tree: str
    parents: tuple[str, ...]
    time: int


def object_id(kind: ObjectKind, raw: bytes) -> str:
    """Return the id of a git object."""
    return sha1(b"%s %d\0" % (kind.encode(), len(raw)) + raw, usedforsecurity=False).hexdigest()


def tree_items(raw: bytes) -> Iterator[TreeItem]:
    """Yield the lines of a tree. Raises PackRefused for a line that git would not write, or a name such as `.git`."""
    at = 0
    before = b""
    while at < len(raw):
        space = raw.find(b" ", at, at + 8)
        end = raw.find(b"\0", space + 1) if space > 0 else -1
        if end < 0 or end + 1 + _ID_BYTES > len(raw):
            raise refused("a git tree in it cannot be read")
        mode = raw[at:space].decode("ascii", "replace")
        name = raw[space + 1 : end]
        if mode not in _MODES or b"/" in name:
            raise refused(f"a git tree in it has the entry {name[:80]!r} with the mode {mode}")
        order = name + (b"/" if mode == FOLDER else b"")
        if order <= before:
            raise refused(f"a git tree in it has {name[:80]!r} twice, or out of order")
        before = order
        try:
            text = name.decode()
        except UnicodeDecodeError as error:
            raise refused(f"a git tree in it has a name that is not UTF-8: {name[:80]!r}") from error
        if (problem := path_problem(text)) is not None:
            raise refused(problem)
        at = end + 1 + _ID_BYTES
        yield TreeItem(text, mode, raw[end + 1 : at].hex())


def commit_links(raw: bytes) -> CommitLinks:
    """Return the tree, the parents and the time of a commit. Raises PackRefused if it cannot be read."""
    head = raw.partition(b"\n\n")[0].decode("utf-8", "replace").split("\n")
    tree = ""
    parents: list[str] = []
    time = -1
    for line in head:
        key, _, value = line.partition(" ")
        if key == "tree" and not tree:
            tree = value
        elif key == "parent" and tree:
            parents.append(value)
        elif key == "committer":
            time = _time(value)
            break
    if time < 0 or not all(_is_id(each) for each in (tree, *parents)):
        raise refused("a git commit in it cannot be read")
    return CommitLinks(tree, tuple(parents), time)


def _time(committer: str) -> int:
    fields = committer.rsplit(" ", 2)
    return int(fields[1]) if len(fields) == 3 and fields[1].isdecimal() and len(fields[1]) < 16 else -1


def _is_id(text: str) -> bool:
    return len(text) == 2 * _ID_BYTES and not set(text) - set("0123456789abcdef")
