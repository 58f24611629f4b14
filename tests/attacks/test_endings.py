"""A run that ends in any way at any moment leaves no process, control group, scratch folder or descriptor."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.attacks.leftovers import descriptors, gone, groups_of, processes_with
from tests.tiers import CI
from verification.sandbox import monitor
from verification.sandbox.base import Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(600)]

CANCELLATIONS = 40
SPREAD_S = 0.12  # a box takes some 50 ms to be made; the rest is while it runs
PROMPT_S = 120.0  # on a loaded machine; a lost box would run for 300
SLEEP = ("python3", "-I", "-c", "import time; time.sleep(300)")
OWNER = """
import asyncio, signal, sys
from pathlib import Path
from verification.sandbox.base import RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

async def main():
    sandbox = Bubblewrap(Path(sys.argv[1]))
    await sandbox.probe()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    print("ready", flush=True)
    argv = ("python3", "-I", "-c", "import time; time.sleep(300)", sys.argv[2])
    try:
        async with asyncio.TaskGroup() as running:
            for _ in range(4):
                running.create_task(sandbox.run(RunSpec(argv=argv)))
                await asyncio.sleep(0.02)
    finally:
        await sandbox.close()

asyncio.run(main())
"""

HOLDER = """
import asyncio, sys, time
from pathlib import Path
from verification.sandbox.base import Limits, RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.confinement import Watched

class Slow(Watched):
    def hold(self, pid, limits, *, together):
        if limits.wall_s == 7:
            print("held", flush=True)
            time.sleep(300)
        return super().hold(pid, limits, together=together)

argv = ("python3", "-I", "-c", "import time; time.sleep(300)", sys.argv[2])
sandbox = Bubblewrap(Path(sys.argv[1]), confinements=lambda: [Slow()])
asyncio.run(sandbox.run(RunSpec(argv=argv, limits=Limits(wall_s=7))))
"""


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Yield a folder that the box's user can reach."""
    folder = Path(f"/tmp/aura-test-endings-{os.urandom(6).hex()}")
    folder.mkdir(mode=0o755)
    yield folder
    folder.rmdir()  # fails if anything is left in it


@pytest.fixture
async def own(sandbox: Bubblewrap, scratch: Path) -> AsyncIterator[Bubblewrap]:  # noqa: ARG001 - skips without one
    made = Bubblewrap(scratch)
    await made.probe()
    yield made
    await made.close()


def sleeper(mark: str, wall_s: float = 300) -> RunSpec:
    return RunSpec(argv=(*SLEEP, mark), files={"in": b"x" * 100_000}, limits=Limits(wall_s=wall_s))


async def cancelled(running: "asyncio.Task[object]", times: int) -> None:
    for _ in range(times):
        running.cancel()
        await asyncio.sleep(0)
    await asyncio.wait({running}, timeout=PROMPT_S)
    assert running.done()
    assert running.cancelled()


@pytest.mark.parametrize("times", [1, pytest.param(3, marks=CI)])
async def test_cancelled_at_any_moment(own: Bubblewrap, times: int) -> None:
    """Also while the box is being made and while the cancelled run is being ended."""
    mark = f"ending-{os.urandom(6).hex()}"
    before = descriptors()
    ran = 0
    for number in range(CANCELLATIONS // 2):
        running = asyncio.create_task(own.run(sleeper(mark)))
        await asyncio.sleep(number * SPREAD_S * 2 / CANCELLATIONS)
        ran += bool(processes_with(mark))
        await cancelled(running, times)
        assert processes_with(mark) == []
    assert ran > CANCELLATIONS // 4  # the control: there was something to end
    assert groups_of(os.getpid()) == []
    assert descriptors() == before
    assert (await own.run(RunSpec(argv=("python3", "-I", "-c", "print(1)")))).stdout == b"1\n"


async def test_cancelled_together(own: Bubblewrap) -> None:
    mark = f"ending-{os.urandom(6).hex()}"
    before = descriptors()
    for delay_s in (0.0, 0.02, 0.05, 0.3):
        running = [asyncio.create_task(own.run(sleeper(mark))) for _ in range(8)]
        await asyncio.sleep(delay_s)
        await asyncio.gather(*(cancelled(each, 1) for each in running))
        assert processes_with(mark) == []
    assert groups_of(os.getpid()) == []
    assert descriptors() == before


async def test_timed_out_at_any_moment(own: Bubblewrap) -> None:
    """From a limit that is over before anything ran to one that cuts a program short."""
    mark = f"ending-{os.urandom(6).hex()}"
    before = descriptors()
    for number in range(CANCELLATIONS // 4):
        assert (await own.run(sleeper(mark, wall_s=number * 0.01))).reason == "timeout"
        assert processes_with(mark) == []
    assert groups_of(os.getpid()) == []
    assert descriptors() == before


@pytest.mark.parametrize("start_wait_s", [0.0, pytest.param(0.005, marks=CI), 0.01, pytest.param(0.015, marks=CI)])
async def test_a_box_that_is_not_made_in_time(
    own: Bubblewrap, monkeypatch: pytest.MonkeyPatch, start_wait_s: float
) -> None:
    mark = f"ending-{os.urandom(6).hex()}"
    before = descriptors()
    monkeypatch.setattr(monitor, "START_WAIT_S", start_wait_s)
    result = await asyncio.wait_for(own.run(sleeper(mark, wall_s=0.1)), PROMPT_S)
    assert result.reason == ("timeout" if result.exit_code is None and not result.stderr else "setup_failed")
    assert processes_with(mark) == []
    assert groups_of(os.getpid()) == []
    assert descriptors() == before


@pytest.mark.parametrize("how", [pytest.param(signal.SIGTERM, marks=CI), signal.SIGKILL])
async def test_the_owner_is_stopped_at_any_moment(scratch: Path, how: signal.Signals) -> None:
    """Stopped, it clears up itself. Killed, it leaves no program running, and the next sandbox sweeps the rest."""
    for delay_s in (0.0, 0.03, 0.06, 0.1, 0.4):
        mark = f"ending-{os.urandom(6).hex()}"
        owner = await started(OWNER, scratch, mark, b"ready\n")
        await asyncio.sleep(delay_s)
        owner.send_signal(how)
        told = time.monotonic()
        await asyncio.wait_for(owner.wait(), PROMPT_S)
        if how == signal.SIGKILL:
            await asyncio.sleep(0.1)
            await Bubblewrap(scratch).sweep()
        assert await gone(mark), delay_s
        assert time.monotonic() - told < PROMPT_S
        assert groups_of(owner.pid) == []
        assert os.listdir(scratch) == []


async def test_a_held_box_does_not_run_on_when_its_owner_is_killed(own: Bubblewrap, scratch: Path) -> None:
    """Its limits are not all in place yet; so it must end by itself, before anybody sweeps."""
    mark = f"ending-{os.urandom(6).hex()}"
    owner = await started(HOLDER, scratch, mark, b"held\n")
    assert processes_with(mark)
    owner.send_signal(signal.SIGKILL)
    await owner.wait()
    assert await gone(mark)
    await own.sweep()


async def started(code: str, scratch: Path, mark: str, ready: bytes) -> asyncio.subprocess.Process:
    """Start a separate process that runs boxes, and wait until it says that it is ready."""
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, str(scratch), mark),
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert owner.stdout is not None
    assert await asyncio.wait_for(owner.stdout.readline(), PROMPT_S) == ready
    return owner
