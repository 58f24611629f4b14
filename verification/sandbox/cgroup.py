"""Control groups (cgroups), versions 1 and 2. Only a cgroup can limit the memory of all processes of a run together."""

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from verification.sandbox.base import Limits
from verification.sandbox.orphans import new_tag, orphans_in

COUNTERS_BYTES_MAX = 4096  # size of a cgroup file with counters
EMPTY_WAIT_S = 2.0  # limit from the kill of a group until it is empty


class Group(Protocol):
    """The cgroup of one run."""

    def add(self, pid: int) -> None: ...
    def oom_kills(self) -> int: ...
    def peak_bytes(self) -> int | None: ...
    def close_now(self) -> bool: ...
    def close(self) -> None: ...


class Groups(Protocol):
    """A place where this process may create cgroups."""

    name: str

    def create(self, limits: Limits, *, together: bool = True) -> Group: ...
    def sweep(self) -> int: ...


class GroupV1:
    """A cgroup of version 1 with the memory controller, and with the pids controller if it is available."""

    def __init__(self, memory: Path, pids: Path | None, limits: Limits) -> None:
        tag = new_tag()
        self._memory = memory / tag
        self._pids = pids / tag if pids else None
        self._counter = Counter(self._memory / "memory.oom_control", "oom_kill")
        self._memory.mkdir()
        try:
            _set(self._memory / "memory.limit_in_bytes", limits.memory_bytes)
            with suppress(OSError):  # the kernel may not count swap
                _set(self._memory / "memory.memsw.limit_in_bytes", limits.memory_bytes)
            if self._pids:
                self._pids.mkdir()
                _set(self._pids / "pids.max", limits.processes)
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        for folder in self._folders():
            _set(folder / "cgroup.procs", pid)

    def oom_kills(self) -> int:
        return self._counter.read()

    def peak_bytes(self) -> int | None:
        return int((self._memory / "memory.max_usage_in_bytes").read_text())

    def close_now(self) -> bool:
        self._counter.close()
        left = [folder for folder in self._folders() if not _removed(folder)]
        return not left

    def close(self) -> None:
        self._counter.close()
        for folder in self._folders():
            remove_group(folder)

    def _folders(self) -> list[Path]:
        return [self._memory, self._pids] if self._pids else [self._memory]


class GroupsV1:
    """Creator of cgroups below the cgroups of this process, so that the limits of this process still apply."""

    name = "cgroup v1"

    def __init__(self, memory: Path, pids: Path | None) -> None:
        self._memory = memory
        self._pids = pids

    def create(self, limits: Limits, *, together: bool = True) -> Group:  # noqa: ARG002 - version 1 kills one process
        return GroupV1(self._memory, self._pids, limits)

    def sweep(self) -> int:
        places = [place for place in (self._memory, self._pids) if place]
        return sum(remove_group(found) for place in places for found in orphans_in(place))


class GroupV2:
    """A cgroup of version 2. If `together`, the kernel kills all its processes when memory runs out, else only one."""

    def __init__(self, parent: Path, limits: Limits, *, together: bool = True) -> None:
        self._folder = parent / new_tag()
        self._counter = Counter(self._folder / "memory.events", "oom_kill")
        self._folder.mkdir()
        try:
            _set(self._folder / "memory.max", limits.memory_bytes)
            _set(self._folder / "memory.oom.group", int(together))
            with suppress(OSError):  # there may be no swap controller
                _set(self._folder / "memory.swap.max", 0)
            with suppress(OSError):  # without the pids controller, RLIMIT_NPROC applies
                _set(self._folder / "pids.max", limits.processes)
        except OSError:
            self.close()
            raise

    def add(self, pid: int) -> None:
        _set(self._folder / "cgroup.procs", pid)

    def oom_kills(self) -> int:
        return self._counter.read()

    def peak_bytes(self) -> int | None:
        peak = self._folder / "memory.peak"  # exists since Linux 5.19
        return int(peak.read_text()) if peak.exists() else None

    def close_now(self) -> bool:
        self._counter.close()
        return _removed(self._folder)

    def close(self) -> None:
        self._counter.close()
        remove_group(self._folder)


class GroupsV2:
    """Creator of cgroups below a cgroup folder that delegates the memory controller to its children."""

    name = "cgroup v2"

    def __init__(self, parent: Path) -> None:
        self._parent = parent

    def create(self, limits: Limits, *, together: bool = True) -> Group:
        return GroupV2(self._parent, limits, together=together)

    def sweep(self) -> int:
        return sum(remove_group(found) for found in orphans_in(self._parent))


