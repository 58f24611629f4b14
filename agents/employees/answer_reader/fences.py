"""The search for the end of a fenced block. It also works if the model did not close the block as CommonMark requires.

CommonMark ends a block at the first bare fence that is long enough. But models nest blocks in a README and put fences
into docstrings. They close blocks with fences of other lengths, write words after a fence, or put the fence at the end
of the last line of code.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from agents.employees.answer_reader.languages import LANGUAGES, NEUTRAL, PYTHON, SHELL, is_markdown

FENCE = re.compile(r"^(`{3,}|~{3,})(.*)$")
_ATTRIBUTE = re.compile(r"\b(?:path|file|filename|file_path|filepath|title|name|src|target)\s*[=:]", re.IGNORECASE)
_HEREDOC = re.compile(r"<<-?\s*[\"'\\]?([A-Za-z_]\w*)[\"']?")
PARSED_LINES_MAX = 4_000
PARSES_MAX = 12
"""Maximum number of possible ends of one block that Python's parser checks."""


class Line(NamedTuple):
    """A line without its indentation, and the number of columns of the indentation."""

    indent: int
    text: str


class Mark(NamedTuple):
    """A line that is a fence. `bare`: no text comes after it. `opens`: the text after it is an info string."""

    at: int
    indent: int
    char: str
    length: int
    info: str
    bare: bool
    opens: bool


class Closing(NamedTuple):
    """The end of a block. `end`: the line after its last line. `next`: the next line to read. `closed`: whether a fence
    ends the block. `glued`: text before the fence in the same line.
    """

    end: int
    next: int
    closed: bool
    glued: str | None = None


class Opening(NamedTuple):
    """A fence that begins a block. `path`: the path that the answer gives for the block, or empty."""

    mark: Mark
    path: str


class Clues(NamedTuple):
    """Checks that the search for the end of a block uses.

    `named` parses an info string. `titled` parses a line of prose that is only a name. Both return the path in scope,
    or an empty text. `parses` returns whether a text is a Python program.
    """

    named: Callable[[str], str]
    titled: Callable[[str], str]
    parses: Callable[[str], bool]


def mark_of(at: int, line: Line) -> Mark | None:
    """Return the fence in a line, or None if the line has no fence."""
    matched = FENCE.match(line.text)
    if matched is None:
        return None
    run, info = matched.groups()
    if run[0] == "`" and "`" in info:
        return None
    return Mark(at, line.indent, run[0], len(run), info.strip(), not info.strip(), _is_info(info))


def _is_info(info: str) -> bool:
    """Return whether the text after a fence is an info string and not part of a sentence."""
    said = info.strip()
    first = re.split(r"[\s:,{(\[]", said, maxsplit=1)[0].lower()
    if not said:
        return False
    if said[0] in "{(" or first in LANGUAGES or _ATTRIBUTE.search(said):
        return True
    single = not re.search(r"\s", said)
    return single and (not info[0].isspace() or "." in said.strip(".") or "/" in said)


def closing_of(lines: Sequence[Line], fenced: Sequence[int], opening: Opening, clues: Clues) -> Closing:
    """Return the end of a block. Its content begins at the first of `lines`. `fenced`: the numbers of the lines that
    contain a fence.
    """
    mark = opening.mark
    marks = [other for at in fenced if (other := mark_of(at, lines[at])) is not None]
    language = language_of(mark.info)
    if mark.length > 3 and (closed := _long(marks, mark, clues)) is not None:
        return closed
    if is_markdown(language, opening.path):
        return _markdown(lines, marks, opening, clues)
    first, stop, python = _code(lines, marks, opening, language, clues)
    if isinstance(first, Closing):
        return first
    return _best_end(lines, fenced, marks, first, stop, clues if python else None)


def language_of(info: str) -> str:
    """Return the language at the beginning of an info string in lower case, or an empty text."""
    said = info.strip().lstrip("{(").lstrip(".").strip()
    first = re.split(r"[\s:,{}()\[\]=\"']", said, maxsplit=1)[0].lower()
    return first if first in LANGUAGES else ""


def _long(marks: Sequence[Mark], mark: Mark, clues: Clues) -> Closing | None:
    """Return the end of a block whose fence has four marks or more, or None if no fence of at least this length closes
    it.
    """
    for other in marks:
        if other.char != mark.char or other.length < mark.length:
            continue
        if other.bare or not other.opens:
            return Closing(other.at, other.at + 1, True)
        if other.length == mark.length and clues.named(other.info):
            return None
    return None


def _code(
    lines: Sequence[Line], marks: Sequence[Mark], opening: Opening, language: str, clues: Clues
) -> tuple[Closing | Mark | None, int, bool]:
    """Return the end of a block of code if the block is a program. Otherwise return the first bare fence in it.

    The second value is the latest possible end. The third value is true for Python.
    """
    mark = opening.mark
    python = language in PYTHON or (
        language in NEUTRAL and (not opening.path or opening.path.endswith((".py", ".pyi")))
    )
    mine = [other for other in marks if other.char == mark.char and other.indent <= mark.indent]
    if language in SHELL:
        mine = list(_outside_heredocs(lines, mine))
    first: Mark | None = None
    tries = 0
    stop = len(lines)
    for other in mine:
        if other.opens:
            if first is not None and not python:
                break
            whole = python and tries < PARSES_MAX and clues.parses(_text(lines, other.at))
            tries += 1
            if whole:
                return Closing(other.at, other.at, False), stop, python
            if clues.named(other.info) and first is None:
                stop = other.at
                break
            continue
        if first is None:
            first = other
        if not python:
            break
        if tries < PARSES_MAX and clues.parses(_text(lines, other.at)):
            return Closing(other.at, other.at + 1, True), stop, python
        tries += 1
    return first, stop, python


