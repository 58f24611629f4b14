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

print("begun", flush=True)
{run}
print("ended")
"""
END_WAIT_S = 120
HANGS_S = 1.5


def ended(run: str, wait_s: float) -> bool:
    """Return whether a process that has begun to run this code ends in this time."""
    command = [sys.executable, "-c", CODE.format(run=run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.kill()
            return False
        # `communicate` would lose the lines that came together with the first one.
        return (process.returncode, process.stdout.read()) == (0, "ended\n")


def test_a_task_that_loses_a_cancel_does_not_keep_the_process() -> None:
    assert ended('Door("x", as_json=False).run(work())', END_WAIT_S)


def test_control_the_event_loop_alone_waits_for_it() -> None:
    assert not ended("asyncio.run(work())", HANGS_S)
    assert ended("asyncio.run(asyncio.sleep(0))", END_WAIT_S)
