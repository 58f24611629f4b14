"""A child process that runs to its end. If its caller ends at any moment, the child ends, too."""

import asyncio
import subprocess
import sys
import time

import pytest

from tests.attacks.leftovers import children, descriptors
from verification.sandbox.child_process import run_program

SLEEP = ("sleep", "60")
STEPS = 12
WALL_S = 60.0
PROMPT_S = 20.0


async def test_its_status_and_output_are_its_own() -> None:
    code = "import sys; print(sys.stdin.read()); print('e', file=sys.stderr); sys.exit(3)"
    done = await run_program((sys.executable, "-c", code), wall_s=WALL_S, stdin=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in\n", b"e\n")
    with pytest.raises(OSError, match="no-such-program"):
        await run_program(("no-such-program",), wall_s=WALL_S)


async def test_its_deadline_ends_it_and_all_that_it_started() -> None:
    before = children()
    with pytest.raises(TimeoutError):
        await run_program(("sh", "-c", "sleep 60 & sleep 60"), wall_s=0.1)
    assert children() == before


@pytest.mark.parametrize("times", [1, 2])
async def test_it_is_cancelled_at_any_moment(times: int) -> None:
    await asyncio.to_thread(lambda: None)  # what is opened once stays
    before = children(), descriptors()
    for steps in range(STEPS):
        running = asyncio.create_task(run_program(SLEEP, wall_s=WALL_S))
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(times):
            running.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (children(), descriptors()) == before, steps


@pytest.mark.parametrize("steps", range(STEPS))
def test_the_loop_ends_at_any_moment(steps: int) -> None:
    """With asyncio.create_subprocess_exec the end of the loop waits for ever at most of these moments."""
    before, began = (children(), descriptors()), time.monotonic()

    async def leave() -> None:
        running = asyncio.create_task(run_program(SLEEP, wall_s=WALL_S))
        for _ in range(steps):
            await asyncio.sleep(0)
        assert not running.done()

    asyncio.run(leave())
    assert (children(), descriptors()) == before
    assert time.monotonic() - began < PROMPT_S


def test_a_program_that_is_left_is_seen() -> None:
    """The control."""
    before = children()
    left = subprocess.Popen(SLEEP)
    assert children() != before
    left.kill()
    left.wait()
    assert children() == before
