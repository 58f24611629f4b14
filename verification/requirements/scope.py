"""Rules for paths, and for the patterns of the paths that may be written.

A pattern is a path that may contain wildcards. `*` matches any characters within one name. `?` matches one character.
A part `**` matches any number of folders; at the end of a pattern, `**` must match at least one name. The time of a
match is at most proportional to the length of the pattern times the length of the path.
"""

from collections.abc import Callable
from functools import lru_cache

PATH_CHARS_MAX = 400
PATTERN_CHARS_MAX = 120
_UNSUPPORTED = frozenset("[]{}!\\")


def path_fault(path: str) -> str | None:
    """Return why a path is not allowed in a tree, or None."""
    if not path:
        return "is empty"
    if len(path) > PATH_CHARS_MAX:
        return f"is longer than {PATH_CHARS_MAX} characters"
    if path.startswith("/") or "\\" in path:
        return "is absolute or contains a backslash; paths are relative and use /"
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in path):
        return "contains a control character"
    parts = path.split("/")
    if ".." in parts:
        return "leaves the project with `..`"
    if "" in parts or "." in parts:
        return "contains an empty part or `.`"
    if any(part.casefold() == ".git" for part in parts):
        return "contains the name .git"
    return None


def pattern_fault(pattern: str) -> tuple[str, str] | None:
    """Return the fault of a scope pattern and the remedy; None if the pattern is allowed."""
    if pattern.endswith("/") and path_fault(pattern.rstrip("/")) is None:
        return "names a folder", f'"{pattern.rstrip("/")}/**"'
    if len(pattern) > PATTERN_CHARS_MAX:
        return f"is longer than {PATTERN_CHARS_MAX} characters", '"src/**"'
    if (fault := path_fault(pattern)) is not None:
        return fault, '"src/**", a path inside the project'
    if _UNSUPPORTED & set(pattern):
        return (
            "contains one of the characters []{}!\\, which are not allowed in a scope",
            "only the wildcards *, ? and **, and a separate pattern for each alternative",
        )
    for part in pattern.split("/"):
        if "**" in part and part != "**":
            return "contains `**` inside a name", '"src/**/*.py", with ** alone between two slashes'
    return None


def in_scope(path: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a path may be written. Empty or absolute paths, and paths with `..` or .git, are never allowed."""
    if path_fault(path) is not None:
        return False
    if path in patterns:
        return True
    parts = tuple(path.split("/"))
    return any(pattern_fault(p) is None and _covers(tuple(p.split("/")), parts) for p in patterns)


def contains(wide: str, narrow: str) -> bool:
    """Return whether `wide` matches every path of `narrow`.

    True is always right. False may be wrong for rare mixes of wildcards.
    """
    return _covers(tuple(wide.split("/")), tuple(narrow.split("/")))


def _covers(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Return whether a pattern matches a path. Each row marks the prefixes of the path that match so far."""
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
    """Return whether a pattern of one name matches a name. If the name contains a `*`, only a `*` matches it."""
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
    """Return whether there is a path that both patterns match."""
    return _meet(tuple(one.split("/")), tuple(other.split("/")), "**", _names_meet)


def _names_meet(one: str, other: str) -> bool:
    if not {"*", "?"} & set(one + other):
        return one == other
    return _meet(tuple(one), tuple(other), "*", lambda a, b: a == b or "?" in (a, b))


def _meet(one: tuple[str, ...], other: tuple[str, ...], many: str, same: Callable[[str, str], bool]) -> bool:
    """Return whether two sequences with wildcards can match the same sequence. Compare their prefixes row by row."""
    reached = [True] + [False] * len(other)
    for at, right in enumerate(other, start=1):
        reached[at] = reached[at - 1] and right == many
    for left in one:
        row = [reached[0] and left == many]
        for at, right in enumerate(other, start=1):
            if many in (left, right):
                # the wildcard ends here, or it also matches this part of the other pattern
                row.append(reached[at] or row[at - 1])
            else:
                row.append(reached[at - 1] and same(left, right))
        if True not in row:
            return False
        reached = row
    return reached[-1]
