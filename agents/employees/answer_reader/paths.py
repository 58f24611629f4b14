"""Matching of a path that a model wrote with the path in scope that the model means. A path without a match stays as it
is.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.briefs.brief import is_concrete
from agents.employees.answer_reader.hints import is_file_name
from verification.requirements.scope import PATH_CHARS_MAX, in_scope, path_fault

_WORKSPACES = re.compile(
    r"^/?(?:workspaces?|workdir|work|repo|repository|project|app|code|src|testbed|sandbox|mnt/data|tmp|data|root|content"
    r"|home/[^/]+|Users/[^/]+|usr/src/app|var/task|opt/[^/]+)/",
    re.IGNORECASE,
)
_DRIVE = re.compile(r"^[A-Za-z]:[\\/]")
_TRAILING = re.compile(r"(?::\d+(?:[-:,]\d+)*|#L?\d+(?:-L?\d+)?)$")
_DECORATION = "`'\"*<>()[]{},;:|\u201c\u201d\u2018\u2019 \t"
PATH_PARTS_MAX = 32


class Match(NamedTuple):
    """The meaning of a written path. `path`: the path in scope, or empty. `outside`: the normalised path if it is not
    in scope.

    `guessed`: only the last parts of the path were matched.
    """

    path: str
    outside: str
    guessed: bool


class PathMatcher:
    """Matcher of written paths with a scope and with the files that are known to exist."""

    def __init__(self, scope: Sequence[str], known: Iterable[str] = ()) -> None:
        self.scope = tuple(scope)
        self.concrete = tuple(pattern for pattern in scope if is_concrete(pattern))
        self._known = frozenset(known)
        self._folders = frozenset(path.partition("/")[0] for path in self._known if "/" in path)
        self._names = {path.rpartition("/")[2].casefold() for path in (*self.concrete, *self._known)}
        self._matches: dict[str, Match] = {}
        self._prefixes: set[str] = set()
        """Folders with which all paths of the answer begin, but no path of the project."""

    def first(self, names: Iterable[str]) -> str:
        """Return the first path in scope that one of `names` means. The names may be words that are not paths."""
        for name in names:
            last = re.split(r"[/\\]", name[-PATH_CHARS_MAX:])[-1].strip(_DECORATION).casefold()
            if last in self._names or (len(self.concrete) < len(self.scope) and is_file_name(last)):
                path = self.match(name).path
                if path:
                    return path
        return ""

    def match(self, written: str) -> Match:
        """Return the meaning of a written path."""
        if written not in self._matches:
            self._matches[written] = self._match(written)
        return self._matches[written]

    def _match(self, written: str) -> Match:
        said = written.strip(" \t`'\"*,")
        path = said if self._exact(said) else plain(written)
        if not path:
            return Match("", "", False)
        exact = "" if _is_absolute(written) else self._exact(path)
        rest = path.partition("/")[2]
        if exact and path not in self._known and path[:2] in ("a/", "b/") and rest in self._known:
            return Match(rest, "", True) if self._exact(rest) else Match("", rest, False)
        if exact:
            return Match(exact, "", False)
        for prefix in self._prefixes:
            if path.startswith(prefix) and (rest := self._exact(path.removeprefix(prefix))):
                return Match(rest, "", True)
        by_end = self._by_end(written, path)
        return Match(by_end, "" if by_end else self._outside(written, path), bool(by_end))

    def share_prefix(self, written: Sequence[str]) -> None:
        """Remember the folder that the model has put before all its paths, if there is such a folder."""
        paths = [path for path in map(plain, written) if path]
        first = {path.partition("/")[0] for path in paths}
        if not paths or len(first) != 1 or any("/" not in path or self._exact(path) for path in paths):
            return
        prefix = f"{first.pop()}/"
        if prefix.rstrip("/") in self._folders or prefix in ("test/", "tests/", "docs/", "examples/"):
            return
        if all(self._exact(path.removeprefix(prefix)) for path in paths):
            self._prefixes.add(prefix)
            self._matches.clear()

    def _exact(self, path: str) -> str:
        if path_fault(path) is None and in_scope(path, self.scope):
            return path
        return ""

    def _by_end(self, written: str, path: str) -> str:
        """Return the path in scope that is the end of the written path, or the only path that ends with the written
        path.
        """
        parts = path.split("/")[:PATH_PARTS_MAX]
        ends = ["/".join(parts[at:]) for at in range(len(parts))]
        if _is_absolute(written) or parts[0] in ("a", "b"):
            inside = [end for end in ends if self._exact(end)]
            exists = [end for end in inside if end in self._known or end in self.concrete]
            stripped = self._exact(_WORKSPACES.sub("", path)) if _WORKSPACES.match(path) else ""
            if inside:
                return (exists or ([stripped] if stripped else []) or inside)[0]
        elif _WORKSPACES.match(path) and (rest := self._exact(_WORKSPACES.sub("", path))):
            return rest if rest in self._known or rest in self.concrete else ""
        wanted = f"/{path}"
        longer = {known for known in (*self.concrete, *self._known) if known.endswith(wanted) and self._exact(known)}
        folded = {known for known in (*self.concrete, *self._known) if known.casefold() == path.casefold()}
        candidates = longer or {known for known in folded if self._exact(known)}
        return candidates.pop() if len(candidates) == 1 else ""

    def _outside(self, written: str, path: str) -> str:
        """Return a path that is out of scope, relative to the project's folder."""
        if _is_absolute(written):
            path = _WORKSPACES.sub("", path) if _WORKSPACES.match(path) else path
        return path if path_fault(path) is None else ""


def plain(written: str) -> str:
    """Return a path with forward slashes only, and without quotes, line numbers, drive, home folder and leading
    dots.
    """
    path = written.strip(_DECORATION).replace("\\", "/")
    path = _TRAILING.sub("", path).removeprefix("file://")
    path = re.sub(r"^[A-Za-z]:/", "/", re.sub(r"/{2,}", "/", path))
    while path.startswith("../"):
        path = path.removeprefix("../")
    path = path.removeprefix("~").removeprefix("$PWD").removeprefix("${PWD}")
    while path.startswith(("./", "/")):
        path = path.removeprefix(".").removeprefix("/")
    parts = path.split("/")
    return "" if ".." in parts else "/".join(part for part in parts if part not in ("", "."))


def _is_absolute(written: str) -> bool:
    said = written.strip(_DECORATION)
    return said.startswith(("/", "~", "$", "\\", "file://")) or bool(_DRIVE.match(said))
