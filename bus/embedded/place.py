"""Where a home is, so that a copy of it is told from the home itself, also after it was moved."""

from pathlib import Path

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A folder as it was last used: its path, and its number on its file system, which it keeps when it is moved."""

    path: str
    inode: int
    device: int

    def is_at(self, folder: Path) -> bool:
        """Whether this is the folder: at the same path, or the same folder at another one.

        A device's number may change when the machine starts, and a restored backup has another inode: the path alone
        is enough.
        """
        if self.path == str(folder.absolute()):
            return True
        now = place_of(folder)
        return now is not None and (self.inode, self.device) == (now.inode, now.device)


def place_of(folder: Path) -> Place | None:
    """Return the place of a folder; None if there is no such folder."""
    try:
        known = folder.stat()
    except FileNotFoundError:
        return None
    return Place(str(folder.absolute()), known.st_ino, known.st_dev)
