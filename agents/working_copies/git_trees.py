"""The git trees and blobs of a tree of files."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from agents.working_copies.object_bytes import EXECUTABLE, FILE, FOLDER, LINK, SUBMODULE, GitObject, object_id
from domain.tree import Tree


class TreeObjects(NamedTuple):
    """The git trees of a tree of files, by id. `root`: the id of the root."""

    root: str
    objects: Mapping[str, GitObject]


def blob_ids(tree: Tree) -> dict[str, str]:
    """Map each file and link of a tree to the id of its git blob."""
    ids = {path: object_id("blob", content) for path, content in tree.items()}
    return ids | {path: object_id("blob", text.encode()) for path, text in tree.links.items()}


def tree_objects(tree: Tree, ids: Mapping[str, str] | None = None) -> TreeObjects:
    """Return the git trees that hold these files, modes, links and submodules. `ids`: of the blobs, if known."""
    blobs = blob_ids(tree) if ids is None else ids
    folders: dict[str, dict[str, tuple[str, str]]] = {"": {}}
    for path in tree.paths():
        if path in tree.submodules:
            entry = (SUBMODULE, tree.submodules[path])
        elif path in tree.links:
            entry = (LINK, blobs[path])
        else:
            entry = (EXECUTABLE if path in tree.executable else FILE, blobs[path])
        folder, _, name = path.rpartition("/")
        for above in _above(folder):
            folders.setdefault(above, {})
        folders[folder][name] = entry
    objects: dict[str, GitObject] = {}
    root = ""
    for folder in sorted(folders, key=lambda each: each.count("/") + bool(each), reverse=True):
        made = GitObject("tree", _lines(folders[folder]))
        root = made.id
        objects[root] = made
        if folder:
            above, _, name = folder.rpartition("/")
            folders[above][name] = (FOLDER, root)
    return TreeObjects(root, objects)


def _above(folder: str) -> Iterable[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _lines(entries: Mapping[str, tuple[str, str]]) -> bytes:
    named = [(name.encode(), mode, id) for name, (mode, id) in entries.items()]
    named.sort(key=lambda each: each[0] + (b"/" if each[1] == FOLDER else b""))
    return b"".join(b"%s %s\0" % (mode.encode(), name) + bytes.fromhex(id) for name, mode, id in named)
