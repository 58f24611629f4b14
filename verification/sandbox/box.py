"""One bubblewrap box, from its start to the end of all its processes.

The code in the box starts only after the box's files are written and its limits are set.
"""

import asyncio
import os
import resource
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from verification.sandbox.base import LiveBox, Reason, RunResult, RunSpec
from verification.sandbox.confinement import Confinement, Hold
from verification.sandbox.copyout import NOTHING, CopyOut, copy_out
from verification.sandbox.identity import box_user
from verification.sandbox.monitor import Monitor
from verification.sandbox.output import Output
from verification.sandbox.remedy import not_ended
from verification.sandbox.runtime import SHM_BYTES
from verification.sandbox.waiting import end_of, forget, in_thread, settled
from verification.sandbox.workfolder import WorkFolder, folder_sizes

END_WAIT_S = 10.0  # limit from the kill to the end of the last process
WATCH_EVERY_S = 0.05
WATCH_LIVE_EVERY_S = 1.0  # for a box whose receiver of `live` watches it


def counts_processes_per_box(*, dropped: bool) -> bool:
    """Return whether the process limit counts the processes of one box only.

    Before Linux 5.14 the kernel counts all processes of a user together, in all namespaces. On such a kernel, the limit
    needs a user that only boxes have. `dropped` means that the box runs as that user.
    """
    release = os.uname().release.split(".")
    return dropped or (int(release[0]), int(release[1].partition("-")[0])) >= (5, 14)


class Prepared(msgspec.Struct):
    """A box that waits for its release. `handle` is a pidfd of its first process. All others end with that process."""

    pid: int
    handle: int
    folder: WorkFolder
    hold: Hold


