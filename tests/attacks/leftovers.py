"""The things that may remain after a run: processes, control groups, scratch folders and descriptors."""

import asyncio
import contextlib
import os
import re
import time
from pathlib import Path

from tests.docker import ENGINE_PREFIX, ENGINES

PATIENCE_S = 30.0


def processes_with(mark: str) -> list[int]:
    """Return the processes, except zombies, whose command line contains the mark."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def groups_of(pid: int) -> list[str]:
    """Return the control groups of boxes whose owner is `pid`."""
    pattern = re.compile(rf"^aura-box-\d+-{pid}-")
    return [name for _, folders, _ in os.walk("/sys/fs/cgroup") for name in folders if pattern.match(name)]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def gone(mark: str) -> bool:
    """Whether no process has the mark any more. It waits briefly, because the kernel may need time."""
    deadline = time.monotonic() + PATIENCE_S
    while processes_with(mark):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


def children() -> list[int]:
    """Return the child processes of this process, including zombies."""
    found: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):  # that thread has just ended
            found += map(int, path.read_text().split())
    return sorted(found)


def mounts() -> list[str]:
    """Return the mount points of this process that boxes might have added.

    Tests of another process may use an engine of their own at the same time. Its mounts are left out.
    """
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    ours = [line for line in lines if ENGINES not in line or ENGINE_PREFIX in line]
    return sorted(line.split()[4] for line in ours if "aura" in line)
