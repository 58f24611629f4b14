"""The end of a command: a task that is left over does not keep the process."""

import subprocess
import sys

CODE = """
import asyncio
from director.cli.output import Door

async def loses_a_cancel():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.Event().wait()

async def work():
    asyncio.create_task(loses_a_cancel())
    await asyncio.sleep(0)

{run}
print("ended")
"""
END_WAIT_S = 30
HANGS_S = 1.5


def ended(run: str, wait_s: float) -> bool:
    """Return whether a process ends that runs this code."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", CODE.format(run=run)], timeout=wait_s, capture_output=True, text=True, check=True
        )
    except subprocess.TimeoutExpired:
        return False
    return done.stdout == "ended\n"


def test_a_task_that_loses_a_cancel_does_not_keep_the_process() -> None:
    assert ended('Door("x", as_json=False).run(work())', END_WAIT_S)


def test_control_the_event_loop_alone_waits_for_it() -> None:
    assert not ended("asyncio.run(work())", HANGS_S)
    assert ended("asyncio.run(asyncio.sleep(0))", END_WAIT_S)
