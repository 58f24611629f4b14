"""CPU time of the processes that this process has started, from /proc: the servers, and boxes that have ended."""

import os
import resource
from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
ENDED = "processes that have ended"


def cpu_of_children() -> dict[str, float]:
    """Return seconds of CPU time by program name, for all running descendants and for the ended children.

    A server's time contains its ended children: Postgres has one process for each connection.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = {ENDED: ended.ru_utime + ended.ru_stime}
    ticks = os.sysconf("SC_CLK_TCK")
    found = dict(_stat(folder) for folder in PROC.glob("[0-9]*") if (folder / "stat").exists())
    for pid, (name, _, used) in found.items():
        if _descends(pid, found):
            seconds[name] = seconds.get(name, 0.0) + used / ticks
    return seconds


def spent_between(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """Return the seconds of each program between two readings, the most first. Programs without time are left out."""
    spent = {name: seconds - before.get(name, 0.0) for name, seconds in after.items()}
    return {name: seconds for name, seconds in sorted(spent.items(), key=lambda each: -each[1]) if seconds > 0.0005}


def _stat(folder: Path) -> tuple[int, tuple[str, int, int]]:
    """Return (process id, (name, id of the parent, CPU time in clock ticks)). An ended process has no parent."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return int(folder.name), ("", 0, 0)
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return int(folder.name), (name, int(rest[1]), sum(map(int, rest[11:15])))


def _descends(pid: int, found: Mapping[int, tuple[str, int, int]]) -> bool:
    """Return whether a process is a child of this process, or a child of such a child."""
    own, at = os.getpid(), pid
    while at in found and found[at][1]:
        at = found[at][1]
        if at == own:
            return True
    return False
