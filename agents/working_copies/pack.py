"""Packs: byte strings that hold a tree or a difference, and perhaps a git history. The same content gives the same
bytes, so a pack is named by the sha256 of its bytes. (The same version of zlib is needed to get the same bytes.)

A pack is a header, a zlib stream and the history. The header (34 bytes, big-endian) has the magic number, the form and
the kind, then four sizes in bytes: of the list of entries, of the expanded stream, of the stream, and of the history.
The expanded stream is the list of entries as JSON, then the contents, each once. An entry is
[path, kind, digest, target, size], and the list is sorted by path. The contents are in the order of the list.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Literal

import msgspec

from agents.working_copies.pack_limits import (
    BASE_LIMITS,
    DIFFERENCE_LIMITS,
    HISTORY_BYTES_MAX,
    INDEX_BYTES_MAX,
    RATIO_FREE_BYTES,
    RATIO_MAX,
    PackLimits,
)
from agents.working_copies.tree_rules import check_tree, path_problem, refused
from domain.errors import LimitReached
from domain.tree import Entry, Kind, Manifest, Tree, contents_of, digest_of

PackKind = Literal["base", "difference"]
MAGIC = b"AURAPACK"
FORM = 1
LEVEL = 6
_HEADER = struct.Struct(">8sBBIQQI")
_KINDS: tuple[PackKind, ...] = ("base", "difference")
_LIMITS: Mapping[PackKind, PackLimits] = {"base": BASE_LIMITS, "difference": DIFFERENCE_LIMITS}


class _Listed(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    path: str
    kind: Kind
    digest: str
    target: str
    size: int


_index = msgspec.json.Decoder(list[_Listed])


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a pack. `manifest` of a difference may have `deleted` entries. `history` is empty without one."""

    name: str
    kind: PackKind
    manifest: Mapping[str, Entry]
    contents: Mapping[str, bytes]
    history: bytes = b""

    def tree(self) -> Tree:
        """Return the entries as a tree, without the deleted ones."""
        return tree_with(self.manifest, self.contents)


def tree_with(manifest: Manifest, contents: Mapping[str, bytes]) -> Tree:
    """Return the tree of a manifest. `contents`: digest -> bytes."""
    return Tree(
        {path: contents[digest] for path, digest in contents_of(manifest).items()},
        executable=frozenset(path for path, entry in manifest.items() if entry.kind == "executable"),
        links={path: entry.target for path, entry in manifest.items() if entry.kind == "link"},
        submodules={path: entry.target for path, entry in manifest.items() if entry.kind == "submodule"},
    )


def encode(kind: PackKind, manifest: Manifest, contents: Mapping[str, bytes], history: bytes = b"") -> bytes:
    """Return the pack of a tree or a difference. `contents`: digest -> bytes.

    Raises PackRefused for entries that a reader would refuse, and LimitReached.
    """
    listed = [_listed(path, manifest[path], contents) for path in sorted(manifest)]
    _check(kind, listed)
    index = msgspec.json.encode(listed)
    distinct = dict.fromkeys(each.digest for each in listed if each.digest)
    body = b"".join([index, *(contents[digest] for digest in distinct)])
    stream = zlib.compress(body, LEVEL)
    header = _HEADER.pack(MAGIC, FORM, _KINDS.index(kind), len(index), len(body), len(stream), len(history))
    data = b"".join([header, stream, history])
    _check_sizes(kind, len(data), len(index), len(body), len(stream), len(history))
    return data


def decode(data: bytes, name: str, kind: PackKind | None = None) -> Pack:
    """Return the content of the pack `name`. `kind`: the expected kind.

    Raises PackRefused if the bytes do not have the digest `name` or break a rule, and LimitReached.
    """
    if digest_of(data) != name:
        raise refused(f"its bytes do not have the digest {name}")
    if len(data) < _HEADER.size:
        raise refused("it is shorter than its header")
    magic, form, number, index_size, body_size, stream_size, history_size = _HEADER.unpack_from(data)
    if magic != MAGIC or form != FORM or number >= len(_KINDS):
        raise refused("its header has an unknown form")
    found = _KINDS[number]
    if kind is not None and kind != found:
        raise refused(f"it holds a {found}, and a {kind} was expected")
    if len(data) != _HEADER.size + stream_size + history_size or index_size > body_size:
        raise refused("the sizes in its header do not fit")
    _check_sizes(found, len(data), index_size, body_size, stream_size, history_size)
    body = _expanded(memoryview(data)[_HEADER.size : _HEADER.size + stream_size], body_size)
    listed = _read_index(body[:index_size])
    _check(found, listed)
    contents = _contents(listed, memoryview(body)[index_size:])
    manifest = {each.path: Entry(kind=each.kind, digest=each.digest, target=each.target) for each in listed}
    return Pack(
        name=name,
        kind=found,
        manifest=manifest,
        contents=contents,
        history=data[_HEADER.size + stream_size :],
    )


