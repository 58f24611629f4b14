"""Change of the current thread's user to the box's user. Root needs this to write a box's files and set its limits.

A file system of a user namespace knows only the users that are mapped into it. Often only the same user may set the
limits of a process, because containers rarely give CAP_SYS_RESOURCE to root. The C library would change the user of all
threads, so this module makes the system calls directly.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from verification.sandbox.runtime import BOX_UID

_UNCHANGED = -1
_SET_REAL_CALLS = {"x86_64": (117, 119), "aarch64": (147, 149)}  # numbers of setresuid and setresgid


@contextmanager
def box_user(*, dropped: bool) -> Iterator[None]:
    """Make this thread act as the box's user inside the `with` block. If not `dropped`, do nothing."""
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
