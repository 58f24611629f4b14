"""Child processes that never outlive their caller.

asyncio's own subprocesses do not guarantee this. If an event loop ends while it starts a subprocess, it cancels an
internal task that must finish first, and then waits without end (Python 3.11).
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from verification.sandbox.waiting import settled


async def run_program(
    command: Sequence[str],
    *,
    wall_s: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program and return its exit status and output.

    At the deadline `wall_s`, and when the caller is cancelled, it kills the program and its process group. Raises
    TimeoutError after the deadline, and OSError if the program does not start.
    """
    process = _started(command, cwd, env)
    talking: asyncio.Future[tuple[bytes, bytes]] | None = None
    try:
        talking = asyncio.get_running_loop().run_in_executor(None, process.communicate, stdin)
        async with asyncio.timeout(wall_s):
            stdout, stderr = await asyncio.shield(talking)
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if cancelled := await settled(talking):
            raise cancelled
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def _started(command: Sequence[str], cwd: Path | None, env: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    """Start a process. The function has no await, so the caller knows the process before it can be cancelled."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env, start_new_session=True)
