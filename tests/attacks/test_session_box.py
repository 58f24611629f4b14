"""Attacks that are possible only in a session: on its keeper, on other sessions, and on the next command."""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator

import pytest

from domain.tree import Tree
from tests.attacks.in_session import ALIVE, ALIVE_SAID, session_limits
from tests.attacks.session_keeper import environment_of, keeper_of, marked, program
from tests.sandboxes import until_written
from verification.sandbox import kept_box
from verification.sandbox.base import MIB, Limits, Sandbox
from verification.sandbox.session_box import SessionBox

pytestmark = pytest.mark.needs_sandbox

LEAVES = """
import os, signal, sys, time
def child(*steps):
    if os.fork() == 0:
        for step in steps:
            step()
        time.sleep(60)
        os._exit(0)
def ignore():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
def again():
    if os.fork():
        os._exit(0)
child()
child(os.setsid)
child(ignore)
child(again, os.setsid, again)
child(lambda: os.kill(os.getpid(), signal.SIGSTOP))
time.sleep(0.3)
print("processes", sum(name.isdigit() for name in os.listdir("/proc")))
"""
ON_THE_KEEPER = """
import ctypes, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def attempt(what, act):
    try:
        print(what, "got", act())
    except OSError as error:
        print(what, "refused")
for number in range(1, 65):
    if number not in (17, 32, 33):  # a signal that a child has ended only wakes the keeper
        try:
            os.kill(KEEPER, number)
        except OSError:
            pass
for _ in range(1000):
    os.kill(KEEPER, signal.SIGCHLD)
attempt("memory", lambda: open(f"/proc/{KEEPER}/mem", "r+b").read(1))
attempt("descriptors", lambda: os.listdir(f"/proc/{KEEPER}/fd"))
attempt("socket", lambda: open(f"/proc/{KEEPER}/fd/3", "r+b"))
attempt("environment", lambda: open(f"/proc/{KEEPER}/environ").read())
def traced():
    if libc.ptrace(16, KEEPER, None, None) != 0:
        raise OSError("refused")
attempt("trace", traced)
def taken():
    handle = os.pidfd_open(KEEPER)
    if libc.syscall(438, handle, 3, 0) < 0:
        raise OSError("refused")
    return "a descriptor"
attempt("take", taken)
"""
CONTROL = """
import os
child = os.fork()
if child == 0:
    os.execvp("sleep", ["sleep", "5"])
import time
time.sleep(0.3)
print(len(os.listdir(f"/proc/{child}/fd")) > 0, "PATH" in open(f"/proc/{child}/environ").read())
os.kill(child, 9)
"""


@pytest.fixture
async def box(any_sandbox: Sandbox) -> AsyncIterator[SessionBox]:
    async with SessionBox(any_sandbox, **marked()) as opened:
        yield opened


async def test_no_process_outlives_its_command(box: SessionBox) -> None:
    result = await box.run(program(LEAVES))
    assert result.head == b"processes 8\n"  # the control: all five were there, and one that is not reaped yet
    assert result.left == 5
    assert (await box.run(ALIVE)).observed() == ALIVE_SAID


async def test_a_command_cannot_reach_the_keeper(box: SessionBox) -> None:
    result = await box.run(program(ON_THE_KEEPER.replace("KEEPER", "1")))
    assert sorted(result.observed().split("\n")) == [
        "",
        *(f"{what} refused" for what in ("descriptors", "environment", "memory", "socket", "take", "trace")),
    ]
    control = await box.run(program(CONTROL))
    assert control.observed() == "True True\n"
    assert (await box.run(ALIVE)).observed() == ALIVE_SAID


@pytest.mark.parametrize("limit", ["RLIMIT_CPU", "RLIMIT_AS", "RLIMIT_NOFILE"])
async def test_a_keeper_made_unusable_ends_the_box_with_a_result(box: SessionBox, limit: str) -> None:
    """A process may lower the limits of another process of the same user. The harm is its own."""
    value = 1 if limit == "RLIMIT_CPU" else 0
    await box.run(program(f"import resource; resource.prlimit(1, resource.{limit}, ({value}, {value}))"))
    began = time.monotonic()
    results = [await box.run("true") for _ in range(3)]
    for result in results:
        assert result.reason in ("exit", "not_started", "box_ended")
    assert time.monotonic() - began < 60
    assert (await box.difference()).manifest() == {}


async def test_a_killed_keeper_is_a_result_and_the_work_remains(box: SessionBox) -> None:
    await box.run("echo kept > kept")
    running = asyncio.create_task(box.run("echo begun > begun; sleep 60"))
    await until_written(box, "begun")
    os.kill(keeper_of(box), signal.SIGKILL)
    result = await asyncio.wait_for(running, 30)
    assert result.reason == "box_ended"
    assert result.why
    again = await box.run("true")
    assert (again.reason, again.why) == ("box_ended", result.why)
    assert (await box.difference()).added == ("begun", "kept")


