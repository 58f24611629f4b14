"""A worker's cache: packs, and working copies that are laid out. It is a folder of files, shared by processes.

A file is the sha256 of its content (32 bytes), then the content. A damaged file is removed and counts as missing. A new
file gets its name only when it is complete. A reader holds a shared lock of the file while it reads, and eviction skips
locked files. A box never gets a file of the cache, only a copy of its bytes.
"""

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from agents.working_copies.pack_limits import CACHE_AGE_S, CACHE_BYTES_MAX
from domain.errors import Forbidden

Shelf = Literal["packs", "copies"]
SHELVES: tuple[Shelf, ...] = ("packs", "copies")
NEW = ".new-"
NEW_AGE_S = 60.0
"""An older unfinished file is removed, unless its writer still holds its lock."""
_DIGEST_BYTES = 32
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class CacheEntry(NamedTuple):
    """One finished file of the cache."""

    shelf: Shelf
    name: str


class CopyCache:
    """The cache in one folder. Its functions block, so call them in a thread."""

    def __init__(self, folder: Path, *, bytes_max: int = CACHE_BYTES_MAX, age_s: float = CACHE_AGE_S) -> None:
        """Create the folder. Raises Forbidden if another user could write to it."""
        self._folder = folder
        self._bytes_max = bytes_max
        self._age_s = age_s
        for place in (folder, *(folder / shelf for shelf in SHELVES)):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = place.lstat()
            shared = stat.S_IMODE(found.st_mode) & (stat.S_IWGRP | stat.S_IWOTH)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or shared:
                raise Forbidden(
                    f"{place} cannot be used as a cache: another user could write to it.",
                    hint="Remove it, or set its owner and `chmod 700`.",
                )

    def get(self, shelf: Shelf, name: str) -> bytes | None:
        """Return the content of an entry, and note that it was used. None if it is missing or damaged."""
        with self._opened(shelf, name) as descriptor:
            if descriptor is None:
                return None
            with os.fdopen(os.dup(descriptor), "rb") as file:
                digest, content = file.read(_DIGEST_BYTES), file.read()
            if sha256(content).digest() == digest:
                os.utime(descriptor)
                return content
        self.remove(shelf, name)
        return None

    def put(self, shelf: Shelf, name: str, content: bytes) -> bool:
        """Add an entry, then evict others. Return False if the disk does not take it: then it is only not cached."""
        place = self._folder / shelf
        new = place / f"{NEW}{secrets.token_hex(8)}"
        try:
            with os.fdopen(os.open(new, _WRITE, 0o600), "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(sha256(content).digest())
                file.write(content)
                file.flush()
                new.rename(place / name)
        except OSError:
            new.unlink(missing_ok=True)
            return False
        self.evict()
        return True

    def remove(self, shelf: Shelf, name: str) -> None:
        """Remove an entry, also while a reader holds it. The reader keeps the bytes that it reads."""
        (self._folder / shelf / name).unlink(missing_ok=True)

    def entries(self) -> list[CacheEntry]:
        """Return all finished entries."""
        return [CacheEntry(shelf, path.name) for shelf in SHELVES for path in self._finished(shelf)]

    def evict(self) -> None:
        """Remove unfinished files of ended writers, entries that are too old, and the least recently used ones."""
        now = time.time()
        total = 0
        for used_at, size, path in sorted(self._files(), reverse=True):  # the last used first
            if path.name.startswith(NEW):
                if now - used_at > NEW_AGE_S:
                    _remove_unlocked(path)
                continue
            total += size
            if total > self._bytes_max or now - used_at > self._age_s:
                total -= size if _remove_unlocked(path) else 0

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for shelf in SHELVES:
            for path in (self._folder / shelf).iterdir():
                with suppress(OSError):  # another process has removed it
                    found = path.lstat()
                    yield found.st_mtime, found.st_size, path

    def _finished(self, shelf: Shelf) -> Iterator[Path]:
        return (path for path in sorted((self._folder / shelf).iterdir()) if not path.name.startswith(NEW))

    @contextmanager
    def _opened(self, shelf: Shelf, name: str) -> Iterator[int | None]:
        """Open an entry with a shared lock; None if there is none."""
        try:
            descriptor = os.open(self._folder / shelf / name, _READ)
        except OSError:
            yield None
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            yield descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
        finally:
            os.close(descriptor)


def _remove_unlocked(path: Path) -> bool:
    """Remove a file that no process holds. Return whether it is gone."""
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return not path.exists()
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), path.lstat()):  # otherwise another process has replaced it
            path.unlink()
            return True
    except OSError:  # locked, or gone already
        return not path.exists()
    finally:
        os.close(descriptor)
    return False
