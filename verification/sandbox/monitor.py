"""bwrap as a process: held until it is released, asked how the run ended, and killed with its box at any moment."""

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
_SESSION_KEYS = ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")  # systemd-run finds its manager by them


class Monitor:
    """One bwrap process with its pipes. Use once: `start`, `release`, `kill`, and `close` after its end.

    It leads a process group in which the box's first process stays until the release, so that one signal ends both. To
    kill bwrap alone is not enough: until bwrap has told that process to go on, nothing else would ever end it, and it
    holds the output open. The leader is reaped in `close` and not before, so that its number stays the group's.
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
        """Starts bwrap; it never awaits, so nothing comes between a process and its being known. Raises OSError.

        `stdin` is what can be read there, or a descriptor of which the box gets a copy.
        `rules`, the system call filter, are given at the release: if this process dies before, the box reads none and
        ends, instead of running without its limits.
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
        """Blocking: the box's first process, as soon as bwrap has made it. Raises OSError."""
        text = b""
        while b"\n" not in text:
            ready = readable(self._status, START_WAIT_S)
            part = os.read(self._status, STATUS_BYTES_MAX) if ready else b""
            if not part:
                raise OSError(NOTHING_MADE if ready else "bwrap did not make the box in time")
            text += part
        return int(json.loads(text.partition(b"\n")[0])["child-pid"])

    def release(self) -> None:
        """Lets the box go on. One that has ended meanwhile is found by its end."""
        with suppress(BrokenPipeError):
            if self._filter >= 0:
                os.write(self._filter, self._rules)
                os.close(self._filter)
                self._filter = -1
            os.write(self._release, b"\n")

    def kill(self) -> None:
        """Ends bwrap and, until its release, the box."""
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def claimed_exit(self) -> int | None:
        """After the end: bwrap tells an exit code only when `argv` was really started; without one nothing ran."""
        os.set_blocking(self._status, False)
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(self._status, STATUS_BYTES_MAX):
                text += part
        told = [json.loads(line) for line in text.splitlines()]
        return next((int(each["exit-code"]) for each in told if "exit-code" in each), None)

    def died_of_a_signal(self) -> bool:
        """After the end: bwrap itself was killed."""
        assert self._process is not None
        told = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return told is not None and told.si_code in (os.CLD_KILLED, os.CLD_DUMPED)

    def close(self) -> None:
        """After the end: reaps bwrap and closes what is ours."""
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
    """Blocking: True once there is something to read, or for a pidfd once the process has ended."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(wait_s * 1000))


def _pipe(given: list[int], *, ours: int) -> tuple[int, int]:
    """A pipe's end that is ours (0 reads, 1 writes) and the other, which is noted in `given`."""
    ends = os.pipe2(os.O_CLOEXEC)
    given.append(ends[1 - ours])
    return ends[ours], ends[1 - ours]
