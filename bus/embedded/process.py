"""A process as the kernel knows it: a pid and its start time, so that a number used again is never mistaken for it."""

import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec

POLL_S = 0.02
END_GRACE_S = 10.0


class ProcessId(msgspec.Struct, frozen=True):
    """One process of one boot. `started` is opaque; it only ever compares as equal or not."""

    pid: int
    started: str


def identify(pid: int) -> ProcessId | None:
    """The process that bears this pid now; None when there is none or it is only waiting to be reaped."""
    started = _started(pid)
    return None if started is None else ProcessId(pid, started)


def alive(process: ProcessId | None) -> bool:
    return process is not None and _started(process.pid) == process.started


def end(process: ProcessId, stop_signal: int = signal.SIGTERM, grace_s: float = END_GRACE_S) -> bool:
    """Ends exactly this process: the stop signal, then SIGKILL after `grace_s`. True when it is gone."""
    for number, wait_s in ((stop_signal, grace_s), (signal.SIGKILL, END_GRACE_S)):
        if not send(process, number) or gone(process, wait_s):
            return True
    return False


def gone(process: ProcessId, wait_s: float) -> bool:
    """Waits up to `wait_s` for its end; True when it has ended. Blocks."""
    deadline = time.monotonic() + wait_s
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def send(process: ProcessId, number: int) -> bool:
    """Sends the signal to exactly this process; False when it is gone."""
    if not alive(process):
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _started(pid: int) -> str | None:
    proc = Path("/proc/self/stat")
    return _started_linux(pid) if proc.exists() else _started_ps(pid)


def _started_linux(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in "ZX":
        return None
    return f"{_boot()}:{fields[19]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "boot"


def _started_ps(pid: int) -> str | None:
    """Where there is no /proc (macOS): the start time to the second, as ps prints it."""
    said = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = said.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
