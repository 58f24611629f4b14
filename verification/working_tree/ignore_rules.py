"""The ignore rules of a base. They come only from its own `.gitignore` files."""

import os
from collections.abc import Mapping
from io import BytesIO

from dulwich.ignore import Pattern, read_ignore_patterns
from dulwich.wildmatch import MalformedPattern

FILE = ".gitignore"


class IgnoreRules:
    """Ignore rules of one tree."""

    def __init__(self, base: Mapping[str, bytes]) -> None:
        self._patterns: dict[str, list[Pattern]] = {}
        self._hidden = {"": False}  # folder -> whether it, or a folder above it, is ignored
        for path, content in base.items():
            folder, _, name = path.rpartition("/")
            if name == FILE:
                self._patterns[folder] = _patterns_of(content)

    def ignores(self, path: str, *, is_folder: bool) -> bool:
        """Return whether an untracked entry is ignored. The last matching line of the deepest matching file decides.

        Folders above the entry are not checked.
        """
        folders = path.split("/")[:-1]
        for depth in range(len(folders), -1, -1):
            folder = "/".join(folders[:depth])
            name = os.fsencode(path[len(folder) + 1 if folder else 0 :])
            for pattern in reversed(self._patterns.get(folder, [])):
                if pattern.matches(name, is_folder):
                    return pattern.is_exclude
        return False

    def hides(self, path: str, is_folder: bool) -> bool:
        """Return whether an untracked entry, or a folder above it, is ignored. Tracked folders may be ignored, too."""
        folder = path.rpartition("/")[0]
        return self._is_hidden(folder) or self.ignores(path, is_folder=is_folder)

    def _is_hidden(self, folder: str) -> bool:
        if folder not in self._hidden:
            above = folder.rpartition("/")[0]
            self._hidden[folder] = self._is_hidden(above) or self.ignores(folder, is_folder=True)
        return self._hidden[folder]


def _patterns_of(content: bytes) -> list[Pattern]:
    """Return the patterns of one file. A pattern that git cannot parse matches nothing."""
    patterns: list[Pattern] = []
    for line in read_ignore_patterns(BytesIO(content.removeprefix(b"\xef\xbb\xbf"))):
        try:
            patterns.append(Pattern(line))
        except MalformedPattern:
            continue
    return patterns
