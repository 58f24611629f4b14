"""The bwrap process: it waits until its release and reports how the run ended. It can be killed with its box."""

import asyncio
import json
import os
import select
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from verification.sandbox.descriptors import sealed
from verification.sandbox.output import Output
from verification.sandbox.runtime import BOX_UID
from verification.sandbox.waiting import end_of, forget

START_WAIT_S = 20.0  # bwrap's own start, under load
STATUS_BYTES_MAX = 4096
NOTHING_MADE = "bwrap ended before it had made the box"
_SESSION_KEYS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # systemd-run needs them to find its manager


class Monitor:
    """One bwrap process with its pipes. Use once: `start`, `release`, `kill`, and `close` after its end.

    It leads a process group. The box's first process stays in this group until the release, so that one signal ends
    both. It is not enough to kill bwrap: before the release nothing else would end that process, and it keeps the
    output open. The leader is reaped only in `close`, so that its number stays the group's number.
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
        """Start bwrap. There is no await, so a cancellation cannot come before the process is known. Raises OSError.

        `stdin` is the content of standard input, or a descriptor; the box gets a copy of it. `rules`, the system call
        filter, are sent at the release. If this process dies before, the box reads no filter and ends, instead of
        running without its limits.
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
            owner = BOX_UID if dropped else None
            self._process = subprocess.Popen(
                [*command, *options, "--", *argv],
                stdin=given[-3],
                stdout=given[-2],
                stderr=given[-1],
                pass_fds=passed,
                env={key: os.environ[key] for key in _SESSION_KEYS if key in os.environ} | {"PATH": "/usr/bin:/bin"},
                cwd="/",
                user=owner,
                group=owner,
                extra_groups=[] if dropped else None,
                start_new_session=True,
            )
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
        """Wait for the box's first process and return its pid. It blocks. Raises OSError."""
        text = b""
        while b"\n" not in text:
            ready = readable(self._status, START_WAIT_S)
            part = os.read(self._status, STATUS_BYTES_MAX) if ready else b""
            if not part:
                raise OSError(NOTHING_MADE if ready else "bwrap did not make the box in time")
            text += part
        return int(json.loads(text.partition(b"\n")[0])["child-pid"])

    def release(self) -> None:
        """Let the box continue. If it has ended meanwhile, its end is noticed later."""
        with suppress(BrokenPipeError):
            if self._filter >= 0:
                os.write(self._filter, self._rules)
                os.close(self._filter)
                self._filter = -1
            os.write(self._release, b"\n")

    def kill(self) -> None:
        """End bwrap and, before the release, the box."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def claimed_exit(self) -> int | None:
        """Return the exit code after the end.

        bwrap reports one only if `argv` really started; None means that nothing ran.
        """
        os.set_blocking(self._status, False)
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(self._status, STATUS_BYTES_MAX):
                text += part
        told = [json.loads(line) for line in text.splitlines()]
        return next((int(each["exit-code"]) for each in told if "exit-code" in each), None)

    def died_of_a_signal(self) -> bool:
        """Return, after the end, whether bwrap itself was killed."""
        assert self._process is not None
        told = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return told is not None and told.si_code in (os.CLD_KILLED, os.CLD_DUMPED)

    def close(self) -> None:
        """Reap bwrap after its end, and close our descriptors."""
        if self.ended:
            forget(self._handle)
        if self._process:
            self._process.wait()
        for descriptor in (self._handle, self._status, self._release, self._filter):
            if descriptor >= 0:
                os.close(descriptor)
        self._handle = self._status = self._release = self._filter = -1
        self._output.close()


def readable(descriptor: int, wait_s: float) -> bool:
    """Wait until there is something to read, or for a pidfd until the process has ended.

    It blocks; False if it timed out.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))


def _pipe(given: list[int], *, ours: int) -> tuple[int, int]:
    """Create a pipe. Return our end (0 reads, 1 writes) and the other end, which is also added to `given`."""
    ends = os.pipe2(os.O_CLOEXEC)
    given.append(ends[1 - ours])
    return ends[ours], ends[1 - ours]
