"""The read-only view of a bubblewrap box from a built root file system, and a digest for a box without one."""

import hashlib
import os
import sys
from pathlib import Path

from verification.sandbox.base import PROGRAMS, PYTHON
from verification.sandbox.rootfs import PREFIX
from verification.sandbox.runtime import interpreter

_SHARED = ("usr", "opt")
_TELLING = ("/etc/os-release", "/etc/ld.so.cache")


def image_arguments(rootfs: Path) -> list[str]:
    """Return bwrap's arguments for the read-only part of a box, from a built root file system."""
    arguments = []
    for name in sorted(os.listdir(rootfs)):
        place = rootfs / name
        if place.is_symlink():
            arguments += ["--symlink", os.readlink(place), f"/{name}"]
        elif name in _SHARED:
            arguments += ["--ro-bind", str(place), f"/{name}"]
    for name in sorted(os.listdir(rootfs / "etc")):
        arguments += ["--ro-bind", str(rootfs / "etc" / name), f"/etc/{name}"]
    for name in (PYTHON, "python"):
        arguments += ["--symlink", f"{PREFIX}/bin/{interpreter().name}", f"{PROGRAMS}/{name}"]
    return arguments


def host_digest() -> str:
    """Return a digest of what a box sees of this machine if no image was built.

    It is the hex sha256 over the interpreter, the libraries' index and the system's name. It stays the same until one
    of them changes. Two machines have the same digest only if they are alike in all of these.
    """
    whole = hashlib.sha256(repr((sys.version, str(interpreter()))).encode())
    for path in (str(interpreter()), *_TELLING):
        try:
            whole.update(hashlib.sha256(Path(path).read_bytes()).digest())
        except OSError:
            whole.update(b"none")
    return whole.hexdigest()
