"""A box of the pool shows its run the same as a new box, and has nothing in it before."""

import asyncio
import json
import os
import select
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.attacks.leftovers import processes_with
from tests.attacks.waiting_boxes import HELLO, pool_of, pooled, programs_in
from tests.sandboxes import FromPool
from verification.sandbox.base import MIB, Limits, LiveBox, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["pooled"]

pytestmark = pytest.mark.needs_sandbox

VIEW = """
import json, os, sys
left_out = ('Vm', 'Rss', 'volun', 'nonvol', 'Huge', 'Mems')
status = [line for line in open('/proc/self/status') if not line.startswith(left_out)]
mounts = [[field for field in line.split()[4:] if 'deleted' not in field and 'size=' not in field]
          for line in open('/proc/self/mountinfo')]
print(json.dumps([
    dict(os.environ), status, mounts, sorted(os.listdir('/proc/self/fd')), os.readlink('/proc/self/fd/0'), os.getcwd(),
    sorted(os.listdir('/work')), os.listdir('/tmp'), os.listdir('/dev/shm'), sorted(os.listdir('/aura')),
    [os.statvfs(each).f_bavail for each in ('/work', '/tmp', '/dev/shm')], open('/proc/self/limits').read(),
    open('/dev/stdin').read(), sys.stdin.read(), sys.argv, hash('seed'), os.getpgid(0), os.getsid(0),
    sorted(each for each in os.listdir('/proc') if each.isdigit()), oct(os.stat('/work').st_mode),
]))
"""
SPEC = RunSpec(
    argv=("python3", "-c", VIEW, 'it\'s\n a "word" $HOME `id` \\ * \x01 \u00fc'),
    files={"a/b.txt": b"x" * 5000, "c": b""},
    read_only={"/aura/note": b"n"},
    stdin=b"one\ntwo",
    env={"PYTHONHASHSEED": "7", "ODD": "q'\n\"$HOME"},
    limits=Limits(wall_s=30, memory_bytes=256 * MIB, processes=20, open_files=99, file_bytes=5 * MIB),
)


async def test_the_program_sees_the_same_as_in_a_new_box(sandbox: Bubblewrap, pooled_sandbox: FromPool) -> None:
    new, waited = await sandbox.run(SPEC), await pooled_sandbox.run(SPEC)
    assert new.reason == waited.reason == "exit", (new, waited)
    assert (new.stderr, waited.stderr) == (b"", b"")
    names, seen, expected = ("environment", "status", "mounts"), json.loads(waited.stdout), json.loads(new.stdout)
    assert dict(zip(names, seen, strict=False)) == dict(zip(names, expected, strict=False))
    assert seen == expected
    control = json.loads((await sandbox.run(replace(SPEC, env={"PYTHONHASHSEED": "8"}))).stdout)
    assert control[15] != seen[15], "the hash seed is the run's own"
    await pooled_sandbox.close()


async def test_what_a_waiting_box_cannot_do_gets_a_new_box(pooled: Bubblewrap) -> None:
    """A run with a socket as its input, or one that is watched while it runs."""
    pool = pool_of(pooled)
    ours, theirs = socket.socketpair()
    lives: list[LiveBox] = []
    with ours, theirs:
        ours.sendall(b"from the socket")
        ours.shutdown(socket.SHUT_WR)
        told = replace(HELLO, argv=("python3", "-c", "print(input())"), door=theirs.fileno())
        assert (await pooled.run(told)).stdout == b"from the socket\n"
    assert (await pooled.run(replace(HELLO, live=lives.append))).stdout == b"hello\n"
    assert (len(lives), pool.handed_out) == (1, 0)
    await pool.filled()
    assert pool.waiting == 0


async def test_nothing_is_in_a_waiting_box(pooled: Bubblewrap) -> None:
    """Only bwrap and a shell of the read-only files. No file, and no word of a later run."""
    pool = pool_of(pooled)
    secret = f"secret-{os.urandom(6).hex()}"
    run = replace(HELLO, argv=("python3", "-c", f"print('{secret}')"), files={secret: b""}, env={"A": secret})
    assert await pool.stock(run, 3) == 3
    (stock,) = pool._stocks.values()
    for _, box in stock.boxes:
        assert box._prepared is not None
        inside = Path(f"/proc/{box._prepared.pid}/root")
        assert [os.listdir(inside / folder) for folder in ("work", "tmp", "dev/shm")] == [[], [], []]
        assert programs_in(box._prepared.pid) == ["bwrap", "sh"]
    assert processes_with(secret) == []
    assert (await pooled.run(run)).stdout.decode().strip() == secret


