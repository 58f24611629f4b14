"""The `.git` folder of a working copy: a new repository with the history of the base, and with a clean status.

It has one branch. It has no remote, hook, reflog, note or alternate, and no configuration of the source.
"""

import struct
from collections.abc import Mapping
from hashlib import sha1
from io import BytesIO

from agents.working_copies.git_trees import blob_ids, tree_objects
from agents.working_copies.history import GitHistory
from agents.working_copies.object_bytes import EXECUTABLE, FILE, LINK, SUBMODULE, GitObject, commit_links
from domain.tree import Tree

CONTROL = ".git"
BRANCH = "work"
IDENTITY = "Employee <employee@aura.invalid>"
START_MESSAGE = "The project before this task"
EARLIER_MESSAGE = "The verified work of earlier tasks"
PACK_LEVEL = 1  # compression: the box keeps the pack in memory, and it is made once for each base
CONFIG = b"""[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tsymlinks = true
\tignorecase = false
[user]
\tname = Employee
\temail = employee@aura.invalid
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""
ATTRIBUTES = b"* -text -eol -ident -filter -working-tree-encoding\n"
"""Files have exactly the bytes of the commit. Without this line, conversions would make some of them look changed."""
_INDEX_HEADER = struct.Struct(">4sII")
_INDEX_ENTRY = struct.Struct(">10I20sH")
_NAME_LENGTH_MAX = 0xFFF


def control_folder(tree: Tree, base: Tree, history: GitHistory | None) -> dict[str, bytes]:
    """Return the files of `.git` by path below it, for a working copy with the files `tree`.

    `base`: the files of the base, to which `history` belongs. If `tree` differs, a commit with the verified work of
    earlier tasks is on top. Without a history the base is one commit without a parent.
    """
    objects: dict[str, GitObject] = dict(history.objects) if history else {}
    head = history.base if history else ""
    if not history:
        head = _with_commit(objects, base, "", START_MESSAGE)
    else:
        _add_blobs(objects, base)
    if tree != base:
        head = _with_commit(objects, tree, head, EARLIER_MESSAGE)
    checksum, pack, index = _pack(objects)
    files = {
        "HEAD": f"ref: refs/heads/{BRANCH}\n".encode(),
        "config": CONFIG,
        f"refs/heads/{BRANCH}": f"{head}\n".encode(),
        "info/attributes": ATTRIBUTES,
        f"objects/pack/pack-{checksum}.pack": pack,
        f"objects/pack/pack-{checksum}.idx": index,
        "index": _index(tree),
    }
    if history and history.boundary:
        files["shallow"] = "".join(f"{id}\n" for id in sorted(history.boundary)).encode()
    return files


def _add_blobs(objects: dict[str, GitObject], tree: Tree) -> dict[str, str]:
    """Add the blobs of a tree, and return the id of each path."""
    ids = blob_ids(tree)
    for path, id in ids.items():
        if id not in objects:
            objects[id] = GitObject("blob", tree.links[path].encode() if path in tree.links else tree[path])
    return ids


def _with_commit(objects: dict[str, GitObject], tree: Tree, parent: str, message: str) -> str:
    """Add a commit with its tree and blobs, and return its id. Its time is the parent's time."""
    made = tree_objects(tree, _add_blobs(objects, tree))
    objects |= made.objects
    time = commit_links(objects[parent].raw).time if parent else 0
    lines = [f"tree {made.root}", *([f"parent {parent}"] if parent else [])]
    lines += [f"{who} {IDENTITY} {time} +0000" for who in ("author", "committer")]
    commit = GitObject("commit", "\n".join([*lines, "", message, ""]).encode())
    objects[commit.id] = commit
    return commit.id


def _pack(objects: Mapping[str, GitObject]) -> tuple[str, bytes, bytes]:
    """Return a pack of git with the objects: its checksum, the pack and its index."""
    from dulwich.object_format import SHA1
    from dulwich.objects import ObjectID, ShaFile
    from dulwich.pack import write_pack_index, write_pack_objects

    numbers = {"commit": 1, "tree": 2, "blob": 3}
    made = [
        ShaFile.from_raw_string(numbers[each.kind], each.raw, ObjectID(id.encode())) for id, each in objects.items()
    ]
    pack = BytesIO()
    places, checksum = write_pack_objects(pack, made, SHA1, deltify=False, compression_level=PACK_LEVEL)
    index = BytesIO()
    entries = sorted((id, offset, crc) for id, (offset, crc) in places.items())
    write_pack_index(index, entries, checksum, version=2)
    return checksum.hex(), pack.getvalue(), index.getvalue()


def _index(tree: Tree) -> bytes:
    """Return git's index of the tree. Its sizes and times are zero, so git compares the contents at the first use."""
    ids = blob_ids(tree)
    paths = sorted(path.encode() for path in tree.paths())
    parts = [_INDEX_HEADER.pack(b"DIRC", 2, len(paths))]
    for raw in paths:
        path = raw.decode()
        id = bytes.fromhex(tree.submodules[path] if path in tree.submodules else ids[path])
        name = min(len(raw), _NAME_LENGTH_MAX)
        entry = _INDEX_ENTRY.pack(0, 0, 0, 0, 0, 0, int(_mode(tree, path), 8), 0, 0, 0, id, name) + raw
        parts.append(entry + bytes(8 - len(entry) % 8))
    body = b"".join(parts)
    return body + sha1(body, usedforsecurity=False).digest()


def _mode(tree: Tree, path: str) -> str:
    if path in tree.submodules:
        return SUBMODULE
    if path in tree.links:
        return LINK
    return EXECUTABLE if path in tree.executable else FILE
