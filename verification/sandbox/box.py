"""One box: a bwrap process from its start, held until everything is in place, to the end of all it started."""

import asyncio
import json
import os
import resource
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from verification.sandbox.base import Reason, RunResult, RunSpec
from verification.sandbox.confinement import Confinement, Hold
from verification.sandbox.copyout import CopyOut, copy_out
from verification.sandbox.descriptors import sealed
from verification.sandbox.identity import box_user
from verification.sandbox.runtime import BOX_UID, SHM_BYTES, TMP_BYTES
from verification.sandbox.workfolder import WorkFolder, folder_sizes

START_WAIT_S = 20.0  # bwrap's own start, under load
END_WAIT_S = 10.0  # from the kill to the end of the last process
WATCH_EVERY_S = 0.05
STATUS_BYTES_MAX = 4096
READ_BYTES = 65536


def counts_processes_per_box(*, dropped: bool) -> bool:
    """Before Linux 5.14 a user's processes are counted everywhere: then the limit fits only a user of the box's own."""
    release = os.uname().release.split(".")
    return dropped or (int(release[0]), int(release[1].partition("-")[0])) >= (5, 14)


class Prepared(msgspec.Struct):
    """A box that waits for its release. `handle` is a pidfd of its first process, whose end is the end of all."""

    pid: int
    handle: int
    folder: WorkFolder
    hold: Hold


