"""A search for texts in stored bytes: in every form in which they may be kept, also in compressed parts."""

import base64
import lzma
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

EXPANDED_BYTES_MAX = 64 * 1024**2
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_XZ = re.compile(rb"\xfd7zXZ\x00")
Places = Mapping[str, str]
"""Name of a place -> the text that was planted there."""


def forms_of(text: str) -> tuple[bytes, ...]:
    """Return the text as it is, reversed, as hex, in URLs, and as base64 at each of its three offsets."""
    plain = text.encode()
    encoded = [_base64_inside(plain, offset) for offset in range(3)]
    return (plain, plain[::-1], plain.hex().encode(), plain.hex().upper().encode(), quote(text).encode(), *encoded)


def _base64_inside(plain: bytes, offset: int) -> bytes:
    """Return the characters of base64 that are the same whatever stands before and after the text."""
    whole = base64.b64encode(b"x" * offset + plain + b"y" * (-(offset + len(plain)) % 3))
    first = (offset * 8 + 5) // 6
    last = ((offset + len(plain)) * 8) // 6
    return whole[first:last]


def expanded(content: bytes) -> Iterator[bytes]:
    """Yield the content, and everything in it that is compressed with zlib or xz, at any position and depth 2."""
    yield content
    for part in _unpacked(content):
        yield part
        yield from _unpacked(part)


def _unpacked(content: bytes) -> Iterator[bytes]:
    for found in _ZLIB.finditer(content):
        reader = zlib.decompressobj()
        try:
            part = reader.decompress(content[found.start() :], EXPANDED_BYTES_MAX)
        except zlib.error:
            continue
        if part:
            yield part
    for found in _XZ.finditer(content):
        try:
            yield lzma.LZMADecompressor().decompress(content[found.start() :], EXPANDED_BYTES_MAX)
        except lzma.LZMAError:
            continue


def found_in(content: bytes, places: Places) -> set[str]:
    """Return the places whose text is in the content, in any form."""
    wanted = {name: forms_of(text) for name, text in places.items()}
    return {name for part in expanded(content) for name, forms in wanted.items() if any(form in part for form in forms)}


def found_below(folder: Path, places: Places, *, without: Iterable[Path] = ()) -> dict[str, set[str]]:
    """Return the files below a folder, also their names, that have one of the texts: path -> places."""
    left_out = {*without}
    hits: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        if any(each in left_out for each in (path, *path.parents)):
            continue
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        if found := found_in(content + str(path.relative_to(folder)).encode(), places):
            hits[str(path.relative_to(folder))] = found
    return hits
