"""Files that a requirement names. They must be inside its folder, and are never read through a link."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from domain.errors import Invalid
from verification.requirements.scope import path_fault

FIXTURE_BYTES_MAX = 1 << 20  # in one file
FIXTURES_BYTES_MAX = 8 << 20  # in all files of one requirement together
FOLDER_FILES_MAX = 200  # in one folder that a requirement names
FOLDER_DEPTH_MAX = 8


class Fixtures:
    """Reader of fixtures.

    It reads each file once and stores it in `used`. Without a folder, only the files in `given` can be read.
    """

    def __init__(self, folder: Path | None, given: Mapping[str, bytes]) -> None:
        self.folder = folder
        self.given = given
        self.used: dict[str, bytes] = {}

    def load(self, path: str) -> bytes:
        """Return the bytes of a file. Raises Invalid with the reason if the file cannot be used."""
        if path in self.used:
            return self.used[path]
        if (fault := path_fault(path)) is not None:
            raise Invalid(
                f"the path of a fixture {fault}", hint="{$file: fixtures/name}, inside the requirement's folder"
            )
        if path in self.given:
            content = self.given[path]
        elif self.folder is not None:
            content = _read_beneath(self.folder, path)
        else:
            raise Invalid(f"the fixture {path} was not submitted with the requirement", hint="the value itself")
        if len(content) > FIXTURE_BYTES_MAX:
            raise Invalid(f"the fixture {path} is larger than {FIXTURE_BYTES_MAX} bytes", hint="a smaller file")
        if sum(map(len, self.used.values())) + len(content) > FIXTURES_BYTES_MAX:
            raise Invalid(
                f"the fixtures together are larger than {FIXTURES_BYTES_MAX} bytes", hint="fewer or smaller files"
            )
        self.used[path] = content
        return content

    def load_all(self, path: str) -> dict[str, bytes]:
        """Return the bytes of the file, or of every file inside the folder, by path. Cache files are skipped."""
        below = [each for each in self.given if each.startswith(f"{path}/") and not _is_cache(each[len(path) + 1 :])]
        if path not in self.given and not below and self.folder is not None and path_fault(path) is None:
            below = _listed(self.folder, path)
        if len(below) > FOLDER_FILES_MAX:
            raise Invalid(f"the folder {path} contains more than {FOLDER_FILES_MAX} files", hint="a smaller folder")
        return {each: self.load(each) for each in sorted(below) or [path]}


def _is_cache(path: str) -> bool:
    return any(part.startswith(".") or part == "__pycache__" or part.endswith(".pyc") for part in path.split("/"))


def _listed(folder: Path, path: str) -> list[str]:
    """Return the files inside a folder; nothing if the path is not a folder. Links are not followed, but returned."""
    found: list[str] = []
    waiting = [(path, 1)] if (folder / path).is_dir() and not (folder / path).is_symlink() else []
    while waiting:
        below, depth = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                name = f"{below}/{entry.name}"
                if _is_cache(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False) and depth < FOLDER_DEPTH_MAX:
                    waiting.append((name, depth + 1))
                elif len(found) <= FOLDER_FILES_MAX:
                    found.append(name)
    return found


def _read_beneath(folder: Path, path: str) -> bytes:
    """Read a file inside a folder. No part of its path may be a link, so the path cannot lead out of the folder."""
    *folders, name = path.split("/")
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=held)
            os.close(held)
            held = deeper
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=held)
    except OSError as error:
        hint = "the path of a plain file in the requirement's folder, not a link"
        raise Invalid(f"the fixture {path} cannot be read: {error.strerror}", hint=hint) from error
    finally:
        os.close(held)
    content = read_plain(file, FIXTURE_BYTES_MAX + 1)
    if content is None:
        raise Invalid(f"the fixture {path} is not a plain file", hint="the path of a plain file")
    return content


def read_plain(file: int, bytes_max: int) -> bytes | None:
    """Return the first `bytes_max` bytes of an open file, and close it. None for a folder, a pipe or a device."""
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        with os.fdopen(file, "rb", closefd=False) as stream:
            return stream.read(bytes_max)
    finally:
        os.close(file)
