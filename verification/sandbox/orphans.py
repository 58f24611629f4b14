"""Owner tags: each folder, cgroup and bwrap names its owner process, so that another process can remove orphans."""

import os
import re
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path

PREFIX = "aura-box"
_MARK = "--unsetenv"
_TAG = re.compile(rf"^{PREFIX}-(\d+)-(\d+)-(\d+)-[0-9a-f]+$")


def new_tag() -> str:
    """Return a new name with pid namespace, pid and start time of this process."""
    pid = os.getpid()
    return f"{PREFIX}-{_pid_namespace()}-{pid}-{_started_at(pid)}-{secrets.token_hex(4)}"


def is_orphan(name: str) -> bool:
    """Return whether `name` is a tag of this pid namespace without a living owner.

    Tags of other namespaces are not judged.
    """
    found = _TAG.match(name)
    if found is None or int(found[1]) != _pid_namespace():
        return False
    return _started_at(int(found[2])) != int(found[3])


def orphans_in(folder: Path) -> list[Path]:
    """Return the entries of `folder` with dead owners."""
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if is_orphan(name)]
    except OSError:
        return []


def sweep_folders(parent: Path) -> int:
    """Remove the folders in `parent` that this user's dead processes left.

    Return the number. Others may do the same.
    """
    swept = 0
    for folder in orphans_in(parent):
        with suppress(FileNotFoundError):  # another process was faster
            if folder.lstat().st_uid == os.getuid():
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
    return swept


def owner_mark() -> tuple[str, str]:
    """Return arguments for bwrap that only show the owner's tag on the command line, where everybody can read it."""
    return (_MARK, new_tag())


def end_orphans() -> int:
    """Kill every bwrap with a dead owner.

    Return the number. The kernel misses one if its owner dies during the start.
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
    """Return the start time in clock ticks since boot.

    It distinguishes a process from a later one with the same pid.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(stat.rpartition(")")[2].split()[19])
