"""Owner tags. Each folder, cgroup and bwrap names its owner process. If the owner has ended, others remove them."""

import os
import re
import secrets
import shutil
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path

PREFIX = "aura-box"
_MARK = "--unsetenv"
_TAG = re.compile(rf"^{PREFIX}-(\d+)-(\d+)-(\d+)-[0-9a-f]+$")


def new_tag() -> str:
    """Return a new unique tag that contains this process's pid namespace, pid and start time."""
    return f"{_tag_of(os.getpid())}-{secrets.token_hex(4)}"


@cache
def _tag_of(pid: int) -> str:
    return f"{PREFIX}-{_pid_namespace()}-{pid}-{_started_at(pid)}"


def is_orphan(name: str) -> bool:
    """Return whether `name` is a tag of this pid namespace and its owner process has ended.

    Return False for tags of other namespaces, because their processes cannot be seen.
    """
    found = _TAG.match(name)
    if found is None or int(found[1]) != _pid_namespace():
        return False
    return _started_at(int(found[2])) != int(found[3])


def orphans_in(folder: Path) -> list[Path]:
    """Return the entries of `folder` whose owner process has ended."""
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if is_orphan(name)]
    except OSError:
        return []


def sweep_folders(parent: Path) -> int:
    """Remove the folders in `parent` that belong to dead processes of this user. Return their number.

    Several processes may do this at the same time.
    """
    swept = 0
    for folder in orphans_in(parent):
        with suppress(FileNotFoundError):  # another process removed it first
            if folder.lstat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


def owner_mark() -> tuple[str, str]:
    """Return arguments for bwrap that put the owner's tag on its command line, where every process can read it."""
    return (_MARK, new_tag())


def end_orphans() -> int:
    """Kill every bwrap process whose owner process has ended. Return their number.

    Usually the kernel ends bwrap with its owner, but not if the owner dies while it starts bwrap.
    """
    ended = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and _bears_orphan_mark(Path("/proc") / name / "cmdline"):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(int(name), signal.SIGKILL)
                ended += 1
    return ended


def _bears_orphan_mark(command_line: Path) -> bool:
    try:
        words = command_line.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return _MARK in words and is_orphan(words[words.index(_MARK) + 1])


def _pid_namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def _started_at(pid: int) -> int | None:
    """Return a process's start time in clock ticks since boot, or None if there is no such process.

    The start time distinguishes a process from a later process with the same pid.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])