def _outside_heredocs(lines: Sequence[Line], marks: Sequence[Mark]) -> Iterator[Mark]:
    """Yield the fences outside heredocs. A shell command writes a heredoc to a file."""
    ends = ""
    waiting = iter(marks)
    mark = next(waiting, None)
    for at in range(len(lines)):
        if mark is None:
            return
        if mark.at == at:
            if not ends:
                yield mark
            mark = next(waiting, None)
        elif ends:
            ends = "" if lines[at].text.strip() == ends else ends
        elif opened := _HEREDOC.search(lines[at].text):
            ends = opened.group(1)


def _best_end(
    lines: Sequence[Line],
    fenced: Sequence[int],
    marks: Sequence[Mark],
    first: Mark | None,
    stop: int,
    clues: Clues | None,
) -> Closing:
    """Return the end of a block that is not a whole program: a fence, a fence after code in the same line, or the start
    of another block.

    `clues` is None if the block is not Python.
    """
    end = first.at if first else stop
    glued = _glued(lines, [at for at in fenced if at < end])
    if glued is not None and (first is None or (clues and clues.parses(_text(lines, glued.end, glued.glued)))):
        return glued
    if first is not None:
        return Closing(first.at, first.at + 1, True)
    deeper = next((other for other in marks if other.bare and other.at < stop), None)
    if deeper is not None:
        return Closing(deeper.at, deeper.at + 1, True)
    return Closing(stop, stop, False)


def _glued(lines: Sequence[Line], fenced: Sequence[int]) -> Closing | None:
    for at in fenced:
        before, fence, after = lines[at].text.partition("```")
        before, after = before.rstrip(), after.lstrip("`")
        if fence and before and "`" not in after and (not after or after[0].isspace()):
            return Closing(at, at + 1, True, " " * lines[at].indent + before)
    return None


def _text(lines: Sequence[Line], end: int, last: str | None = None) -> str:
    """Return the lines before `end` as a text, with indentation."""
    if end > PARSED_LINES_MAX:
        return ""
    texts = [" " * line.indent + line.text for line in lines[:end]]
    return "\n".join([*texts, *([last] if last is not None else [])]) + "\n"


def _markdown(lines: Sequence[Line], marks: Sequence[Mark], opening: Opening, clues: Clues) -> Closing:
    """Return the end of a block of prose. Blocks inside it are skipped."""
    mark = opening.mark
    bound = _bound(lines, marks, opening, clues)
    inside = [other for other in marks if other.at < bound]
    bare_after = _counts(inside)
    inner: Mark | None = None
    last_bare: Mark | None = None
    for index, other in enumerate(inside):
        closes = other.bare or not other.opens
        last_bare = other if other.bare and other.char == mark.char else last_bare
        if inner is not None:
            if closes and other.char == inner.char and other.length >= min(inner.length, mark.length):
                inner = None
            continue
        fenced = other.opens or other.char != mark.char or other.indent > mark.indent
        if not fenced and other.bare and _begins_inner(lines, other):
            fenced = _ends_later(lines, bound, inside[-1], bare_after[index])
        if not fenced:
            return Closing(other.at, other.at + 1, True)
        inner = other
    if last_bare is not None:
        return Closing(last_bare.at, last_bare.at + 1, True)
    return Closing(bound, bound, False)


def _ends_later(lines: Sequence[Line], bound: int, last: Mark, bare_after: int) -> bool:
    """Return whether enough bare fences follow for an inner block. If only one bare fence follows, no text may come
    after it.
    """
    behind = range(last.at + 1, bound)
    return bare_after >= 2 or (bare_after == 1 and not any(lines[at].text.strip() for at in behind))


def _counts(marks: Sequence[Mark]) -> list[int]:
    """Return for each mark the number of bare marks after it."""
    counts, seen = [0] * len(marks), 0
    for index in range(len(marks) - 1, -1, -1):
        counts[index] = seen
        seen += marks[index].bare
    return counts


def _bound(lines: Sequence[Line], marks: Sequence[Mark], opening: Opening, clues: Clues) -> int:
    """Return the line where the next file of the answer begins. This is a fence with another path, or the title above a
    fence.
    """
    for other in marks:
        if not other.opens or other.indent > opening.mark.indent:
            continue
        if (path := clues.named(other.info)) and path != opening.path:
            return other.at
        above = other.at - 1
        while above >= 0 and not lines[above].text.strip():
            above -= 1
        if above > 0 and (path := clues.titled(lines[above].text)) and path != opening.path:
            return above
    return len(lines)


def _begins_inner(lines: Sequence[Line], mark: Mark) -> bool:
    """Return whether a bare fence looks like the beginning of a block: text follows the fence, and an empty line or a
    title comes before it.
    """
    after = lines[mark.at + 1].text.strip() if mark.at + 1 < len(lines) else ""
    before = lines[mark.at - 1].text.strip() if mark.at > 0 else ""
    if not after or FENCE.match(after):
        return False
    return not before or before.endswith(":") or before.startswith("#")