class SeenGroup:
    """A cgroup that another program created. Its peak memory is the last value that was read before it was removed."""

    def __init__(self, events: Path, peak: Path) -> None:
        self._events = events
        self._peak_at = peak
        self._peak: int | None = None

    def oom_kills(self) -> int:
        with suppress(OSError, ValueError):
            self._peak = int(self._peak_at.read_text())
        return read_counter(self._events, "oom_kill")

    def peak_bytes(self) -> int | None:
        return self._peak


def group_of(pid: int) -> SeenGroup | None:
    """Return the memory cgroup of a process, or None if this process cannot read it."""
    tops = [(top, "memory", "memory.oom_control", "memory.max_usage_in_bytes") for top in _mounts("cgroup", "memory")]
    tops += [(top, "", "memory.events", "memory.peak") for top in _mounts("cgroup2", "")]
    for top, controller, events, peak in tops:
        folder = top / (own_group(pid, controller) or "/").lstrip("/")
        if folder != top and (folder / events).is_file():
            return SeenGroup(folder / events, folder / peak)
    return None


def find_groups() -> Groups | None:
    """Return a creator of cgroups after it has created one as a test. Return None if this process has no permission."""
    for groups in (*_candidates_v1(), *_candidates_v2()):
        try:
            groups.create(Limits()).close()
        except OSError:
            continue
        return groups
    return None


def own_group(pid: int | str, controller: str) -> str | None:
    """Return the path of a process's cgroup, read from /proc. `controller` is "" for cgroup version 2."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return path
    return None


def _mounts(kind: str, option: str) -> list[Path]:
    lines = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    parts = ((line[4], line[line.index("-") + 1], line[-1]) for line in lines if "-" in line)
    return [
        Path(where) for where, what, options in parts if what == kind and (not option or option in options.split(","))
    ]


def _candidates_v1() -> list[Groups]:
    def places(controller: str) -> list[Path]:
        own = own_group("self", controller)
        tops = _mounts("cgroup", controller)
        return [place for top in tops for place in (top / (own or "/").lstrip("/"), top) if place.is_dir()]

    pids: list[Path | None] = [place for place in places("pids") if os.access(place, os.W_OK)]
    return [GroupsV1(memory, (pids or [None])[0]) for memory in places("memory")]


def _candidates_v2() -> list[Groups]:
    own = own_group("self", "")
    found: list[Groups] = []
    for top in _mounts("cgroup2", ""):
        here = top / (own or "/").lstrip("/")
        for place in (here, *here.parents):
            if place == top.parent:
                break
            control = place / "cgroup.subtree_control"
            with suppress(OSError):
                if "memory" not in control.read_text().split():
                    control.write_text("+memory +pids")
                found.append(GroupsV2(place))
    return found


class Counter:
    """One value of a cgroup file with lines `key value`. The file stays open, because it is read many times."""

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._line = re.compile(rf"^{key} (\d+)$".encode(), re.MULTILINE)
        self._file = -1

    def read(self) -> int:
        """Return the value, or 0 if the file or the key does not exist."""
        try:
            if self._file < 0:
                self._file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            found = self._line.search(os.pread(self._file, COUNTERS_BYTES_MAX, 0))
        except OSError:
            return 0
        return int(found[1]) if found else 0

    def close(self) -> None:
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def read_counter(path: Path, key: str) -> int:
    """Return one value of a cgroup file with lines `key value`, or 0 if the file or key does not exist."""
    counter = Counter(path, key)
    try:
        return counter.read()
    finally:
        counter.close()


def _set(path: Path, value: int) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC)
    try:
        os.write(file, str(value).encode())
    finally:
        os.close(file)


def _removed(folder: Path) -> bool:
    """Remove a cgroup if it is empty, and return whether it does not exist any more."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def remove_group(folder: Path) -> int:
    """Kill the processes of a cgroup and remove it. Return 1 if it was removed, or 0 after EMPTY_WAIT_S."""
    deadline = time.monotonic() + EMPTY_WAIT_S
    while True:
        if _removed(folder):
            return 1
        with suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text().split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        if time.monotonic() > deadline:
            return 0
        time.sleep(0.005)
