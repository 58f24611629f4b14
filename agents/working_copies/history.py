"""The git history of a working copy: the base commit and its ancestors, and nothing else.

It is stored as one blob, and it does not contain the files of the base, because the base's tree has them. A history
has at most HISTORY_COMMITS_MAX commits. If that is not enough for all ancestors, it ends at one distance from the base;
git shows such a repository as shallow.
"""

import lzma
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from agents.working_copies.git_trees import blob_ids, tree_objects
from agents.working_copies.object_bytes import FOLDER, KINDS, SUBMODULE, GitObject, commit_links, tree_items
from agents.working_copies.pack_limits import (
    HISTORY_BYTES_MAX,
    HISTORY_COMMITS_MAX,
    HISTORY_CONTENT_BYTES_MAX,
    HISTORY_OBJECTS_MAX,
)
from agents.working_copies.tree_rules import PackRefused, refused
from domain.tree import Tree
from verification.tree_limits import FOLDERS_DEPTH_MAX

MAGIC = b"AURAHIST1"
_ID_BYTES = 20
_COUNTS = struct.Struct(">II")  # numbers of boundary commits and of objects
_OBJECT = struct.Struct(">BI")  # kind, size in bytes
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 16 * 1024**2}]
_MEMORY_BYTES_MAX = 64 * 1024**2

Read = Callable[[str], GitObject]
"""Reads a git object by its id. Raises KeyError if there is no such object."""


class GitHistory(NamedTuple):
    """The objects of a history by id. `boundary`: commits whose parents are not part of it.

    `paths`: id of a file -> a path that it has or had.
    """

    base: str
    boundary: tuple[str, ...]
    objects: Mapping[str, GitObject]
    paths: Mapping[str, str] = {}


class _Full(Exception):
    """The next part of the history does not fit its limits."""


class _Walk:
    """Collects what commits reach, within the limits. `in_tree`: ids of the files of the base, which are left out."""

    def __init__(self, read: Read, in_tree: frozenset[str], content_bytes_max: int) -> None:
        self.read, self.in_tree, self.content_bytes_max = read, in_tree, content_bytes_max
        self.objects: dict[str, GitObject] = {}
        self.new: dict[str, GitObject] = {}  # of the present level
        self.places: dict[str, str] = {}  # id -> path: objects of one path are stored side by side
        self.bytes = 0

    def commit(self, id: str) -> tuple[str, ...]:
        """Add a commit with its tree, and return its parents."""
        commit = self.take(id, "commit", "")
        links = commit_links(commit.raw)
        self.folder(links.tree, "", 0)
        return links.parents

    def folder(self, id: str, path: str, depth: int) -> None:
        known = id in self.objects
        folder = self.take(id, "tree", f"{path}/")
        if known:
            return
        if depth > FOLDERS_DEPTH_MAX:
            raise refused(f"its history nests {path[:120]} deeper than {FOLDERS_DEPTH_MAX} folders")
        for item in tree_items(folder.raw):
            below = f"{path}/{item.name}"
            if item.mode == FOLDER:
                self.folder(item.id, below, depth + 1)
            elif item.mode != SUBMODULE and item.id not in self.in_tree:
                self.take(item.id, "blob", below)

    def take(self, id: str, kind: str, path: str) -> GitObject:
        if id in self.objects:
            found = self.objects[id]
        else:
            found = self.read(id)
            self.bytes += len(found.raw)
            if self.bytes > self.content_bytes_max or len(self.objects) >= HISTORY_OBJECTS_MAX:
                raise _Full
            self.objects[id] = self.new[id] = found
            self.places[id] = path
        if found.kind != kind:
            raise refused(f"its history names {id} as a {kind}, and it is a {found.kind}")
        return found


