"""Access to the files of a session's box from outside. It uses descriptors of folders and follows no link.

Call these functions only while no command runs, and as the box's user.
"""

import os
import secrets
import stat
from contextlib import suppress
from errno import EDQUOT, ELOOP, ENOSPC, ENOTDIR, ENOTEMPTY

import msgspec

from domain.errors import Invalid, LimitReached, NotFound
from verification.sandbox.descriptors import OPEN_FILE, OPEN_FOLDER, OPEN_NEW_FILE
from verification.sandbox.workfolder import is_plain_path

FOLDERS_MAX = 64  # depth of a path that can be reached from outside
_MODES = 0o777


class FilePart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a file. `size` is the size of the whole file in bytes."""

    content: bytes
    size: int


def read_file(work: int, path: str, *, offset: int, bytes_max: int) -> FilePart:
    """Read a part of a regular file. Raises NotFound, or Invalid for a link, a folder or a special file."""
    folder, name = _parent(work, path, create=False)
    try:
        with os.fdopen(_opened(folder, name, path), "rb") as file:
            file.seek(offset)
            return FilePart(content=file.read(bytes_max), size=os.fstat(file.fileno()).st_size)
    finally:
        os.close(folder)


def write_file(work: int, path: str, content: bytes, *, executable: bool | None) -> None:
    """Write a whole file. It replaces a file or a link, and creates the folders above.

    `executable` None keeps the mode of an existing file. Raises Invalid for a path that cannot be written, and
    LimitReached if the box has no space left.
    """
    folder, name = _parent(work, path, create=True)
    made = f".aura-{secrets.token_hex(8)}"
    try:
        mode = _mode(folder, name, path, executable)
        with os.fdopen(os.open(made, OPEN_NEW_FILE, mode, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), mode)  # independent of the umask
            file.write(content)
        os.rename(made, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(made, dir_fd=folder)
        raise _not_written(path, error) from error
    finally:
        os.close(folder)


def delete_file(work: int, path: str) -> None:
    """Delete a file, a link or an empty folder. Raises NotFound and Invalid."""
    folder, name = _parent(work, path, create=False)
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        (os.rmdir if stat.S_ISDIR(found.st_mode) else os.unlink)(name, dir_fd=folder)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        hint = "Delete the files in the folder first." if error.errno == ENOTEMPTY else "Give the path of a file."
        raise Invalid(f"{path} cannot be deleted: {error.strerror}.", hint=hint) from error
    finally:
        os.close(folder)


def _parent(work: int, path: str, *, create: bool) -> tuple[int, str]:
    """Return a new descriptor of the parent folder, and the last name of a path."""
    if not is_plain_path(path) or path.count("/") > FOLDERS_MAX:
        raise Invalid(
            f"{path!r} is not a path inside the working copy.",
            hint="Give a path relative to the working copy, without '.' and '..'.",
        )
    *folders, name = path.split("/")
    here = os.dup(work)
    try:
        for folder in folders:
            if create:
                with suppress(FileExistsError):
                    os.mkdir(folder, 0o755, dir_fd=here)
            below = os.open(folder, OPEN_FOLDER, dir_fd=here)
            os.close(here)
            here = below
    except FileNotFoundError as error:
        os.close(here)
        raise _missing(path) from error
    except OSError as error:
        os.close(here)
        if create and error.errno not in (ELOOP, ENOTDIR):
            raise _not_written(path, error) from error
        raise Invalid(
            f"{path} is not reachable: a part of the path is not a folder.",
            hint="Links are not followed here. Use a command to reach a path behind a link.",
        ) from error
    return here, name


def _opened(folder: int, name: str, path: str) -> int:
    try:
        descriptor = os.open(name, OPEN_FILE, dir_fd=folder)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        reason = "it is a link" if error.errno == ELOOP else error.strerror
        raise Invalid(f"{path} cannot be read: {reason}.", hint="Use a command to see what it is.") from error
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise Invalid(f"{path} is not a file.", hint="Give the path of a regular file.")


def _mode(folder: int, name: str, path: str, executable: bool | None) -> int:
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return 0o755 if executable else 0o644
    if stat.S_ISDIR(found.st_mode):
        raise Invalid(f"{path} is a folder.", hint="Give the path of a file.")
    if executable is None and stat.S_ISREG(found.st_mode):
        return found.st_mode & _MODES
    return 0o755 if executable else 0o644


def _missing(path: str) -> NotFound:
    return NotFound(f"There is no {path}.", hint="List the folder to see its files.")


def _not_written(path: str, error: OSError) -> Invalid | LimitReached:
    if error.errno in (ENOSPC, EDQUOT):
        return LimitReached(f"{path} cannot be written: the box has no space left.", hint="Delete files first.")
    return Invalid(f"{path} cannot be written: {error.strerror}.", hint="Choose another path.")
