"""A new repository for a delivery without a base, written in one pass. The code does not read files back and does not
wait for the disk.

The files on disk are the same as after `Repo.init`, `add_objects` and a checkout, including the pack and the modes.
`atomic_rename.put` later flushes all files to the disk.
"""

import os
from collections.abc import Iterable, Mapping
from hashlib import sha1
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from dulwich.index import index_entry_from_stat, write_index_dict
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import ShaFile
from dulwich.pack import full_unpacked_object, write_pack_data, write_pack_index_v2
from dulwich.refs import Ref

from agents.delivery.git_objects import MODE_EXECUTABLE, MODE_FILE, MODE_LINK, Composed
from domain.errors import Invalid

FOLDERS = ("branches", "hooks", "info", "objects", "objects/info", "objects/pack", "refs", "refs/heads", "refs/tags")
FILES = {
    "description": b"Unnamed repository",
    "config": b"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n",
    "info/exclude": b"",
}
MODE_PACK = 0o444
PACK_BYTES_MAX = 2**31 - 1
"""The greatest offset in the table of a pack's index. Larger offsets would need an extension of the format."""


class Packed(NamedTuple):
    """A pack, its index, and the name that git gives to the two files."""

    name: str
    data: bytes
    table: bytes


def write(folder: Path, composed: Composed, branch: Ref) -> None:
    """Create the repository in a folder that does not exist yet, and check out its work tree."""
    control = f"{folder}/.git"
    os.mkdir(folder)
    os.mkdir(control)
    for name in FOLDERS:
        os.mkdir(f"{control}/{name}")
    head = f"{control}/{branch.decode()}"
    os.makedirs(os.path.dirname(head), exist_ok=True)
    _put(head, composed.head + b"\n")
    _put(f"{control}/HEAD", b"ref: " + branch + b"\n")
    for name, content in FILES.items():
        _put(f"{control}/{name}", content)
    packed = packed_of(composed.objects.values())
    _put(f"{control}/objects/pack/{packed.name}.pack", packed.data, MODE_PACK, exact=True)
    _put(f"{control}/objects/pack/{packed.name}.idx", packed.table, MODE_PACK)
    _put(f"{control}/index", _checked_out(os.fsencode(folder), composed))


def packed_of(objects: Iterable[ShaFile]) -> Packed:
    """Return a pack of complete objects, without deltas, in this order. Raises Invalid if it exceeds 2 GiB."""
    records = [full_unpacked_object(item) for item in objects]
    chunks: list[bytes] = []
    places, checksum = write_pack_data(chunks.append, iter(records), DEFAULT_OBJECT_FORMAT, num_records=len(records))
    data = b"".join(chunks)
    if len(data) > PACK_BYTES_MAX:
        raise Invalid(
            "The delivery is greater than 2 GiB.",
            hint="Deliver fewer files, or deliver on a base that has most of them.",
        )
    return Packed(f"pack-{sha1(b''.join(sorted(places))).hexdigest()}", data, _index_of(places, checksum))


def _index_of(places: Mapping[bytes, tuple[int, int]], checksum: bytes) -> bytes:
    """Return the index of a pack (version 2). `places`: object id -> (offset, crc32)."""
    table = BytesIO()
    write_pack_index_v2(table, sorted((name, *place) for name, place in places.items()), checksum)
    return table.getvalue()


def _checked_out(root: bytes, composed: Composed) -> bytes:
    """Write the files of the last commit. Return git's index of these files."""
    made, entries = {root}, {}
    for path, (mode, sha) in sorted(composed.entries.items()):
        target = root + b"/" + path
        above = target.rpartition(b"/")[0]
        if above not in made:
            os.makedirs(above, exist_ok=True)
            made.add(above)
        if mode == MODE_LINK:
            os.symlink(composed.objects[sha].as_raw_string(), target)
            status = os.lstat(target)
        else:
            assert mode in (MODE_FILE, MODE_EXECUTABLE), "only a base has submodules"
            status = _put(target, composed.objects[sha].as_raw_string(), mode & 0o777, exact=True)
        entries[path] = index_entry_from_stat(status, sha)
    index = BytesIO()
    write_index_dict(index, entries)
    return index.getvalue() + sha1(index.getvalue()).digest()


def _put(path: str | bytes, content: bytes, mode: int = 0o644, *, exact: bool = False) -> os.stat_result:
    """Write a new file. Return its status. `exact`: the file gets this mode and the umask is ignored."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb", buffering=0) as file:
        view = memoryview(content)
        while view:
            view = view[file.write(view) :]
        if exact:
            os.fchmod(file.fileno(), mode)
        return os.fstat(file.fileno())
