"""Edits of a text. Each edit must apply at exactly one place. Otherwise the result has a reason. The code never guesses
a place.
"""

from collections.abc import Sequence
from typing import NamedTuple

EDITS_MAX = 200
"""Maximum number of edits of one file in one answer."""
SHOWN_CHARS_MAX = 60


class Edit(NamedTuple):
    """A replacement of lines. `at`: the line number in a diff's header (from 1), or 0. `append`: add lines at the end.

    `is_open`: whether the file then ends without a line end. It is None if no diff states this.
    """

    old: tuple[str, ...]
    new: tuple[str, ...]
    at: int = 0
    append: bool = False
    is_open: bool | None = None


class Edited(NamedTuple):
    """A text after edits, or the reason why the edits do not apply."""

    text: str
    fault: str = ""


def edited(text: str, edits: Sequence[Edit], path: str) -> Edited:
    """Apply edits in their order. All other lines stay unchanged, including their line ends."""
    if len(edits) > EDITS_MAX:
        return Edited("", f"The answer holds {len(edits)} edits of {path}, more than {EDITS_MAX}. Give the file whole.")
    lines, last_open = _split(text)
    carriage = "\r" if text.count("\r\n") * 2 > text.count("\n") else ""
    shift = 0
    for edit in edits:
        new = [f"{line}{carriage}" for line in edit.new]
        if edit.append or not edit.old:
            at = len(lines) if edit.append else min(max(edit.at - 1 + shift, 0), len(lines))
            if fault := _insertion_fault(edit, at, lines, path):
                return Edited("", fault)
            lines[at:at] = new
            shift += len(new)
            continue
        places, fitted = _places([line.removesuffix("\r") for line in lines], edit)
        if len(places) > 1 and edit.at and (exact := edit.at - 1 + shift) in places:
            places = [exact]
        if len(places) != 1:
            return Edited("", _reason(places, edit, path))
        begin, end = places[0], places[0] + len(edit.old)
        if end == len(lines) and edit.is_open is not None:
            last_open = edit.is_open
        last_open = last_open and (end < len(lines) or bool(fitted))
        lines[begin:end] = [f"{line}{carriage}" for line in fitted]
        shift += len(fitted) - len(edit.old)
    return Edited("\n".join(lines) + ("" if last_open or not lines else "\n"))


def _split(text: str) -> tuple[list[str], bool]:
    """Return the lines of a text, and whether the last line has no line end."""
    lines = text.split("\n")
    if not lines[-1]:
        return lines[:-1], False
    return lines, True


def _insertion_fault(edit: Edit, at: int, lines: Sequence[str], path: str) -> str:
    """Return the reason why lines cannot be inserted at the place of an edit, or an empty text if this is possible."""
    if edit.append or not lines or (edit.at and at in (0, len(lines))):
        return ""
    return (
        f"An edit of {path} does not say which lines it replaces. Repeat a line of the file beside which the new lines "
        "belong, so that it is clear where they go."
    )


def _places(lines: Sequence[str], edit: Edit) -> tuple[list[int], list[str]]:
    """Return the places of the old lines, and the new lines with fitting indentation.

    The old lines match exactly, or with other spaces at their ends, or if all lines are indented differently by the
    same amount.
    """
    exact = _matches(lines, edit.old)
    if exact:
        return exact, list(edit.new)
    loose = _matches([line.rstrip() for line in lines], [line.rstrip() for line in edit.old])
    if loose:
        return loose, list(edit.new)
    return _indented(lines, edit)


def _matches(lines: Sequence[str], old: Sequence[str]) -> list[int]:
    first, count = old[0], len(old)
    wanted = list(old)
    return [
        at
        for at in range(len(lines) - count + 1)
        if lines[at] == first and (count == 1 or list(lines[at : at + count]) == wanted)
    ]


def _indented(lines: Sequence[str], edit: Edit) -> tuple[list[int], list[str]]:
    """Return the places where all old lines match after the same change of indentation. Also return the changed new
    lines.
    """
    stripped = [line.strip() for line in lines]
    places = _matches(stripped, [line.strip() for line in edit.old])
    fitting: list[int] = []
    changed: list[str] = []
    for at in places:
        pairs = [(lines[at + index], old) for index, old in enumerate(edit.old) if old.strip()]
        depths = {(_depth(there), _depth(old)) for there, old in pairs}
        offsets = {len(there) - len(old) for there, old in depths}
        if len(offsets) == 1 and all(there.endswith(old) or old.endswith(there) for there, old in depths):
            fitting.append(at)
            there, old = next(iter(depths))
            changed = [_moved(line, there, old) for line in edit.new]
    return fitting, changed


def _depth(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _moved(line: str, there: str, old: str) -> str:
    if not line.strip():
        return line
    if len(there) >= len(old):
        return there.removesuffix(old) + line
    return line.removeprefix(old.removesuffix(there))


def _reason(places: Sequence[int], edit: Edit, path: str) -> str:
    first = next((line.strip() for line in edit.old if line.strip()), "")[:SHOWN_CHARS_MAX]
    if not places:
        return (
            f"An edit of {path} does not apply: the lines that it replaces, from `{first}` on, are not in the file. "
            "Copy them from the file as it was shown."
        )
    return (
        f"An edit of {path} does not apply: the lines that it replaces, from `{first}` on, are in the file "
        f"{len(places)} times. Add lines around them until they are there once."
    )
