"""Identity of a process: its pid and its start time. A reused pid has another start time."""

import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec

POLL_S = 0.02
END_GRACE_S = 10.0


class ProcessId(msgspec.Struct, frozen=True):
    """Identity of one process within one boot of the machine. `started` is opaque: only compare it for equality."""

    pid: int
    started: str


def identify(pid: int) -> ProcessId | None:
    """Return the process that now has this pid, or None if no process has it or the process waits to be reaped."""
    started = _started(pid)
    return None if started is None else ProcessId(pid, started)


def alive(process: ProcessId | None) -> bool:
    return process is not None and _started(process.pid) == process.started


def end(process: ProcessId, stop_signal: int = signal.SIGTERM, grace_s: float = END_GRACE_S) -> bool:
    """End exactly this process: send the stop signal, then SIGKILL after `grace_s`. Return whether it has ended."""
    for number, wait_s in ((stop_signal, grace_s), (signal.SIGKILL, END_GRACE_S)):
        if not send(process, number) or gone(process, wait_s):
            return True
    return False


def gone(process: ProcessId, wait_s: float) -> bool:
    """Wait up to `wait_s` for the end of the process. Return whether it has ended. Blocks."""
    deadline = time.monotonic() + wait_s
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def send(process: ProcessId, number: int) -> bool:
    """Send the signal to exactly this process. Return False if the process has ended."""
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
    """Return the start time, to the second, as ps prints it. For systems without /proc (macOS)."""
    listed = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = listed.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