async def test_a_program_that_does_not_exist_is_a_failed_setup(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    for argv in (("no-such-program",), ("/etc/passwd",)):
        missing = replace(HELLO, argv=argv)
        expected = await pooled.run(missing)
        assert await pool.stock(missing, 1) == 1
        seen = await pooled.run(missing)
        assert (seen.reason, seen.exit_code) == (expected.reason, expected.exit_code) == ("setup_failed", None)
    pretends = replace(HELLO, argv=("sh", "-c", "echo 'aura-start: exec: not found' >&2; exit 127"))
    await pool.stock(pretends, 1)
    assert (await pooled.run(pretends)).exit_code == 127, "it ran again, in a new box"
    for status in (125, 126, 127):
        own = replace(HELLO, argv=("sh", "-c", f"echo ran; exit {status}"))
        await pool.stock(own, 1)
        assert (await pooled.run(own)).exit_code == status
    assert pool.handed_out == 3


async def test_bad_paths_and_lines_that_no_shell_takes(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    bad = replace(HELLO, files={"../x": b""})
    await pool.stock(bad, 1)
    assert (await pooled.run(bad)).reason == "setup_failed"
    long = replace(HELLO, argv=("python3", "-c", "import sys; print(len(sys.argv[1]))", "x" * 100_000))
    assert await pool.stock(long, 1) == 0
    assert (await pooled.run(long)).stdout == b"100000\n"
    odd = replace(HELLO, argv=("python3", "-c", "import os; print(os.environ['a-b'])"), env={"a-b": "odd"})
    assert await pool.stock(odd, 1) == 0
    assert (await pooled.run(odd)).stdout == b"odd\n"


async def test_the_room_for_files_is_exact(sandbox: Bubblewrap, pooled_sandbox: FromPool) -> None:
    """To the byte and to the file, although the waiting box did not know the input."""
    code = (
        "import os\nwritten = 0\ntry:\n  with open('big', 'wb', 0) as file:\n"
        "    while True: written += file.write(b'x' * 4096)\nexcept OSError: print(written)"
    )
    limits = Limits(wall_s=20, work_bytes=3 * MIB)
    for size in (0, 1, 5000, 300_000):
        spec = RunSpec(argv=("python3", "-c", code), files={"in": b"x" * size} if size else {}, limits=limits)
        new, waited = await sandbox.run(spec), await pooled_sandbox.run(spec)
        assert new.stdout == waited.stdout
        assert int(waited.stdout) <= 3 * MIB
    many = "import os\nfor n in range({}): open(str(n), 'w').close()\nimport time; time.sleep(0.3)"
    for number, reason in ((49, "exit"), (51, "file_limit")):
        spec = RunSpec(argv=("python3", "-c", many.format(number)), limits=Limits(wall_s=20, files=50))
        assert [(await each.run(spec)).reason for each in (sandbox, pooled_sandbox)] == [reason, reason]
    await pooled_sandbox.close()


async def test_a_large_input_is_whole(pooled_sandbox: FromPool) -> None:
    files = {f"f/{number}": b"x" * 3000 for number in range(900)}
    code = (
        "import os, sys\nsizes = [os.path.getsize('f/' + name) for name in os.listdir('f')]\n"
        "print(len(sizes), sum(sizes), len(sys.stdin.read()))"
    )
    spec = RunSpec(argv=("python3", "-c", code), files=files, stdin=b"y" * 3_000_000)
    assert (await pooled_sandbox.run(spec)).stdout == b"900 2700000 3000000\n"
    await pooled_sandbox.close()


async def test_the_time_begins_at_the_hand_out(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    spec = replace(HELLO, argv=("python3", "-c", "import time; time.sleep(30)"), limits=Limits(wall_s=1.0))
    await pool.stock(spec, 1)
    await asyncio.sleep(1.5)
    seen = await pooled.run(spec)
    assert (seen.reason, pool.handed_out) == ("timeout", 1)
    assert 0.9 < seen.wall_s < 20
    quick = replace(HELLO, limits=Limits(wall_s=10.0))
    await pool.stock(quick, 1)
    assert (await pooled.run(quick)).stdout == b"hello\n"


async def test_a_waiting_box_that_died_is_replaced(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    await pool.stock(HELLO, 2)
    (stock,) = pool._stocks.values()
    first = stock.boxes[0][1]._prepared
    assert first is not None
    os.kill(first.pid, 9)
    assert select.select([first.handle], [], [], 10.0)[0], "the box has ended before the hand-out"
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    assert pool.waiting == 0
