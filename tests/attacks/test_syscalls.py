"""The system call filter holds for every process in a box, and the calls of ordinary programs still work."""

import os

import pytest

from tests.sandboxes import boxed
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.syscalls import filter_program

pytestmark = [
    pytest.mark.needs_sandbox,
    pytest.mark.skipif(filter_program() is None, reason=f"no table of system calls for {os.uname().machine}"),
]

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


async def test_the_filter_holds_for_every_process_of_the_box(sandbox: Bubblewrap) -> None:
    code = "print(sum(open(f'/proc/{n}/status').read().count('Seccomp:\\t2') for n in ('1', 'self')))"
    assert (await boxed(sandbox, code)).stdout == b"2\n"


async def test_ordinary_programs_work(sandbox: Bubblewrap) -> None:
    assert (await boxed(sandbox, ORDINARY)).stdout == b"[1, 0, 1, 7, 3, [1], b'y']\n"
