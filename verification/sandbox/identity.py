"""Change of the current thread's user to the box's user. Root needs this to write a box's files and set its limits.

A file system of a user namespace knows only the users that are mapped into it. Often only the same user may set the
limits of a process, because containers rarely give CAP_SYS_RESOURCE to root. The C library would change the user of all
threads, so this module makes the system calls directly.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from verification.sandbox.runtime import BOX_UID

_UNCHANGED = -1
_SET_REAL_CALLS = {"x86_64": (117, 119), "aarch64": (147, 149)}  # numbers of setresuid and setresgid
_SET_GROUPS_CALL = {"x86_64": 116, "aarch64": 159}  # number of setgroups


@contextmanager
def box_user(*, dropped: bool) -> Iterator[None]:
    """Make this thread act as the box's user inside the `with` block. If not `dropped`, do nothing."""
    if not dropped:
        yield
        return
    libc = _libc()
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


@contextmanager
def starting_as_box_user() -> Iterator[None]:
    """Give a program that this thread starts inside the `with` block the box's user, group and no other groups.

    The thread takes the user and the group as real and effective ids, and keeps its saved ids, so that it can return.
    A program has only the real and effective ids after its start, because the start copies the effective id into the
    saved one. So the started program cannot return. Call `can_start_as_box_user` first.
    """
    libc, groups = _libc(), os.getgroups()
    call = _SET_GROUPS_CALL[os.uname().machine]
    set_uid, set_gid = _SET_REAL_CALLS[os.uname().machine]
    uid, gid = os.getuid(), os.getgid()
    try:
        _called(libc, call, 0, None)
        _called(libc, set_gid, BOX_UID, BOX_UID, _UNCHANGED)
        _called(libc, set_uid, BOX_UID, BOX_UID, _UNCHANGED)
        yield
    finally:
        _called(libc, set_uid, uid, uid, _UNCHANGED)
        _called(libc, set_gid, gid, gid, _UNCHANGED)
        _called(libc, call, len(groups), (ctypes.c_uint32 * len(groups))(*groups))


@cache
def can_start_as_box_user() -> bool:
    """Return whether `starting_as_box_user` is equal to a complete change of the user in the started program.

    It is not equal if this process has ambient capabilities: the kernel keeps them while a saved id is root's.
    """
    if os.uname().machine not in _SET_GROUPS_CALL or os.getresuid() != (0, 0, 0) or len(set(os.getresgid())) != 1:
        return False
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return any(line.split() == ["CapAmb:", "0" * 16] for line in lines)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _set_real(libc: ctypes.CDLL, calls: tuple[int, int], *, uid: int, gid: int) -> None:
    set_uid, set_gid = calls
    for call, value in ((set_gid, gid), (set_uid, uid)):
        _called(libc, call, value, _UNCHANGED, _UNCHANGED)


def _called(libc: ctypes.CDLL, call: int, *arguments: object) -> None:
    if libc.syscall(call, *arguments) != 0:
        raise OSError(ctypes.get_errno(), "cannot act as the box's user")