def collect(read: Read, base: str, tree: Tree, *, commits_max: int = HISTORY_COMMITS_MAX) -> bytes | None:
    """Return the stored history of the base commit. `tree`: the files of that commit.

    It ends where an object is missing (a shallow or partial clone), where a name is not allowed, or at a limit. Return
    None if not even the base commit can be part of it.
    """
    walk = _Walk(read, frozenset(blob_ids(tree).values()), HISTORY_CONTENT_BYTES_MAX)
    levels = list(_levels(walk, base, commits_max))
    if levels and commit_links(walk.objects[base].raw).tree != tree_objects(tree).root:
        return None  # such as a mode that git no longer writes: the working copy would not be clean
    while levels:
        history = _stored(base, levels, walk.places)
        if len(history) <= HISTORY_BYTES_MAX:
            return history
        levels = levels[: len(levels) // 2]
    return None


class _Level(NamedTuple):
    """All commits at one distance from the base, and the objects that no nearer commit has."""

    commits: Mapping[str, tuple[str, ...]]
    objects: Mapping[str, GitObject]


def _levels(walk: _Walk, base: str, commits_max: int) -> Iterator[_Level]:
    waiting: tuple[str, ...] = (base,)
    seen: set[str] = set()
    while waiting and len(seen) + len(waiting) <= commits_max:
        seen.update(waiting)
        walk.new = {}
        try:
            parents = {id: walk.commit(id) for id in waiting}
        except (KeyError, _Full, PackRefused):
            return
        yield _Level(parents, walk.new)
        waiting = tuple(dict.fromkeys(id for each in parents.values() for id in each if id not in seen))


def _stored(base: str, levels: list[_Level], places: Mapping[str, str]) -> bytes:
    parents = {id: named for level in levels for id, named in level.commits.items()}
    boundary = [id for id, named in parents.items() if any(each not in parents for each in named)]
    objects = {id: each for level in levels for id, each in level.objects.items()}
    order = sorted(objects, key=lambda id: (KINDS.index(objects[id].kind), places[id]))  # stable: nearest commit first
    parts = [bytes.fromhex(base), _COUNTS.pack(len(boundary), len(order)), *map(bytes.fromhex, sorted(boundary))]
    for id in order:
        parts += [_OBJECT.pack(KINDS.index(objects[id].kind), len(objects[id].raw)), objects[id].raw]
    return MAGIC + lzma.compress(b"".join(parts), lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=_FILTERS)


def parse(stored: bytes, tree: Tree) -> GitHistory:
    """Read a stored history, and check that it is complete and holds nothing but the base's ancestors.

    `tree`: the files of the base. Raises PackRefused and LimitReached.
    """
    history = _read(stored)

    def read(id: str) -> GitObject:
        if id not in history.objects:
            raise refused(f"its history lacks the object {id}")
        return history.objects[id]

    walk = _Walk(read, frozenset(blob_ids(tree).values()), HISTORY_CONTENT_BYTES_MAX)
    seen: set[str] = set()
    waiting = [history.base]
    while waiting:
        id = waiting.pop()
        if id in seen:
            continue
        seen.add(id)
        parents = walk.commit(id)
        waiting += () if id in history.boundary else parents
    if len(walk.objects) != len(history.objects):
        raise refused("its history holds objects that the base does not reach")
    if not set(history.boundary) <= seen:
        raise refused("its history has a boundary that the base does not reach")
    _check_base(history, tree)
    paths = {id: path[1:] for id, path in walk.places.items() if walk.objects[id].kind == "blob"}
    return history._replace(paths=paths)


def _check_base(history: GitHistory, tree: Tree) -> None:
    """Refuse a history whose base commit has another tree than the pack."""
    if commit_links(history.objects[history.base].raw).tree != tree_objects(tree).root:
        raise refused("its history begins with a commit of another tree")


def _read(stored: bytes) -> GitHistory:
    if not stored.startswith(MAGIC):
        raise refused("its history has an unknown form")
    size = HISTORY_CONTENT_BYTES_MAX + HISTORY_OBJECTS_MAX * _OBJECT.size + HISTORY_COMMITS_MAX * _ID_BYTES
    expand = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES_MAX)
    try:
        body = memoryview(expand.decompress(stored[len(MAGIC) :], size))
    except lzma.LZMAError as error:
        raise refused("its history is not xz data, or needs too much memory") from error
    if not expand.eof or expand.unused_data:
        raise refused("its history is too large, or longer than its data")
    return _objects(body)


def _objects(body: memoryview) -> GitHistory:
    try:
        base = bytes(body[:_ID_BYTES]).hex()
        boundaries, count = _COUNTS.unpack_from(body, _ID_BYTES)
        at = _ID_BYTES + _COUNTS.size
        if boundaries > HISTORY_COMMITS_MAX or count > HISTORY_OBJECTS_MAX:
            raise refused("its history has too many objects")
        boundary = tuple(bytes(body[at + n * _ID_BYTES :][:_ID_BYTES]).hex() for n in range(boundaries))
        at += boundaries * _ID_BYTES
        objects: dict[str, GitObject] = {}
        for _ in range(count):
            kind, size = _OBJECT.unpack_from(body, at)
            at += _OBJECT.size
            read = GitObject(KINDS[kind], bytes(body[at : at + size]))
            at += size
            objects[read.id] = read
    except (struct.error, IndexError) as error:
        raise refused("its history cannot be read") from error
    if at != len(body) or len(objects) != count or base not in objects:
        raise refused("its history has a wrong size, or an object twice")
    return GitHistory(base, boundary, objects)
