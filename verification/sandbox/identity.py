"""Acting as the box's user for a moment, in one thread: root's file and limit calls on a box's own namespaces need it.

A file system of a user namespace knows only the users mapped into it, and limits of another user's process may be set
by that user alone (containers often withhold CAP_SYS_RESOURCE from root). The C library's own calls would change every
thread, so the system calls are made directly.
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
    """Makes this thread act as the box's user; nothing to do where the box runs as ourselves."""
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
