"""The read-only part of a bubblewrap box from a built root file system, and a digest if no such file system exists."""

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
    """Return a digest of the files of this machine that a box sees if no image was built.

    It is the hex sha256 of the interpreter, the index of the libraries and the system's name. Two machines have the
    same digest only if all three are equal.
    """
    whole = hashlib.sha256(repr((sys.version, str(interpreter()))).encode())
    for path in (str(interpreter()), *_TELLING):
        try:
            whole.update(hashlib.sha256(Path(path).read_bytes()).digest())
        except OSError:
            whole.update(b"none")
    return whole.hexdigest()
