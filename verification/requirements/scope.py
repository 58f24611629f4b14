"""Paths and the patterns that say which of them may be written.

A pattern is a path in which `*` stands for any characters of one name, `?` for one character and a part `**` for any
number of folders; at the end, `**` needs at least one name. Matching takes time
at most proportional to pattern times path.
"""

from collections.abc import Callable
from functools import lru_cache

PATH_CHARS_MAX = 400
PATTERN_CHARS_MAX = 120
_UNSUPPORTED = frozenset("[]{}!\\")


def path_fault(path: str) -> str | None:
    """Why a path may not be named in a tree, or None."""
    if not path:
        return "is empty"
    if len(path) > PATH_CHARS_MAX:
        return f"is longer than {PATH_CHARS_MAX} characters"
    if path.startswith("/") or "\\" in path:
        return "is absolute or holds a backslash; paths are relative and use /"
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in path):
        return "holds a control character"
    parts = path.split("/")
    if ".." in parts:
        return "leaves the project with `..`"
    if "" in parts or "." in parts:
        return "holds an empty part or `.`"
    if any(part.casefold() == ".git" for part in parts):
        return "reaches into .git"
    return None


def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Why a scope pattern is not accepted and what to write instead, or None."""
    if pattern.endswith("/") and path_fault(pattern.rstrip("/")) is None:
        return "names a folder", f'"{pattern.rstrip("/")}/**"'
    if len(pattern) > PATTERN_CHARS_MAX:
        return f"is longer than {PATTERN_CHARS_MAX} characters", '"src/**"'
    if (fault := path_fault(pattern)) is not None:
        return fault, '"src/**", a path inside the project'
    if _UNSUPPORTED & set(pattern):
        return (
            "uses a sign that is not a wildcard here",
            "only *, ? and ** as wildcards, one pattern for each alternative",
        )
    for part in pattern.split("/"):
        if "**" in part and part != "**":
            return "holds `**` inside a name", '"src/**/*.py", with ** as a part of its own'
    return None


def in_scope(path: str, patterns: tuple[str, ...]) -> bool:
    """Whether a written path is allowed. Absolute, empty, `..` and .git paths never are."""
    if path_fault(path) is not None:
        return False
    if path in patterns:
        return True
    parts = tuple(path.split("/"))
    return any(pattern_fault(p) is None and _covers(tuple(p.split("/")), parts) for p in patterns)


def contains(wide: str, narrow: str) -> bool:
    """Whether every path of `narrow` is one of `wide`. Never wrongly true; exact for all but odd mixes of wildcards."""
    return _covers(tuple(wide.split("/")), tuple(narrow.split("/")))


def _covers(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Row by row: which prefixes of `parts` the pattern so far can cover."""
    reached = [True] + [False] * len(parts)
    for index, piece in enumerate(pattern):
        row = [False] * (len(parts) + 1)
        last = index == len(pattern) - 1
        row[0] = piece == "**" and reached[0] and not last
        for at, part in enumerate(parts, start=1):
            if piece == "**":
                row[at] = row[at - 1] or reached[at - 1] or (reached[at] and not last)
            else:
                row[at] = reached[at - 1] and _name_covers(piece, part)
        reached = row
    return reached[-1]


def _name_covers(pattern: str, name: str) -> bool:
    """Wildcards within one name; a name may itself be a pattern, whose `*` only a `*` covers."""
    if name == "**":
        return False
    at = mark = back = 0
    star = -1
    while at < len(name):
        spare = pattern[mark] if mark < len(pattern) else ""
        if spare == "*":
            star, mark, back = mark, mark + 1, at
        elif spare == name[at] or (spare == "?" and name[at] != "*"):
            at, mark = at + 1, mark + 1
        elif star >= 0:
            back += 1
            at, mark = back, star + 1
        else:
            return False
    return set(pattern[mark:]) <= {"*"}


@lru_cache(maxsize=20_000)
def overlap(one: str, other: str) -> bool:
    """Whether some path is allowed by both patterns."""
    return _meet(tuple(one.split("/")), tuple(other.split("/")), "**", _names_meet)


def _names_meet(one: str, other: str) -> bool:
    if not {"*", "?"} & set(one + other):
        return one == other
    return _meet(tuple(one), tuple(other), "*", lambda a, b: a == b or "?" in (a, b))


def _meet(one: tuple[str, ...], other: tuple[str, ...], many: str, same: Callable[[str, str], bool]) -> bool:
    """Whether two sequences with wildcards describe a common one; row by row over their prefixes."""
    reached = [True] + [False] * len(other)
    for at, right in enumerate(other, start=1):
        reached[at] = reached[at - 1] and right == many
    for left in one:
        row = [reached[0] and left == many]
        for at, right in enumerate(other, start=1):
            if many in (left, right):
                # A wildcard ends here, or takes in what the other side says.
                row.append(reached[at] or row[at - 1])
            else:
                row.append(reached[at - 1] and same(left, right))
        if True not in row:
            return False
        reached = row
    return reached[-1]
