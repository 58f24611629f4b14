"""One box in a container, from its start to its end. The code in the box starts only after its files are written."""

import asyncio
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from domain.errors import Unavailable
from verification.sandbox.base import PROGRAMS, WORK, LiveBox, Reason, RunResult, RunSpec
from verification.sandbox.cgroup import SeenGroup, group_of
from verification.sandbox.copyout import CopyOut, copy_out
from verification.sandbox.descriptors import sealed
from verification.sandbox.dockerconfig import SOCKET, Shares
from verification.sandbox.dockerengine import Engine, EngineError
from verification.sandbox.identity import box_user
from verification.sandbox.output import Output
from verification.sandbox.remedy import not_ended
from verification.sandbox.runtime import SHM_BYTES, WRITABLE
from verification.sandbox.threshold import Threshold
from verification.sandbox.waiting import begun, end_of, forget, in_thread, settled
from verification.sandbox.workfolder import WorkFolder, folder_sizes

START_WAIT_S = 60.0  # limit from the start of the container until its first process connects, on a busy machine
END_WAIT_S = 30.0  # limit from the kill until all processes have ended, on a busy machine
WATCH_EVERY_S = 0.05
WATCH_LIVE_EVERY_S = 1.0  # for a box whose receiver of `live` watches it
LOOK_EVERY_S = 0.5  # interval between checks whether the container has ended before it connected
ENVIRONMENT = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}


class PreparedContainer(msgspec.Struct):
    """A box that waits for its order. `handle` is a pidfd of its first process. All others end with that process."""

    handle: int
    folder: WorkFolder
    group: SeenGroup | None


