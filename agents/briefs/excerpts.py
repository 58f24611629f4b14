"""Excerpts of a text that fit into a byte limit: the whole text, numbered parts around relevant lines, or an
outline.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

AROUND_LINES = 12
DEFINITION_LINES = 60
HEAD_LINES = 30
USES_MAX = 100
"""Maximum number of lines that use a name and become separate parts."""
_DEFINES = re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+(\w+)")


class Part(NamedTuple):
    """A range of lines of a text: the numbers of the first and the last line, counted from 1."""

    first: int
    last: int


def fenced(text: str, language: str = "") -> str:
    """Return a fenced block. Its fence is longer than every fence in the text."""
    run = max((len(found) for found in re.findall(r"`{3,}", text)), default=2) + 1
    fence = "`" * run
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def parts_within(text: str, names: Iterable[str], bytes_max: int) -> tuple[Part, ...]:
    """Return the parts of a text that fit into `bytes_max`. The head is chosen first, then definitions of the names,
    then lines that use the names, then other lines from the top.
    """
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    sizes = [len(line.encode()) + 1 for line in lines]
    chosen = [False] * len(lines)
    left = bytes_max
    for begin, end in _windows(lines, frozenset(names)):
        cost = sum(size for size, taken in zip(sizes[begin:end], chosen[begin:end], strict=True) if not taken)
        if cost <= left:
            left -= cost
            chosen[begin:end] = [True] * (end - begin)
    for at, size in enumerate(sizes):
        if chosen[at]:
            continue
        if size > left:
            break
        left -= size
        chosen[at] = True
    return tuple(_runs(chosen))


def _windows(lines: Sequence[str], names: frozenset[str]) -> list[tuple[int, int]]:
    """Return ranges of lines, the most relevant ranges first."""
    defined: list[tuple[int, int]] = []
    used: list[tuple[int, int]] = []
    for at, line in enumerate(lines):
        matched = _DEFINES.match(line)
        if matched is not None and matched.group(1) in names:
            defined.append((max(0, at - 2), _end_of(lines, at)))
        elif len(used) < USES_MAX and names.intersection(re.findall(r"\w+", line[:400])):
            used.append((max(0, at - AROUND_LINES), min(len(lines), at + AROUND_LINES)))
    return [(0, min(HEAD_LINES, len(lines))), *defined, *used]


def _end_of(lines: Sequence[str], at: int) -> int:
    """Return the index of the line after a definition's body, at most DEFINITION_LINES after its first line."""
    depth = len(lines[at]) - len(lines[at].lstrip())
    for end in range(at + 1, min(len(lines), at + DEFINITION_LINES)):
        line = lines[end]
        if line.strip() and len(line) - len(line.lstrip()) <= depth and not line.lstrip().startswith((")", "]", "}")):
            return end
    return min(len(lines), at + DEFINITION_LINES)


def _runs(chosen: Sequence[bool]) -> Iterable[Part]:
    begin: int | None = None
    for at, taken in enumerate([*chosen, False]):
        if taken and begin is None:
            begin = at
        elif not taken and begin is not None:
            yield Part(begin + 1, at)
            begin = None


def lines_of(text: str, part: Part) -> str:
    """Return the lines of a part."""
    return "\n".join(text.split("\n")[part.first - 1 : part.last])


def outline(text: str) -> str:
    """Return the lines of a program that define functions and classes."""
    return "\n".join(line for line in text.split("\n") if _DEFINES.match(line))


def cut(text: str, bytes_max: int, note: str) -> str:
    """Return the text. If the text is too long, return its first complete lines and the note."""
    if len(text.encode()) <= bytes_max:
        return text
    kept: list[str] = []
    left = bytes_max - len(note.encode()) - 1
    for line in text.split("\n"):
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join([*kept, note])