class Box:
    """Starts, watches and ends one run. Use once."""

    def __init__(self, spec: RunSpec, *, dropped: bool, confinement: Confinement) -> None:
        self._spec = spec
        self._limits = spec.limits
        self._dropped = dropped  # we are root and the box is not
        self._confinement = confinement
        self._status = -1
        self._release = -1
        self._prepared: Prepared | None = None
        self._output_left = spec.limits.output_bytes
        self._overflow = False

    async def run(self, command: Sequence[str], inherited: Sequence[int]) -> RunResult:
        """Runs `command`, which is bwrap with all its arguments but those for status, hold and `argv`."""
        process = await self._start(command, inherited)
        streams = (process.stdout, process.stderr)
        readers = [asyncio.create_task(self._read(stream)) for stream in streams if stream]
        preparing = asyncio.create_task(asyncio.to_thread(self._prepare))
        try:
            try:
                self._prepared = await asyncio.shield(preparing)
            except (OSError, ValueError) as error:
                return await self._failed(process, readers, str(error))
            return await self._watch(process, readers)
        finally:
            await self._end(process, preparing, readers)

    async def _start(self, command: Sequence[str], inherited: Sequence[int]) -> asyncio.subprocess.Process:
        self._status, status = os.pipe2(os.O_CLOEXEC)
        held, self._release = os.pipe2(os.O_CLOEXEC)
        stdin = sealed(self._spec.stdin)
        owner = BOX_UID if self._dropped else None
        try:
            return await asyncio.create_subprocess_exec(
                *self._confinement.wrap(self._limits),
                *command,
                *("--json-status-fd", str(status), "--block-fd", str(held), "--", *self._spec.argv),
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(status, held, *inherited),
                env={
                    key: os.environ[key] for key in ("XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS") if key in os.environ
                }
                | {"PATH": "/usr/bin:/bin"},
                cwd="/",
                user=owner,
                group=owner,
                extra_groups=[] if self._dropped else None,
            )
        except BaseException:
            self._close_pipes()
            raise
        finally:
            for descriptor in (status, held, stdin):
                os.close(descriptor)

    def _prepare(self) -> Prepared:
        """Blocking: waits for the held box, fills its folder and sets its limits."""
        pid = self._first_process()
        handle = os.pidfd_open(pid)
        folder = hold = None
        try:
            sizes = folder_sizes(self._limits, tmp_bytes=TMP_BYTES, shm_bytes=SHM_BYTES)
            folder = WorkFolder.of_box(pid, sizes)
            with box_user(dropped=self._dropped):
                folder.write(self._spec.files)
                self._limit_processes(pid)
            hold = self._confinement.hold(pid, self._limits)
        except BaseException:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
            for part in (folder, hold):
                if part:
                    part.close()
            raise
        return Prepared(pid, handle, folder, hold)

    def _first_process(self) -> int:
        deadline = time.monotonic() + START_WAIT_S
        text = b""
        while b"\n" not in text:
            ready, _, _ = select.select([self._status], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._status, STATUS_BYTES_MAX) if ready else b""
            if not part:
                raise OSError(
                    "bwrap ended before it had made the box" if ready else "bwrap did not make the box in time"
                )
            text += part
        return int(json.loads(text.partition(b"\n")[0])["child-pid"])

    def _limit_processes(self, pid: int) -> None:
        """Limits that each process of the box inherits. The count of processes is per user namespace, so per box."""
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

    async def _watch(self, process: asyncio.subprocess.Process, readers: list[asyncio.Task[bytes]]) -> RunResult:
        assert self._prepared is not None
        started = time.monotonic()
        os.write(self._release, b"\n")
        breach = await self._breach(process)
        wall_s = time.monotonic() - started
        self._kill()
        await asyncio.wait_for(process.wait(), END_WAIT_S)
        stdout, stderr = await asyncio.gather(*readers)
        await asyncio.to_thread(self._wait_for_the_last)
        breach = breach or self._late_breach()
        claimed = self._claimed_exit()
        if claimed is None and breach is None and self._confinement.holds_monitor and (process.returncode or 0) < 0:
            breach = "memory"
        if breach is None and claimed is None:
            return RunResult(reason="setup_failed", stdout=stdout, stderr=stderr, wall_s=wall_s)
        out = await asyncio.to_thread(self._copy_out)
        return RunResult(
            reason=breach or "exit",
            exit_code=None if breach else claimed,
            stdout=stdout,
            stderr=stderr,
            files=out.files,
            refused=out.refused,
            wall_s=wall_s,
            peak_memory_bytes=self._prepared.hold.peak_bytes(),
        )

    async def _breach(self, process: asyncio.subprocess.Process) -> Reason | None:
        """Waits for the end, the deadline or the first limit that is passed; None for an end of its own."""
        ended = asyncio.create_task(process.wait())
        watching = asyncio.create_task(self._first_breach())
        try:
            await asyncio.wait({ended, watching}, timeout=self._limits.wall_s, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                return watching.result()
            return None if ended.done() else "timeout"
        finally:
            for task in (ended, watching):
                task.cancel()
            await asyncio.gather(ended, watching, return_exceptions=True)

    def _wait_for_the_last(self) -> None:
        """Blocking: bwrap may end a moment before the processes of its box, and files are read only after those."""
        assert self._prepared is not None
        if not select.select([self._prepared.handle], [], [], END_WAIT_S)[0]:
            raise TimeoutError(f"the box did not end within {END_WAIT_S:g} s of its kill")

    async def _first_breach(self) -> Reason:
        while True:
            breach = self._late_breach()
            if breach:
                return breach
            await asyncio.sleep(WATCH_EVERY_S)

    def _late_breach(self) -> Reason | None:
        assert self._prepared is not None
        if self._overflow:
            return "output_limit"
        if self._prepared.hold.out_of_memory(self._prepared.pid):
            return "memory"
        if self._prepared.folder.file_count() > self._limits.files:
            return "file_limit"
        return None

    async def _read(self, stream: asyncio.StreamReader) -> bytes:
        """Reads to the end, but keeps no more than what both streams may hold together."""
        kept = bytearray()
        while part := await stream.read(READ_BYTES):
            kept += part[: self._output_left]
            if len(part) > self._output_left:
                self._overflow = True
            self._output_left = max(0, self._output_left - len(part))
        return bytes(kept)

    def _copy_out(self) -> CopyOut:
        assert self._prepared is not None
        return copy_out(self._prepared.folder.work, self._spec.collect, self._limits)

    def _claimed_exit(self) -> int | None:
        """bwrap tells an exit code only when `argv` was really started; without one nothing ran."""
        os.set_blocking(self._status, False)
        text = b""
        with suppress(BlockingIOError):
            while part := os.read(self._status, STATUS_BYTES_MAX):
                text += part
        for line in text.splitlines():
            told = json.loads(line)
            if "exit-code" in told:
                return int(told["exit-code"])
        return None

    def _kill(self) -> None:
        """The end of a pid namespace's first process is the end of all its processes."""
        if self._prepared:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._prepared.handle, signal.SIGKILL)

    async def _failed(
        self, process: asyncio.subprocess.Process, readers: list[asyncio.Task[bytes]], why: str
    ) -> RunResult:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        stdout, stderr = await asyncio.gather(*readers)
        return RunResult(reason="setup_failed", stdout=stdout, stderr=stderr or why.encode())

    async def _end(
        self,
        process: asyncio.subprocess.Process,
        preparing: "asyncio.Task[Prepared]",
        readers: list[asyncio.Task[bytes]],
    ) -> None:
        """Leaves nothing behind, also when the run is cancelled or fails in between."""
        self._kill()
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.wait({preparing})  # its thread cannot be interrupted; the dead process ends it
        if not preparing.cancelled() and preparing.exception() is None:
            self._prepared = preparing.result()
            self._kill()
        await process.wait()
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
        self._close_pipes()
        if self._prepared:
            os.close(self._prepared.handle)
            self._prepared.folder.close()
            await asyncio.to_thread(self._prepared.hold.close)

    def _close_pipes(self) -> None:
        for descriptor in (self._status, self._release):
            if descriptor >= 0:
                os.close(descriptor)
        self._status = self._release = -1