def _listed(path: str, entry: Entry, contents: Mapping[str, bytes]) -> _Listed:
    size = len(contents[entry.digest]) if entry.is_file else 0
    return _Listed(path=path, kind=entry.kind, digest=entry.digest, target=entry.target, size=size)


def _check_sizes(kind: PackKind, size: int, index: int, body: int, stream: int, history: int) -> None:
    """Refuse a pack that is too large, or that expands too far. Nothing is expanded before this check."""
    limits = _LIMITS[kind]
    for what, found, most in (
        ("the pack", size, limits.bytes_max),
        ("its list of entries", index, INDEX_BYTES_MAX),
        ("its content", body - index, limits.content_bytes_max),
        ("its history", history, HISTORY_BYTES_MAX),
    ):
        if found > most:
            raise LimitReached(f"{what[0].upper()}{what[1:]} has {found} bytes.", hint=f"The limit is {most} bytes.")
    if body > max(RATIO_FREE_BYTES, RATIO_MAX * stream):
        raise refused(f"it expands more than {RATIO_MAX} times")


def _expanded(stream: memoryview, size: int) -> bytes:
    """Return the expanded stream, which must have exactly `size` bytes."""
    inflate = zlib.decompressobj()
    try:
        body = inflate.decompress(stream, size + 1)
    except zlib.error as error:
        raise refused("its stream is not zlib data") from error
    if len(body) != size or not inflate.eof or inflate.unused_data:
        raise refused("its stream does not have the size in its header")
    return body


def _read_index(index: bytes) -> list[_Listed]:
    try:
        return _index.decode(index)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise refused("its list of entries cannot be read") from error


def _check(kind: PackKind, listed: list[_Listed]) -> None:
    limits = _LIMITS[kind]
    if len(listed) > limits.entries_max:
        raise LimitReached(
            f"The pack has {len(listed)} entries.", hint=f"The limit is {limits.entries_max}. Use a smaller tree."
        )
    before = ""
    for each in listed:
        if (problem := path_problem(each.path)) is not None:
            raise refused(problem)
        if each.path <= before:
            raise refused(f"{each.path} is a duplicate, or not in order")
        before = each.path
        _check_form(kind, each, limits)
    check_tree({each.path: Entry(kind=each.kind, digest=each.digest, target=each.target) for each in listed})


def _check_form(kind: PackKind, each: _Listed, limits: PackLimits) -> None:
    is_file = each.kind in ("file", "executable")
    if is_file != bool(each.digest) or bool(each.target) != (each.kind in ("link", "submodule")):
        raise refused(f"the fields of {each.path} do not fit its kind")
    if each.size < 0 or (each.size and not is_file):
        raise refused(f"{each.path} has an impossible size")
    if each.size > limits.file_bytes_max:
        raise LimitReached(
            f"{each.path} in the pack has {each.size} bytes.", hint=f"The limit is {limits.file_bytes_max} bytes."
        )
    if each.kind == "deleted" and kind == "base":
        raise refused(f"{each.path} is deleted, but a base has no deleted entries")


def _contents(listed: list[_Listed], body: memoryview) -> dict[str, bytes]:
    """Return digest -> content, after a check of each digest."""
    contents: dict[str, bytes] = {}
    at = 0
    for each in listed:
        if not each.digest:
            continue
        if each.digest in contents:
            if len(contents[each.digest]) != each.size:
                raise refused(f"{each.path} has an impossible size")
            continue
        content = bytes(body[at : at + each.size])
        if len(content) != each.size or digest_of(content) != each.digest:
            raise refused(f"the content of {each.path} does not have its digest")
        contents[each.digest] = content
        at += each.size
    if at != len(body):
        raise refused("it has more content than its entries")
    return contents
