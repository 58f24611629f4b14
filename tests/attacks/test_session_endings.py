"""The end of a session and of its worker: nothing remains of it. Also, a machine that cannot hold every limit."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.errors import Refused
from domain.tree import Tree
from tests.attacks.in_session import ALIVE, ALIVE_SAID, session_limits
from tests.attacks.leftovers import children, descriptors, gone, groups_of, mounts, processes_with
from tests.attacks.session_keeper import environment_of, keeper_of, marked, program
from tests.docker import host_of
from tests.engine.daemon import Engine
from verification.sandbox.base import MIB, Limits, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.confinement import Watched
from verification.sandbox.docker import Docker
from verification.sandbox.session_box import SessionBox

pytestmark = pytest.mark.needs_sandbox

COMMANDS = 100
CANCELLATIONS = 8
SPREAD_S = 0.6
"""The last cancellation comes this long after the start."""
START_WAIT_S = 240.0
THREADS_MAX = (os.cpu_count() or 1) + 5
OWNER = """
import asyncio, sys
from pathlib import Path
from domain.tree import Tree
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.docker import Docker
from verification.sandbox.session_box import SessionBox

async def main():
    scratch, engine = Path(sys.argv[1]), sys.argv[3]
    sandbox = Docker(engine, scratch=scratch) if engine else Bubblewrap(scratch)
    async with SessionBox(sandbox, Tree({}), allow_degraded=True) as box:
        running = asyncio.create_task(box.run(["python3", "-I", "-c", "import time; time.sleep(60)", sys.argv[2]]))
        print("running", flush=True)
        await running

asyncio.run(main())
"""


@pytest.fixture
async def box(any_sandbox: Sandbox) -> AsyncIterator[SessionBox]:
    async with SessionBox(any_sandbox, **marked()) as opened:
        yield opened


async def test_a_hundred_commands_leave_nothing(box: SessionBox) -> None:
    """The first commands may load code and open what the process keeps. Later ones must not."""
    command = "(sleep 50 &) ; python3 -c 'print(1)' | cat ; head -c 200000 /dev/zero"
    for _ in range(3):
        await box.run(command)
    keeper = keeper_of(box)

    def state() -> tuple[object, ...]:
        opened = len(os.listdir(f"/proc/{keeper}/fd"))
        below = Path(f"/proc/{keeper}/task/{keeper}/children").read_text()
        return descriptors(), children(), mounts(), groups_of(os.getpid()), opened, below

    before, memory = state(), _resident(keeper)
    for _ in range(COMMANDS):
        assert (await box.run(command)).left == 1
    assert state() == before
    assert _resident(keeper) - memory < 4 * MIB
    assert threading.active_count() <= THREADS_MAX
    await box.close()
    assert environment_of(keeper) == b""  # it has ended
    assert groups_of(os.getpid()) == []
    assert descriptors() < before[0]  # type: ignore[operator]  # a number


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def test_kill_9_of_the_worker_ends_its_box(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips without one
    await killed_worker("")


@pytest.mark.slow
@pytest.mark.ci
async def test_kill_9_of_the_worker_ends_its_container(docker_engine: Engine, docker_sandbox: Docker) -> None:
    del docker_sandbox  # proves that there is one
    await killed_worker(host_of(docker_engine))


async def killed_worker(engine: str) -> None:
    """Kill a process with an open session. Then everything in its box must end, and a sweep must remove the rest."""
    scratch = f"/tmp/aura-test-session-{os.urandom(6).hex()}"
    os.mkdir(scratch, 0o755)
    mark = f"session-{os.urandom(6).hex()}"
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, scratch, mark, engine),
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert owner.stdout is not None
        assert await asyncio.wait_for(owner.stdout.readline(), START_WAIT_S) == b"running\n"
        deadline = time.monotonic() + START_WAIT_S
        while len(processes_with(mark)) < 2:  # the owner, and the command in the box
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    finally:
        owner.kill()
        await owner.wait()
    assert await gone(mark)
    later = Docker(engine, scratch=Path(scratch)) if engine else Bubblewrap(Path(scratch))
    assert await later.sweep() >= 1
    assert os.listdir(scratch) == []
    os.rmdir(scratch)
    assert groups_of(owner.pid) == []


async def test_cancelled_at_any_moment(any_sandbox: Sandbox) -> None:
    """While the box starts, while a command runs, and while the box ends."""
    await any_sandbox.probe()
    began = 0
    async with SessionBox(any_sandbox, **marked()):
        pass  # whatever the process keeps is open now
    before = descriptors(), children(), groups_of(os.getpid())
    mark = f"cancelled-{os.urandom(6).hex()}"

    async def session() -> None:
        nonlocal began
        async with SessionBox(any_sandbox, Tree({}), allow_degraded=True) as box:
            began += 1
            await box.run(["sh", "-c", "sleep 60 & sleep 60", mark], wall_s=60)

    for number in range(CANCELLATIONS):
        running = asyncio.create_task(session())
        await asyncio.sleep(number * SPREAD_S / CANCELLATIONS)
        running.cancel()
        await asyncio.wait({running}, timeout=START_WAIT_S)
        assert running.cancelled()
        assert processes_with(mark) == []
    assert began > 0  # the control: some had a command to end
    assert (descriptors(), children(), groups_of(os.getpid())) == before


async def test_a_limit_that_is_not_held_must_be_accepted_and_is_named() -> None:
    weak = Bubblewrap(confinements=lambda: [Watched()])
    missing = (await weak.probe()).not_held
    assert "tree memory" in missing
    try:
        with pytest.raises(Refused, match="tree memory") as refused:
            await SessionBox(weak, Tree({})).__aenter__()
        assert "aura sandbox accept" in refused.value.hint
        async with SessionBox(weak, Tree({}), limits=session_limits(Limits(wall_s=30)), accepted=missing) as box:
            assert box.not_held == missing
            assert (await box.run("echo hi")).observed() == "hi\n"
            tree = (
                "import os, time\nfor _ in range(8):\n    os.fork() or (bytearray(b'x') * (100 << 20), time.sleep(20))"
            )
            hog = await box.run(program(f"{tree}\ntime.sleep(20)"))
            assert hog.reason == "memory"  # watched, not held: the tree may exceed its limit for a moment
            assert (await box.run(ALIVE)).observed() == ALIVE_SAID
    finally:
        await weak.close()
