"""Copy-out of regular files after a box has ended. It refuses every entry that could lead outside the work folder."""

import os
import re
import stat
from collections.abc import Iterator

import msgspec

from verification.sandbox.base import Limits
from verification.sandbox.descriptors import OPEN_FILE, OPEN_FOLDER

REFUSED_MAX = 50  # maximum number of refusals that are listed


class CopyOut(msgspec.Struct, frozen=True):
    """The copied files, and the refused files with reasons. `folders` are the requested folders that are empty."""

    files: dict[str, bytes]
    refused: tuple[str, ...]
    folders: tuple[str, ...] = ()


NOTHING = CopyOut({}, ())
"""Result of a copy-out without patterns."""


def copy_out(folder: int, globs: tuple[str, ...], limits: Limits) -> CopyOut:
    """Read the files below the open directory `folder` whose relative path matches a pattern of `globs`.

    It refuses symbolic links, devices, sockets, fifos, and files with several hard links. It also refuses all files
    above the limits `collect_files`, `collect_bytes` and `collect_depth`.
    """
    wanted = [glob_pattern(glob) for glob in globs]
    files: dict[str, bytes] = {}
    refused: list[str] = []
    empty: list[str] = []
    bytes_left = limits.collect_bytes
    if not wanted:
        return NOTHING
    for path, here, name in _walk(folder, "", limits.collect_depth, refused, empty):
        if len(refused) >= REFUSED_MAX:
            break
        if not any(pattern.fullmatch(path) for pattern in wanted):
            continue
        if len(files) >= limits.collect_files:
            refused.append(f"{path}: more than {limits.collect_files} files")
            break
        content = _read(here, name, min(bytes_left, limits.file_bytes))
        if isinstance(content, str):
            refused.append(f"{path}: {content}")
        else:
            files[path] = content
            bytes_left -= len(content)
    folders = [path for path in empty if any(pattern.fullmatch(path) for pattern in wanted)]
    return CopyOut(files, tuple(refused[:REFUSED_MAX]), tuple(folders[: limits.collect_files]))


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return a regular expression that matches whole relative paths like `glob`.

    `*` and `?` match within one name, `**` matches across folders, and `a/` matches everything below `a`.
    """
    glob = glob + "**" if glob.endswith("/") else glob
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    meaning = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def _walk(folder: int, prefix: str, depth: int, refused: list[str], empty: list[str]) -> Iterator[tuple[str, int, str]]:
    """Yield (path, descriptor of the parent folder, name) for every entry that is not a folder, sorted by name."""
    inside = sorted(os.listdir(folder))
    if not inside:
        empty.append(prefix.rstrip("/"))
    for raw in inside:
        name = str(raw)
        path = prefix + name
        try:
            name.encode()
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except (OSError, UnicodeEncodeError):
            refused.append(f"{path.encode(errors='replace').decode()}: its name or entry cannot be read")
            continue
        if not stat.S_ISDIR(found.st_mode):
            yield path, folder, name
        elif depth <= 0:
            refused.append(f"{path}: nested too deep")
        else:
            yield from _walk_inside(folder, name, path, depth, refused, empty)


def _walk_inside(
    folder: int, name: str, path: str, depth: int, refused: list[str], empty: list[str]
) -> Iterator[tuple[str, int, str]]:
    try:
        inside = os.open(name, OPEN_FOLDER, dir_fd=folder)
    except OSError:
        refused.append(f"{path}: cannot be opened")
        return
    try:
        yield from _walk(inside, f"{path}/", depth - 1, refused, empty)
    finally:
        os.close(inside)


def _read(folder: int, name: str, bytes_max: int) -> bytes | str:
    """Return the content of a regular file with only one hard link, or the reason for a refusal."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(found.st_mode):
        return "a symbolic link"
    if not stat.S_ISREG(found.st_mode):
        return "not a regular file"
    try:
        descriptor = os.open(name, OPEN_FILE, dir_fd=folder)
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    with os.fdopen(descriptor, "rb") as file:
        opened = os.fstat(descriptor)
        if not stat.S_ISREG(opened.st_mode):
            return "not a regular file"
        if opened.st_nlink != 1:
            return "a hard link"
        if opened.st_size > bytes_max:
            return f"more than {bytes_max} bytes"
        content = file.read(bytes_max + 1)
        return content if len(content) <= bytes_max else f"more than {bytes_max} bytes"
