"""A process that crashes writes where it was. On a signal, it writes the same and continues."""

import signal
import subprocess
import sys

TELL = "from bus import crash_dump; crash_dump.tell();"
FAULT = """
import ctypes, resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
def fault():
    ctypes.string_at(0)
fault()
"""


def said_by(program: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={"PYTHONPATH": "."},
    )
    return done.returncode, done.stderr


def test_a_fault_leaves_the_place_where_it_happened() -> None:
    code, stderr = said_by(f"{TELL}{FAULT}")
    assert code == -signal.SIGSEGV
    assert "Segmentation fault" in stderr
    assert "in fault" in stderr


def test_without_it_a_fault_says_nothing() -> None:
    """The control."""
    assert said_by(FAULT) == (-signal.SIGSEGV, "")


def test_a_process_says_what_it_is_doing_and_goes_on() -> None:
    asked = "import os, signal\ndef work(): os.kill(os.getpid(), signal.SIGUSR1)\nwork(); raise SystemExit(3)"
    code, stderr = said_by(f"{TELL}{asked}")
    assert code == 3
    assert "in work" in stderr
    assert said_by(asked)[0] == -signal.SIGUSR1


def test_a_closed_standard_error_is_no_obstacle() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -c "{TELL} raise SystemExit(3)" 2>&-', sys.executable],
        timeout=240,
        check=False,
        env={"PYTHONPATH": "."},
    )
    assert done.returncode == 3


WAITING = """
import asyncio, os, signal
async def inner(): await asyncio.Event().wait()
async def outer(): await inner()
async def main():
    task = asyncio.create_task(outer(), name="reader")
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGUSR1)
    task.cancel()
asyncio.run(main())
raise SystemExit(3)
"""


def test_each_task_of_the_event_loop_is_told_with_where_it_waits() -> None:
    code, stderr = said_by(f"{TELL}{WAITING}")
    assert code == 3
    _, reader = stderr.split("Task reader")
    assert [line.rpartition(" in ")[2] for line in reader.splitlines()[1:4]] == ["outer", "inner", "wait"]
