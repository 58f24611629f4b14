"""The paths of a verdict's files, and the line that a finding's text names."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_LINE = re.compile(r"line (\d{1,9})\b")
_CASE_LINE = re.compile(r"(?P<sealed>sealed )?line (?P<line>\d{1,9}): ")
_PATH_CHARS_MAX = 40  # a line number is searched only in the first 40 characters


@dataclass(frozen=True)
class Places:
    """The paths of a verdict's files: the requirement's file, and the folder before each path of the tree.

    `requirement` is empty if the file is not known: a recorded verdict has only the requirement's text.
    """

    requirement: str
    tree: str = ""

    @property
    def sealed(self) -> str:
        """The file with the sealed cases, in the folder of the requirement's file."""
        if not self.requirement:
            return ""
        file = PurePosixPath(self.requirement)
        return file.with_name(f"{file.stem}.sealed.yaml").as_posix()

    def of(self, path: str) -> str:
        """Return the path of a file of the tree, with the folder before it."""
        return (PurePosixPath(self.tree) / path).as_posix()


UNKNOWN = Places("")
"""The places of a recorded verdict: the file of its requirement is not known."""


def line_in(text: str, path: str | None) -> int | None:
    """Return the line that a finding's text names: in the file at `path`, or in the requirement if `path` is None."""
    if path is None:
        found = _CASE_LINE.match(text)
        return int(found["line"]) or None if found and not found["sealed"] else None
    named = _LINE.search(text.replace(path, "", 1)[:_PATH_CHARS_MAX])
    return int(named[1]) or None if named else None


def sealed_line_in(text: str) -> int | None:
    """Return the line of the first sealed case that a finding's text names."""
    found = _CASE_LINE.match(text)
    return int(found["line"]) or None if found and found["sealed"] else None
