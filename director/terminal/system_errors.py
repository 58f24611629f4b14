"""Converts errors of the operating system about a file or folder to errors with a hint."""

import errno

from domain.errors import AuraError, Unavailable

_NO_RIGHT = "Give this user access to it, or name another folder (AURA_HOME sets the folder of Aura's own files)."
_NO_ROOM = "Free some space on its disk, or name another folder (AURA_HOME sets the folder of Aura's own files)."
_HINTS = {
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: _NO_RIGHT,
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.ENAMETOOLONG: "Give a shorter name.",
    errno.ENOTDIR: "A part of this path is a file. Name a folder.",
    errno.EISDIR: "This is a folder. Name a file.",
    errno.EMFILE: "This process has too many open files: raise the limit (`ulimit -n`).",
}


def about_a_path(error: BaseException) -> AuraError | None:
    """Return the error to show for an error of the operating system; None if the error is a defect of Aura."""
    if not isinstance(error, OSError) or error.errno not in _HINTS:
        return None
    path = f"{error.filename}: " if error.filename else ""
    return Unavailable(f"{path}{error.strerror}.", hint=_HINTS[error.errno], code="no_access")
