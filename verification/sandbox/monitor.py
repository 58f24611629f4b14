"""The bwrap process of a box. It waits for its release, and reports the exit status of the code."""

import asyncio
import json
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import nullcontext, suppress

from verification.sandbox.descriptors import sealed
from verification.sandbox.identity import can_start_as_box_user, starting_as_box_user
from verification.sandbox.output import Output
from verification.sandbox.runtime import BOX_UID
from verification.sandbox.waiting import end_of, forget

START_WAIT_S = 20.0  # limit for the start of bwrap itself, on a busy machine
STATUS_BYTES_MAX = 4096
NOTHING_MADE = "bwrap ended before it had made the box"
_SESSION_KEYS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # systemd-run needs them to find its manager


class Monitor:
    """One bwrap process with its pipes. Use it once: `start`, `release`, `kill`, and after its end `close`.

    bwrap leads a process group. Until the release, the box's first process belongs to this group, so that one signal
    kills both. To kill only bwrap is not enough: before the release the first process would continue and keep the
    output open. bwrap is reaped only in `close`, so that no other process group can get its number.
    """

    def __init__(self, output: Output) -> None:
        self.ended: asyncio.Future[None] | None = None
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._handle = self._status = self._release = self._filter = -1
        self._rules = b""

    def start(
        self,
        command: Sequence[str],
        argv: Sequence[str],
        *,
        inherited: Sequence[int],
        stdin: bytes | int,
        rules: bytes | None,
        dropped: bool,
    ) -> None:
        """Start bwrap. The method has no await, so it stores the process before it can be cancelled. Raises OSError.

        `stdin` is the content of standard input, or a descriptor that the box gets a copy of. `rules` is the system
        call filter. It is sent at the release. If this process dies before the release, the box gets no filter and
        ends, so it never runs without its limits.
        """
        given: list[int] = []
        try:
            self._status, status = _pipe(given, ours=0)
            self._release, held = _pipe(given, ours=1)
            options = ["--json-status-fd", str(status), "--block-fd", str(held)]
            if rules is not None:
                self._rules = rules
                self._filter, read = _pipe(given, ours=1)
                options += ["--seccomp", str(read)]
            passed = (*given, *inherited)
            given.append(sealed(stdin) if isinstance(stdin, bytes) else os.dup(stdin))
            given.append(self._output.pipe("stdout"))
            given.append(self._output.pipe("stderr"))
            self._process = _started([*command, *options, "--", *argv], given[-3:], passed, dropped=dropped)
            self._handle = os.pidfd_open(self._process.pid)
            self.ended = end_of(self._handle)
        except BaseException:
            self.kill()
            self.close()
            raise
        finally:
            for descriptor in given:
                os.close(descriptor)

    def first_process(self) -> int:
        """Wait for the box's first process and return its pid. This call blocks. Raises OSError if there is no box."""
        text = b""
        while b"\n" not in text:
            ready = readable(self._status, START_WAIT_S)
            part = os.read(self._status, STATUS_BYTES_MAX) if ready else b""
            if not part:
                raise OSError(NOTHING_MADE if ready else "bwrap did not make the box in time")
            text += part
        return int(json.loads(text.partition(b"\n")[0])["child-pid"])

    def release(self) -> None:
        """Let the box start the code. If the box has already ended, do nothing: the caller notices the end later."""
        with suppress(BrokenPipeError):
            if self._filter >= 0:
                os.write(self._filter, self._rules)
                os.close(self._filter)
                self._filter = -1
            os.write(self._release, b"\n")

    def kill(self) -> None:
        """Kill bwrap. Before the release, this also kills the box."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def claimed_exit(self) -> int | None:
        """Return the exit code that bwrap reported. Call it after the end.

        bwrap reports an exit code only if `argv` really started. None means that `argv` did not run.
        """
        os.set_blocking(self._status, False)
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(self._status, STATUS_BYTES_MAX):
                text += part
        told = [json.loads(line) for line in text.splitlines()]
        return next((int(each["exit-code"]) for each in told if "exit-code" in each), None)

    def died_of_a_signal(self) -> bool:
        """Return whether a signal killed bwrap itself. Call it after the end."""
        assert self._process is not None
        told = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return told is not None and told.si_code in (os.CLD_KILLED, os.CLD_DUMPED)

    def close(self) -> None:
        """Reap bwrap and close our descriptors. Call it after bwrap's end."""
        if self.ended:
            forget(self._handle)
        if self._process:
            self._process.wait()
        for descriptor in (self._handle, self._status, self._release, self._filter):
            if descriptor >= 0:
                os.close(descriptor)
        self._handle = self._status = self._release = self._filter = -1
        self._output.close()


def _started(
    command: Sequence[str], streams: Sequence[int], passed: Sequence[int], *, dropped: bool
) -> subprocess.Popen[bytes]:
    """Start a program with these three standard streams. If `dropped`, it runs as the box's user.

    Python copies the whole process before it changes the user of a child, and shares the memory with the child
    otherwise. So this thread changes its own user for the moment of the start, where that is equal.
    """
    shares = dropped and can_start_as_box_user()
    owner = BOX_UID if dropped and not shares else None
    with starting_as_box_user() if shares else nullcontext():
        return subprocess.Popen(
            command,
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            pass_fds=passed,
            env={key: os.environ[key] for key in _SESSION_KEYS if key in os.environ} | {"PATH": "/usr/bin:/bin"},
            cwd="/",
            user=owner,
            group=owner,
            extra_groups=None if owner is None else [],
            start_new_session=True,
        )


def readable(descriptor: int, wait_s: float) -> bool:
    """Wait until the descriptor has data to read. A pidfd is readable when its process has ended.

    This call blocks. Return False if `wait_s` passed first.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))


def _pipe(given: list[int], *, ours: int) -> tuple[int, int]:
    """Create a pipe and return our end and the other end. `ours` is 0 to read, 1 to write.

    The other end is also added to `given`.
    """
    ends = os.pipe2(os.O_CLOEXEC)
    given.append(ends[1 - ours])
    return ends[ours], ends[1 - ours]