class BubblewrapBox:
    """Runner of one box: it starts, watches and ends the box. Use each instance only once."""

    def __init__(self, spec: RunSpec, *, dropped: bool, confinement: Confinement, rules: bytes | None) -> None:
        """`rules` is the system call filter. `dropped` means that we are root, and the box runs as another user."""
        self._spec = spec
        self._limits = spec.limits
        self._watch_every_s = WATCH_LIVE_EVERY_S if spec.live else WATCH_EVERY_S
        self._dropped = dropped
        self._confinement = confinement
        self._rules = rules
        self._output = Output(spec.limits.output_bytes)
        self._monitor = Monitor(self._output)
        self._preparing: asyncio.Future[Prepared] | None = None
        self._prepared: Prepared | None = None

    async def run(self, command: Sequence[str], inherited: Sequence[int]) -> RunResult:
        """Run `command` and return the result.

        `command` is bwrap with its arguments. This class adds the pipes for status and release, the filter, and `argv`.
        """
        self.start(command, inherited, self._spec.stdin if self._spec.door is None else self._spec.door)
        try:
            try:
                prepared = await self.prepare()
            except (OSError, ValueError) as error:
                return await self.failed(str(error))
            return await self.watch(prepared)
        finally:
            await self.end()

    def start(self, command: Sequence[str], inherited: Sequence[int], stdin: bytes | int) -> None:
        """Start bwrap. It has no await, so that `end` ends the box at any point. Raises OSError."""
        self._monitor.start(
            (*self._confinement.wrap(self._limits), *command),
            self._spec.argv,
            inherited=inherited,
            stdin=stdin,
            rules=self._rules,
            dropped=self._dropped,
        )

    async def prepare(self) -> Prepared:
        """Wait until the box waits for its release. Raises OSError, and ValueError for a wrong path of a file."""
        self._preparing = asyncio.get_running_loop().run_in_executor(None, self._prepare)
        self._prepared = await asyncio.shield(self._preparing)
        return self._prepared

    def _prepare(self) -> Prepared:
        """Wait for the box, write its input files and set its limits. The box then waits for its release.

        This call blocks. If the box is killed, the call ends immediately.
        """
        pid = self._monitor.first_process()
        handle = os.pidfd_open(pid)
        folder = hold = None
        try:
            sizes = folder_sizes(self._limits, shm_bytes=SHM_BYTES)
            folder = WorkFolder.of_box(pid, handle, sizes)
            with box_user(dropped=self._dropped):
                self.furnish(folder)
                self._limit_processes(pid)
            hold = self._confinement.hold(pid, self._limits, together=self._spec.live is None)
        except BaseException:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
            for part in (folder, hold):
                if part:
                    part.close()
            raise
        return Prepared(pid, handle, folder, hold)

    def furnish(self, folder: WorkFolder) -> None:
        """Write the files that are in the box at its release. It runs in a thread, as the box's user."""
        folder.write(self._spec.files)

    def begin(self) -> None:
        """Let the program start."""
        self._monitor.release()

    def _limit_processes(self, pid: int) -> None:
        """Set the limits that each process of the box inherits.

        The kernel counts processes per user namespace, and each box has its own.
        """
        each = {
            resource.RLIMIT_NOFILE: self._limits.open_files,
            resource.RLIMIT_FSIZE: self._limits.file_bytes,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MSGQUEUE: 0,
            resource.RLIMIT_MEMLOCK: 0,
        }
        if counts_processes_per_box(dropped=self._dropped):
            each[resource.RLIMIT_NPROC] = self._limits.processes
        for what, value in each.items():
            _, hard = resource.prlimit(pid, what)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.prlimit(pid, what, (value, value))

    async def watch(self, prepared: Prepared) -> RunResult:
        """Start the program, wait until it ends or exceeds a limit, and return the result."""
        last = end_of(prepared.handle)
        if self._spec.live:
            self._spec.live(self._live(prepared))
        started = time.monotonic()
        self.begin()
        breach = await self._breach(prepared)
        wall_s = time.monotonic() - started
        self._kill()
        # bwrap can end a moment before the box's processes. Read the files only after all processes have ended.
        await self._ended(last)
        breach = breach or self._late_breach(prepared)
        claimed = self._monitor.claimed_exit()
        if claimed is None and breach is None and self._confinement.holds_monitor and self._monitor.died_of_a_signal():
            breach = "memory"
        stdout, stderr = self._output.of("stdout"), self._output.of("stderr")
        if breach is None and claimed is None:
            return RunResult(reason="setup_failed", stdout=stdout, stderr=stderr, wall_s=wall_s)
        out = await in_thread(lambda: self._copy_out(prepared)) if self._spec.collect else NOTHING
        return RunResult(
            reason=breach or "exit",
            exit_code=None if breach else claimed,
            stdout=stdout,
            stderr=stderr,
            files=out.files,
            refused=out.refused,
            folders=out.folders,
            wall_s=wall_s,
            peak_memory_bytes=prepared.hold.peak_bytes(),
        )

    async def _breach(self, prepared: Prepared) -> Reason | None:
        """Wait for the end, the deadline or the first exceeded limit. Return None if the run ended by itself."""
        assert self._monitor.ended is not None
        deadline = time.monotonic() + self._limits.wall_s
        while not (breach := self._late_breach(prepared)):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return "timeout"
            await asyncio.wait({self._monitor.ended}, timeout=min(self._watch_every_s, left_s))
            if self._monitor.ended.done():
                return None
        return breach

    def _late_breach(self, prepared: Prepared) -> Reason | None:
        if self._output.overflow:
            return "output_limit"
        if self._spec.live:
            return None
        if prepared.hold.oom_kills(prepared.pid):
            return "memory"
        if prepared.folder.file_count() > self._limits.files:
            return "file_limit"
        return None

    @staticmethod
    def _live(prepared: Prepared) -> LiveBox:
        folder, hold, pid = prepared.folder, prepared.hold, prepared.pid
        return LiveBox(work=folder.work, oom_kills=lambda: hold.oom_kills(pid), file_count=folder.file_count)

    def _copy_out(self, prepared: Prepared) -> CopyOut:
        return copy_out(prepared.folder.work, self._spec.collect, self._limits)

    def _kill(self) -> None:
        """Kill all processes. Before the release this kills bwrap's process group, after it the box's first process."""
        if self._prepared:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._prepared.handle, signal.SIGKILL)
        self._monitor.kill()

    async def failed(self, why: str) -> RunResult:
        """End a box that could not be prepared, and return the result."""
        self._kill()
        await self._ended()
        stdout, stderr = self._output.of("stdout"), self._output.of("stderr")
        return RunResult(reason="setup_failed", stdout=stdout, stderr=stderr or why.encode())

    async def _ended(self, *last: "asyncio.Future[None]") -> None:
        """Wait until bwrap and all other processes of the box have ended. Raises Unavailable after END_WAIT_S."""
        assert self._monitor.ended is not None
        _, pending = await asyncio.wait({self._monitor.ended, self._output.ended, *last}, timeout=END_WAIT_S)
        if pending:
            raise not_ended(END_WAIT_S)

    async def end(self) -> None:
        """Free all resources. This works at any point of the run, even if the run is cancelled several times."""
        self._kill()
        cancelled = await settled(self._preparing)  # the thread cannot be interrupted, but it ends after the kill
        if self._preparing and not self._preparing.cancelled() and self._preparing.exception() is None:
            self._prepared = self._preparing.result()
            self._kill()
        cancelled = await settled(self._monitor.ended, self._output.ended) or cancelled
        self._monitor.close()
        if self._prepared:
            forget(self._prepared.handle)
            os.close(self._prepared.handle)
            self._prepared.folder.close()
            if not self._prepared.hold.close_now():
                closing = asyncio.get_running_loop().run_in_executor(None, self._prepared.hold.close)
                cancelled = await settled(closing) or cancelled
        if cancelled:
            raise cancelled
