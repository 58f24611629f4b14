"""Memory limits of a box. A cgroup or systemd's user manager enforces them, or a watcher, which is less strict."""

import os
import resource
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from verification.sandbox.base import Limits
from verification.sandbox.cgroup import Group, Groups, find_groups, own_group, read_counter
from verification.sandbox.identity import box_user

_SCOPE_PROPERTIES = ("MemoryAccounting=yes", "MemorySwapMax=0", "TasksAccounting=yes")
MONITOR_PROCESSES = 2  # processes of bwrap itself, which runs inside the scope
ADDRESS_SPACE_FACTOR = 2  # RLIMIT_AS also counts reserved memory, so it is set to this multiple of the memory limit


class Hold(Protocol):
    """The memory limit of one run, while it applies. `oom_kills` counts how often it was exceeded.

    `close_now` frees everything that needs no wait, and returns whether that was all. Otherwise `close` must follow.
    """

    def oom_kills(self, pid: int) -> int: ...
    def peak_bytes(self) -> int | None: ...
    def close_now(self) -> bool: ...
    def close(self) -> None: ...


class Confinement(Protocol):
    """A method to confine runs. `wrap` returns a prefix for the command line of the box.

    If `together`, all processes of the run may be killed when memory runs out.
    If `holds_monitor`, bwrap itself is confined, too. Then a killed bwrap means that the run used too much memory.
    """

    name: str
    tree_memory: bool
    holds_monitor: bool

    def wrap(self, limits: Limits) -> Sequence[str]: ...
    def hold(self, pid: int, limits: Limits, *, together: bool = True) -> Hold: ...
    def sweep(self) -> int: ...


class GroupHold:
    """A run in its own cgroup."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def oom_kills(self, pid: int) -> int:  # noqa: ARG002 - the group knows its processes
        return self._group.oom_kills()

    def peak_bytes(self) -> int | None:
        return self._group.peak_bytes()

    def close_now(self) -> bool:
        return self._group.close_now()

    def close(self) -> None:
        self._group.close()


class OwnGroups:
    """Confinement by cgroups that this process creates."""

    tree_memory = True
    holds_monitor = False

    def __init__(self, groups: Groups) -> None:
        self.name = groups.name
        self._groups = groups

    def wrap(self, limits: Limits) -> Sequence[str]:  # noqa: ARG002 - nothing to prefix
        return ()

    def hold(self, pid: int, limits: Limits, *, together: bool = True) -> Hold:
        group = self._groups.create(limits, together=together)
        try:
            group.add(pid)
        except OSError:
            group.close()
            raise
        return GroupHold(group)

    def sweep(self) -> int:
        return self._groups.sweep()


class ScopeHold:
    """A run in a transient scope of systemd's user manager. The manager removes the scope after the run."""

    def __init__(self, pid: int) -> None:
        self._folder = Path("/sys/fs/cgroup") / (own_group(pid, "") or "/").lstrip("/")
        self._peak: int | None = None

    def oom_kills(self, pid: int) -> int:  # noqa: ARG002 - the scope knows its processes
        with suppress(OSError, ValueError):
            self._peak = int((self._folder / "memory.peak").read_text())
        return read_counter(self._folder / "memory.events", "oom_kill")

    def peak_bytes(self) -> int | None:
        return self._peak

    def close_now(self) -> bool:
        return True

    def close(self) -> None:
        return


class UserScopes:
    """Confinement by `systemd-run --user --scope`, for an unprivileged user with a delegated memory controller."""

    name = "systemd scope"
    tree_memory = True
    holds_monitor = True

    def wrap(self, limits: Limits) -> Sequence[str]:
        own = (f"MemoryMax={limits.memory_bytes}", f"TasksMax={limits.processes + MONITOR_PROCESSES}")
        chosen = (part for each in (*_SCOPE_PROPERTIES, *own) for part in ("-p", each))
        return ("systemd-run", "--user", "--scope", "--quiet", "--collect", *chosen, "--")

    def hold(self, pid: int, limits: Limits, *, together: bool = True) -> Hold:  # noqa: ARG002 - the limits are in the command line
        return ScopeHold(pid)

    def sweep(self) -> int:
        return 0


class WatchedHold:
    """A run without a cgroup. Each process's address space is limited, and total resident memory is checked often."""

    def __init__(self, pid: int, limits: Limits) -> None:
        space = limits.memory_bytes * ADDRESS_SPACE_FACTOR
        with box_user(dropped=os.getuid() == 0):
            resource.prlimit(pid, resource.RLIMIT_AS, (space, space))
        self._bytes_max = limits.memory_bytes
        self._peak = self._times = 0

    def oom_kills(self, pid: int) -> int:
        now = sum(_resident_bytes(each) for each in _tree(pid))
        self._peak = max(self._peak, now)
        self._times += now > self._bytes_max
        return self._times

    def peak_bytes(self) -> int | None:
        return self._peak or None

    def close_now(self) -> bool:
        return True

    def close(self) -> None:
        return


class Watched:
    """The degraded method of confinement. It does not claim to limit the memory of all processes together."""

    name = "none"
    tree_memory = False
    holds_monitor = False

    def wrap(self, limits: Limits) -> Sequence[str]:  # noqa: ARG002 - nothing to prefix
        return ()

    def hold(self, pid: int, limits: Limits, *, together: bool = True) -> Hold:  # noqa: ARG002 - the watcher kills nothing
        return WatchedHold(pid, limits)

    def sweep(self) -> int:
        return 0


def possible_confinements() -> list[Confinement]:
    """Return the methods that may work on this machine, best first. A trial run must prove that a method works.

    The degraded method is always last.
    """
    groups = find_groups()
    found: list[Confinement] = [OwnGroups(groups)] if groups else []
    if os.getuid() != 0 and shutil.which("systemd-run") and _user_manager_answers():
        found.append(UserScopes())
    return [*found, Watched()]


def _user_manager_answers() -> bool:
    folder = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    return (Path(folder) / "systemd" / "private").exists() or (Path(folder) / "bus").exists()


def _tree(pid: int) -> list[int]:
    """Return the pids of a process and of all its descendants.

    An orphaned descendant becomes a child of the box's first process, so this list contains it, too.
    """
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in os.listdir(f"/proc/{each}/task"):
                children = Path(f"/proc/{each}/task/{task}/children").read_text().split()
                found.extend(int(child) for child in children)
    return found


def _resident_bytes(pid: int) -> int:
    """Return the proportional set size if the kernel provides it, else the size of the resident pages."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0
