"""A thread that acts as the box's user for a moment. Root needs this for file and limit calls on a box's namespaces.

A file system of a user namespace knows only the users that are mapped into it. Only the same user may set limits of a
process (containers often withhold CAP_SYS_RESOURCE from root). The C library's functions would change every thread, so
this module makes the system calls directly.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from verification.sandbox.runtime import BOX_UID

_UNCHANGED = -1
_SET_REAL_CALLS = {"x86_64": (117, 119), "aarch64": (147, 149)}  # setresuid, setresgid


@contextmanager
def box_user(*, dropped: bool) -> Iterator[None]:
    """Make this thread act as the box's user. If the box runs as our own user, there is nothing to do."""
    if not dropped:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    calls = _SET_REAL_CALLS.get(os.uname().machine)
    uid, gid = os.getuid(), os.getgid()
    try:
        if calls:
            _set_real(libc, calls, uid=BOX_UID, gid=BOX_UID)
        libc.setfsgid(BOX_UID)
        libc.setfsuid(BOX_UID)
        yield
    finally:
        libc.setfsuid(uid)
        libc.setfsgid(gid)
        if calls:
            _set_real(libc, calls, uid=uid, gid=gid)


def _set_real(libc: ctypes.CDLL, calls: tuple[int, int], *, uid: int, gid: int) -> None:
    set_uid, set_gid = calls
    for call, value in ((set_gid, gid), (set_uid, uid)):
        if libc.syscall(call, value, _UNCHANGED, _UNCHANGED) != 0:
            raise OSError(ctypes.get_errno(), "cannot act as the box's user")