class DockerBox:
    """Runner of one box: it starts, watches and ends the box. Use each instance only once."""

    def __init__(self, spec: RunSpec, engine: Engine, *, name: str, place: Path) -> None:
        """`place` is the folder of this box, which is removed at the end. `name` is the container's name."""
        self._spec = spec
        self._limits = spec.limits
        self._watch_every_s = WATCH_LIVE_EVERY_S if spec.live else WATCH_EVERY_S
        self._engine = engine
        self._name = name
        self._place = place
        self._output = Output(spec.limits.output_bytes)
        self._threshold: Threshold | None = None
        self._starting: asyncio.Future[None] | None = None
        self._prepared: PreparedContainer | None = None
        self._started = self._oom_seen = False

    def _shares(self) -> Shares:
        """Create the box's folder and write its read-only files. Return the shared paths. Raises OSError."""
        door, files = self._place / "door", self._place / "files"
        for folder in (self._place, door, files):
            folder.mkdir()
            folder.chmod(0o755)  # set the mode again, because the umask may have changed it
        seen: dict[str, Path] = dict(self._spec.folders)
        for number, (inside, content) in enumerate(self._spec.read_only.items()):
            seen[inside] = files / str(number)
            seen[inside].write_bytes(content)
            seen[inside].chmod(0o555)
        self._threshold = Threshold(door / SOCKET, len(WRITABLE))
        return Shares(door, seen)

    async def run(self, config: Callable[[Shares], dict[str, Any]]) -> RunResult:
        """Run a container with the settings from `config`. Raises Unavailable if there is no engine or no image."""
        try:
            try:
                self._prepared = await self._prepare(config(await in_thread(self._shares)))
                if self._spec.live:
                    self._spec.live(self._live(self._prepared))
                self._release()
                return await self._watch(self._prepared)
            except EngineError as error:
                if error.status == 404 and not self._started:
                    raise Unavailable(
                        f"The Docker engine does not have the sandbox image: {error}.",
                        hint="Build the sandbox image with `aura sandbox build`.",
                        code="sandbox_missing",
                    ) from error
                return RunResult(reason="setup_failed", stderr=str(error).encode())
            except (OSError, ValueError) as error:
                return RunResult(reason="setup_failed", stderr=str(error).encode())
        finally:
            await self._end()

    async def _prepare(self, config: dict[str, Any]) -> PreparedContainer:
        """Start the container, wait for its first process, and write the input files."""
        self._starting = begun(lambda: self._engine.start(self._name, config))
        await asyncio.shield(self._starting)
        pid = await self._met()
        assert self._threshold is not None
        handle = os.pidfd_open(pid)
        folder = WorkFolder(dict(zip(WRITABLE, self._threshold.taken(), strict=True)))
        prepared = self._prepared = PreparedContainer(
            handle, folder, None
        )  # stored before the next steps, so that `_end` frees it if they fail
        prepared.group = group_of(pid)
        await in_thread(lambda: self._fill(prepared))
        return prepared

    async def _met(self) -> int:
        """Wait for the first process and return its pid. Raises OSError if the container ends before it connects."""
        assert self._threshold is not None
        meeting = asyncio.create_task(self._threshold.met())
        deadline = time.monotonic() + START_WAIT_S
        try:
            while not (await asyncio.wait({meeting}, timeout=LOOK_EVERY_S))[0]:
                state = await self._engine.state(self._name)
                if not state.get("Running") or time.monotonic() > deadline:
                    raise OSError(f"the container did not start: {state.get('Error') or state.get('ExitCode')}")
            return meeting.result()
        finally:
            meeting.cancel()

    def _fill(self, prepared: PreparedContainer) -> None:
        sizes = folder_sizes(self._limits, shm_bytes=SHM_BYTES)
        if prepared.folder.sizes() != sizes:
            raise OSError("the engine mounted the box's folders with wrong sizes")
        with box_user(dropped=os.getuid() == 0):
            prepared.folder.write(self._spec.files)

    def _release(self) -> None:
        assert self._threshold is not None
        order = {
            "argv": self._spec.argv,
            "env": ENVIRONMENT | dict(self._spec.env) | {"PWD": WORK},
            "folder": WORK,
            "first": self._spec.live is not None,
        }
        given: list[int] = []
        try:
            given.append(sealed(self._spec.stdin) if self._spec.door is None else os.dup(self._spec.door))
            given.append(self._output.pipe("stdout"))
            given.append(self._output.pipe("stderr"))
            given.append(sealed(json.dumps(order).encode()))
            self._threshold.order(given)
        finally:
            for descriptor in given:
                os.close(descriptor)

    async def _watch(self, prepared: PreparedContainer) -> RunResult:
        assert self._threshold is not None
        last = end_of(prepared.handle)
        started = time.monotonic()
        telling = asyncio.create_task(self._told())
        try:
            breach = await self._breach(prepared, telling)
            wall_s = time.monotonic() - started
            breach = breach or self._late_breach(prepared)
            claimed = telling.result() if telling.done() else None
        finally:
            telling.cancel()
        self._kill()
        _, pending = await asyncio.wait({last, self._output.ended}, timeout=END_WAIT_S)
        if pending:
            raise not_ended(END_WAIT_S)
        breach = breach or ("output_limit" if self._output.overflow else None)
        unseen = prepared.group is None or claimed == ""  # then only the engine knows whether memory ran out
        if breach is None and unseen and (await self._engine.state(self._name)).get("OOMKilled"):
            breach = "memory"
        stdout, stderr = self._output.of("stdout"), self._output.of("stderr")
        if breach is None and self._spec.live and claimed == "":
            claimed = 0  # the command was process 1, and nothing reports its end
        if breach is None and not isinstance(claimed, int):
            why = stderr or str(claimed or "the box's first process has ended").encode()
            return RunResult(reason="setup_failed", stdout=stdout, stderr=why, wall_s=wall_s)
        out = await in_thread(lambda: self._copy_out(prepared))
        return RunResult(
            reason=breach or "exit",
            exit_code=claimed if breach is None and isinstance(claimed, int) else None,
            stdout=stdout,
            stderr=stderr,
            files=out.files,
            refused=out.refused,
            folders=out.folders,
            wall_s=wall_s,
            peak_memory_bytes=prepared.group.peak_bytes() if prepared.group else None,
        )

    async def _told(self) -> int | str:
        """Return the command's exit code, or the reason why it did not start, or "" if no report came."""
        assert self._threshold is not None
        while told := await self._threshold.told():
            word, _, rest = told.partition(" ")
            self._started = self._started or word == "runs"
            if word == "failed":
                return rest
            if word == "exit" and self._started:
                return int(rest)
        return ""

    async def _breach(self, prepared: PreparedContainer, telling: "asyncio.Task[int | str]") -> Reason | None:
        """Wait for the end, the deadline or the first exceeded limit. Return None if the run ended by itself."""
        deadline = time.monotonic() + self._limits.wall_s
        while not (breach := self._late_breach(prepared)):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return "timeout"
            await asyncio.wait({telling}, timeout=min(self._watch_every_s, left_s))
            if telling.done():
                return None
        return breach

    def _late_breach(self, prepared: PreparedContainer) -> Reason | None:
        if self._output.overflow:
            return "output_limit"
        if self._spec.live:
            return None
        if prepared.group and prepared.group.oom_kills():
            return "memory"
        if prepared.folder.file_count() > self._limits.files:
            return "file_limit"
        return None

    @staticmethod
    def _live(prepared: PreparedContainer) -> LiveBox:
        folder, group = prepared.folder, prepared.group
        return LiveBox(
            work=folder.work, oom_kills=lambda: group.oom_kills() if group else 0, file_count=folder.file_count
        )

    def _copy_out(self, prepared: PreparedContainer) -> CopyOut:
        return copy_out(prepared.folder.work, self._spec.collect, self._limits)

    def _kill(self) -> None:
        """Kill all processes. When the first process ends, the kernel ends all others of its namespace."""
        if self._prepared:
            with suppress(ProcessLookupError, PermissionError):
                signal.pidfd_send_signal(self._prepared.handle, signal.SIGKILL)
        if self._threshold:
            self._threshold.close()

    async def _end(self) -> None:
        """Free all resources. This works at any point of the run, even if the run is cancelled several times."""
        self._kill()
        cancelled, removing = await settled(self._starting), None
        if self._starting is not None:
            unanswered = isinstance(self._starting.exception(), Unavailable)
            removing = begun(lambda: self._engine.remove(self._name, may_come=unanswered))
            cancelled = await settled(removing) or cancelled
        if self._prepared:
            forget(self._prepared.handle)
            os.close(self._prepared.handle)
            self._prepared.folder.close()
        self._output.close()
        clearing = asyncio.get_running_loop().run_in_executor(None, lambda: shutil.rmtree(self._place, True))
        cancelled = await settled(clearing) or cancelled
        if cancelled:
            raise cancelled
        if removing and (failed := removing.exception()) and not isinstance(failed, Unavailable):
            raise failed