async def test_a_stopped_keeper_is_ended_after_a_while(box: SessionBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_box, "ANSWER_WAIT_S", 1.0)
    monkeypatch.setattr(kept_box, "END_WAIT_S", 0.5)
    assert (await box.run("sleep 0.2", wall_s=0.3)).reason == "exit"  # the control
    keeper = keeper_of(box)
    os.kill(keeper, signal.SIGSTOP)
    result = await asyncio.wait_for(box.run("echo never", wall_s=0.5), 30)
    assert (result.reason, result.why) == ("box_ended", "its keeper did not answer")
    assert environment_of(keeper) == b""  # it has ended


async def test_a_session_sees_nothing_of_another_one(any_sandbox: Sandbox) -> None:
    secret = f"secret-{os.urandom(8).hex()}"
    hide = (
        f"import os, socket, time\nfor path in ('/work/x', '/tmp/x', '/dev/shm/x'): open(path, 'w').write('{secret}')\n"
        f"s = socket.socket(socket.AF_UNIX); s.bind('\\0{secret}'); s.listen()\nt = socket.socket(); "
        f"t.bind(('127.0.0.1', 4455)); t.listen()\nopen('/work/ready', 'w').close()\n"
    )
    look = f"""
import os, socket
found = []
for folder in ("/work", "/tmp", "/dev/shm", "/proc/1/root/work", "/proc/1/cwd"):
    try:
        found += [folder for name in os.listdir(folder) if "{secret}" in open(folder + "/" + name).read()]
    except OSError:
        pass
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid() and b"{secret}" in open(f"/proc/{{name}}/cmdline", "rb").read():
        found.append("process")
for family, address in ((socket.AF_UNIX, "\\0{secret}"), (socket.AF_INET, ("127.0.0.1", 4455))):
    try:
        socket.socket(family).connect(address)
        found.append("connected")
    except OSError:
        pass
print(sorted(found))
"""
    async with (
        SessionBox(any_sandbox, Tree({}), allow_degraded=True) as first,
        SessionBox(any_sandbox, Tree({}), allow_degraded=True) as second,
    ):
        running = asyncio.create_task(first.run(program(f"{hide}time.sleep(30)"), wall_s=20))
        await until_written(first, "ready")
        other = await second.run(program(look))
        assert other.observed() == "[]\n"
        running.cancel()
        await asyncio.wait({running})
        fork = f"import os, time\nos.remove('ready')\nif os.fork() == 0:\n    exec({hide!r})\n    time.sleep(30)\n"
        wait = "while not os.path.exists('ready'): time.sleep(0.01)\n"
        own = await first.run(program(f"{fork}{wait}exec({look!r})"))
        assert own.observed() == "['/dev/shm', '/tmp', '/work', 'connected', 'connected', 'process']\n"  # the control


async def test_resources_used_up_end_the_command_and_not_the_session(any_sandbox: Sandbox) -> None:
    limits = session_limits(
        Limits(wall_s=20, memory_bytes=64 * MIB, work_bytes=8 * MIB, tmp_bytes=8 * MIB, files=500, processes=20)
    )
    held = (await any_sandbox.probe()).tree_memory
    free = shutil.disk_usage("/tmp").free
    async with SessionBox(any_sandbox, Tree({}), limits=limits, allow_degraded=True) as box:
        hog = await box.run(program("x = [bytearray(b'x') * (1 << 20) for _ in range(200)]"))
        assert hog.reason == ("memory" if held else hog.reason)
        handled = await box.run("python3 -I -c 'bytearray(200 << 20)'; echo went on")
        assert handled.reason == ("memory" if held else handled.reason)
        full = await box.run("head -c 20000000 /dev/zero > a; head -c 20000000 /dev/zero > /tmp/a; rm a /tmp/a")
        assert full.observed().count("No space left on device") == 2
        files = await box.run("i=0; while true; do i=$((i + 1)); : > f$i; done")
        assert files.reason == "file_limit"
        tidy = await box.run("find . -name 'f*' -delete; ls | wc -l")  # above the limit, files can still be deleted
        assert (tidy.reason, tidy.observed()) == ("exit", "0\n")
        forks = await box.run(program("import os, time\nwhile True:\n    os.fork()"), wall_s=2)
        assert forks.reason in ("exit", "timeout")
        assert (await box.run(program("print(sum(bytearray(b'x' * 10)))"))).observed() == "1200\n"
        assert (await box.run(ALIVE)).observed() == ALIVE_SAID
    assert free - shutil.disk_usage("/tmp").free < 500 * MIB


async def test_the_input_of_a_command_is_empty(box: SessionBox) -> None:
    assert (await box.run("readlink /proc/self/fd/0; cat | wc -c")).observed() == "/dev/null\n0\n"
