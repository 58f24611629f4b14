"""The place of a home. It distinguishes a moved home from a copied home."""

from pathlib import Path

import msgspec


class Place(msgspec.Struct, frozen=True):
    """A folder when it was last used: its path and its inode. A folder that is moved keeps its inode."""

    path: str
    inode: int
    device: int

    def is_at(self, folder: Path) -> bool:
        """Return whether `folder` is this place: it has the same path, or the same inode at another path.

        The same path is enough, because a device's number may change when the machine starts, and a restored backup
        has another inode.
        """
        if self.path == str(folder.absolute()):
            return True
        now = place_of(folder)
        return now is not None and (self.inode, self.device) == (now.inode, now.device)


def place_of(folder: Path) -> Place | None:
    """Return the place of a folder; None if there is no such folder."""
    try:
        status = folder.stat()
    except FileNotFoundError:
        return None
    return Place(str(folder.absolute()), status.st_ino, status.st_dev)
