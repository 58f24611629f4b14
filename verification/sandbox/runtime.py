"""Read-only part of a box: the interpreter and its libraries, without home folders, projects and site-packages."""

import os
import secrets
import shutil
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from verification.sandbox.base import MIB, PROGRAMS, PYTHON, WORK
from verification.sandbox.program import may_execute, reachable

BOX_UID = 65532
SHM_BYTES = 16 * MIB  # size of /dev/shm in a box
WRITABLE = (WORK, "/tmp", "/dev/shm")
NOT_NEEDED = frozenset({"site-packages", "dist-packages", "test", "tests", "idlelib", "ensurepip", "turtledemo"})
ETC = {
    "passwd": f"root:x:0:0:root:/:/bin/false\nbox:x:{BOX_UID}:{BOX_UID}:box:/tmp:/bin/sh\n",
    "group": f"root:x:0:\nbox:x:{BOX_UID}:\n",
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "hosts": "127.0.0.1 localhost box\n::1 localhost\n",
    "hostname": "box\n",
    "resolv.conf": "",
}
"""Files of /etc in every box: users, groups and host names. `localhost` and the box's own host name resolve."""
_LIBRARY_FOLDERS = ("/lib", "/lib64", "/lib32", "/bin", "/sbin")


def interpreter() -> Path:
    """Return the path of the base interpreter of this virtual environment, with links resolved."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def view_arguments(scratch: Path, *, uid: int) -> list[str]:
    """Return bwrap's arguments for the read-only part of a box, for a process that runs as `uid`."""
    prefix = Path(sys.base_prefix).resolve()
    arguments = ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, _LIBRARY_FOLDERS):
        if folder.is_symlink():
            arguments += ["--symlink", os.readlink(folder), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    if Path("/usr/local") not in (prefix, *prefix.parents):
        arguments += ["--size", "4096", "--tmpfs", "/usr/local", "--remount-ro", "/usr/local"]
    if Path("/usr") not in (prefix, *prefix.parents):
        arguments += ["--ro-bind", str(_reachable_prefix(prefix, scratch, uid=uid)), str(prefix)]
    for packages in _package_folders(prefix):
        if reachable(packages, uid):
            arguments += ["--size", "4096", "--tmpfs", str(packages), "--remount-ro", str(packages)]
    for shared in ("/etc/ld.so.cache", "/etc/alternatives"):  # Debian's awk and which are links to the latter
        arguments += ["--ro-bind-try", shared, shared]
    for name, text in ETC.items():
        made = scratch / name
        made.write_text(text)
        made.chmod(0o644)
        arguments += ["--ro-bind", str(made), f"/etc/{name}"]
    for name in (PYTHON, "python"):
        arguments += ["--symlink", str(interpreter()), f"{PROGRAMS}/{name}"]
    return arguments


def _package_folders(prefix: Path) -> list[Path]:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    names = (f"lib/{version}/site-packages", f"lib64/{version}/site-packages", "lib/python3/dist-packages")
    return sorted({(prefix / name).resolve() for name in names if (prefix / name).is_dir()})


def _reachable_prefix(prefix: Path, scratch: Path, *, uid: int) -> Path:
    """Return the interpreter's `prefix`, or a reachable copy of it if `uid` cannot reach it."""
    if reachable(prefix, uid):
        return prefix
    linked = scratch / "python"
    if not linked.exists():
        may_execute(scratch)
        _link_tree(prefix, linked)
    return linked


def reachable_folder(folder: Path, scratch: Path, *, uid: int) -> Path:
    """Return the folder itself, or a copy of it in `scratch` if `uid` cannot reach it.

    The copy has hard links to the files, or real copies on another file system. It is made only once, because a folder
    that boxes see does not change.
    """
    if reachable(folder, uid):
        return folder
    linked = scratch / f"folder-{sha256(os.fsencode(folder)).hexdigest()[:32]}"
    if not linked.exists():
        made = linked.with_name(f"{linked.name}-{secrets.token_hex(4)}")
        _link_tree(folder, made, left_out=frozenset())
        with suppress(OSError):  # another run has made the same copy
            made.rename(linked)
        if made.exists():
            shutil.rmtree(made, ignore_errors=True)
    return linked


def _link_tree(source: Path, target: Path, left_out: frozenset[str] = NOT_NEEDED) -> None:
    target.mkdir()
    target.chmod(0o755)  # set the mode again, because the umask may have changed it
    with os.scandir(source) as entries:
        for entry in entries:
            unneeded = entry.name in left_out or entry.name.startswith("config-") or entry.name.endswith(".a")
            if left_out and unneeded:
                continue
            if entry.is_symlink():
                (target / entry.name).symlink_to(os.readlink(entry.path))
            elif entry.is_dir():
                _link_tree(Path(entry.path), target / entry.name, left_out)
            elif entry.is_file():
                _link_file(entry.path, target / entry.name)


def _link_file(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    if not target.stat().st_mode & 0o004:  # a link to a private file would be unreadable for the box, so it gets a copy
        target.unlink()
        shutil.copy2(source, target)
        target.chmod(0o755)
