"""Conversion of a file from a working tree to the content that git stores, by the attributes of the base."""

import hashlib
import re

from verification.working_tree.attributes import Conversion

LFS_POINTER_BYTES_MAX = 1024
ENCODINGS_MAX_CHARS = 40
_KEYWORD = re.compile(rb"\$Id(?::[^$\n]*)?\$")
_LFS = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_BOM_ENCODINGS = {"utf-16le-bom": "utf-16", "utf-16be-bom": "utf-16"}


def is_unchanged(content: bytes, kept: bytes, conversion: Conversion) -> bool:
    """Return whether git would see no change of a file: equal bytes, or equal after one of git's conversions."""
    if content == kept or cleaned(content, kept, conversion) == kept:
        return True
    if _is_fetched(content, kept, conversion):
        return True
    return not conversion.encoding and _written(kept, conversion) in (content, cleaned_ident(content, conversion))


def cleaned(content: bytes, kept: bytes | None, conversion: Conversion) -> bytes:
    """Convert a file of a working tree as `git add` would. `kept`: the content in git. No external program runs."""
    return cleaned_ident(_with_plain_line_ends(_decoded(content, conversion), kept, conversion), conversion)


def cleaned_ident(content: bytes, conversion: Conversion) -> bytes:
    """Return the content without the text that git inserts into the keyword `$Id$`."""
    return _KEYWORD.sub(b"$Id$", content) if conversion.ident else content


def _decoded(content: bytes, conversion: Conversion) -> bytes:
    """Return UTF-8, converted from the file's encoding. Content that is not in that encoding stays unchanged."""
    name = conversion.encoding.lower()
    if not name or len(name) > ENCODINGS_MAX_CHARS or name in ("utf-8", "utf8"):
        return content
    try:
        return content.decode(_BOM_ENCODINGS.get(name, name)).encode()
    except (LookupError, UnicodeError, ValueError):
        return content


def _with_plain_line_ends(content: bytes, kept: bytes | None, conversion: Conversion) -> bytes:
    if b"\r\n" not in content:
        return content
    if conversion.text == "yes" or (conversion.text == "auto" and _is_text(content) and not _has_crlf(kept)):
        return content.replace(b"\r\n", b"\n")
    if conversion.text == "no" and kept is not None and _was_converted(content, kept):
        return content.replace(b"\r\n", b"\n")  # git wrote the file on a system with CRLF line ends
    return content


def _was_converted(content: bytes, kept: bytes) -> bool:
    """Return whether a stored text has only LF line ends, and the file in the working tree has only CRLF line ends."""
    is_plain = b"\n" in kept and b"\r" not in kept and _is_text(kept)
    return is_plain and _is_text(content) and content.count(b"\r\n") == content.count(b"\n")


def _written(kept: bytes, conversion: Conversion) -> bytes:
    """Convert the line ends of a stored file as a checkout would. Keywords such as `$Id$` stay unchanged."""
    if conversion.text == "no" or not conversion.crlf:
        return kept
    if conversion.text == "auto" and (b"\r" in kept or not _is_text(kept)):
        return kept
    return re.sub(rb"(?<!\r)\n", b"\r\n", kept)


def _has_crlf(kept: bytes | None) -> bool:
    return kept is not None and b"\r\n" in kept and _is_text(kept)


def _is_text(content: bytes) -> bool:
    """Return whether git treats the content as text: no zero byte, no single CR, and few non-printable characters."""
    if b"\0" in content or re.search(rb"\r(?!\n)", content):
        return False
    odd = sum(content.count(bytes([sign])) for sign in _ODD) - content.endswith(b"\x1a")
    printed = len(content) - content.count(b"\r") - content.count(b"\n") - odd
    return printed >> 7 >= odd


_ODD = [sign for sign in (*range(32), 127) if sign not in b"\b\t\n\x0c\r\x1b"]


def _is_fetched(content: bytes, kept: bytes, conversion: Conversion) -> bool:
    """Return whether the content has the digest that a Git LFS pointer in the base names."""
    if not conversion.driver or len(kept) > LFS_POINTER_BYTES_MAX:
        return False
    pointer = _LFS.fullmatch(kept)
    if pointer is None or int(pointer[2]) != len(content):
        return False
    return hashlib.sha256(content).hexdigest().encode() == pointer[1]
