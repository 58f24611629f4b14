"""A three-way merge by lines. It combines two changes of a text if the changes do not overlap."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

MERGED_BYTES_MAX = 4 * 1024**2
"""A larger file is not merged, because the merge would be slow. People rarely write files of this size by hand."""


class _Same(NamedTuple):
    """A block of lines that is the same in all three texts: its first line in each text, and its number of lines."""

    base: int
    ours: int
    theirs: int
    size: int


def merged(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    """Return the text with both changes, or None if the changes overlap or if one of the inputs is not text."""
    if any(b"\0" in text or len(text) > MERGED_BYTES_MAX for text in (base, ours, theirs)):
        return None
    lines = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    result: list[bytes] = []
    at_base = at_ours = at_theirs = 0
    for same in _in_all(*lines):
        part = _chosen(lines[0][at_base : same.base], lines[1][at_ours : same.ours], lines[2][at_theirs : same.theirs])
        if part is None:
            return None
        result += part
        result += lines[0][same.base : same.base + same.size]
        at_base, at_ours, at_theirs = same.base + same.size, same.ours + same.size, same.theirs + same.size
    return b"".join(result)


def _chosen(base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]) -> Sequence[bytes] | None:
    """Return the merged lines between two common blocks, or None for a conflict."""
    if ours in (base, theirs):
        return theirs
    return ours if theirs == base else None


def _in_all(base: Sequence[bytes], ours: Sequence[bytes], theirs: Sequence[bytes]) -> Iterator[_Same]:
    """Yield the blocks that are the same in all texts, in order. The last block is empty and is at the end."""
    left, right = (SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks() for other in (ours, theirs))
    i = j = 0
    while i < len(left) and j < len(right):
        one, other = left[i], right[j]
        begin, end = max(one.a, other.a), min(one.a + one.size, other.a + other.size)
        if begin < end:
            yield _Same(begin, one.b + begin - one.a, other.b + begin - other.a, end - begin)
        if one.a + one.size <= other.a + other.size:
            i += 1
        else:
            j += 1
    yield _Same(len(base), len(ours), len(theirs), 0)
