"""Calls that no program under test needs are refused, and what ordinary programs use still works."""

import os
import subprocess
import sys

import pytest

from verification.sandbox.base import Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.syscalls import filter_program

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.skipif(filter_program() is None, reason=f"no table of system calls for {os.uname().machine}"),
]

# io_uring_setup, memfd_secret and clone3 have the same number everywhere; each with arguments that do no harm.
CALLS = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*args):
    ctypes.set_errno(0)
    libc.syscall(*args)
    return errno.errorcode.get(ctypes.get_errno(), "ok")
print(call(425, 1, None), call(447, 0), call(435, None, 0))
"""
FAMILIES = """
import errno, socket
told = []
for family, kind in ((1, 1), (2, 1), (10, 1), (16, 3), (40, 1), (17, 3)):
    try:
        socket.socket(family, kind).close()
        told.append("ok")
    except OSError as error:
        told.append(errno.errorcode[error.errno])
print(*told)
"""
ORDINARY = """
import asyncio, multiprocessing, os, sqlite3, subprocess, tempfile, threading
made = []
thread = threading.Thread(target=made.append, args=(1,))
thread.start(); thread.join()
made.append(subprocess.run(["true"]).returncode)
with tempfile.TemporaryFile() as file:
    made.append(file.write(b"x"))
async def nothing(): return 7
made.append(asyncio.run(nothing()))
made.append(sqlite3.connect("x.db").execute("select 3").fetchone()[0])
with multiprocessing.Pool(2) as pool:
    made.append(pool.map(abs, [-1]))
a, b = os.pipe(); os.write(b, b"y"); made.append(os.read(a, 1))
print(made)
"""


async def boxed(sandbox: Bubblewrap, code: str) -> str:
    result = await sandbox.run(RunSpec(argv=("python3", "-I", "-c", code), limits=Limits(wall_s=20)))
    return (result.stdout + result.stderr).decode().strip()


def uncontained(code: str) -> str:
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=90, check=True)
    return done.stdout.strip()


async def test_dangerous_calls_are_refused(sandbox: Bubblewrap) -> None:
    assert (await sandbox.probe()).syscall_filter
    control = uncontained(CALLS).split()
    assert control[2] == "EINVAL"  # the kernel has clone3, and did not like the arguments
    assert await boxed(sandbox, CALLS) == "EPERM EPERM ENOSYS"


async def test_only_ordinary_socket_families(sandbox: Bubblewrap) -> None:
    assert uncontained(FAMILIES).split()[3] == "ok"
    assert await boxed(sandbox, FAMILIES) == "ok ok ok EAFNOSUPPORT EAFNOSUPPORT EAFNOSUPPORT"


async def test_the_filter_holds_for_every_process_of_the_box(sandbox: Bubblewrap) -> None:
    code = "print(sum(open(f'/proc/{n}/status').read().count('Seccomp:\\t2') for n in ('1', 'self')))"
    assert await boxed(sandbox, code) == "2"


async def test_ordinary_programs_work(sandbox: Bubblewrap) -> None:
    assert await boxed(sandbox, ORDINARY) == "[1, 0, 1, 7, 3, [1], b'y']"
