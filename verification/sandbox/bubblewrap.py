"""The bubblewrap sandbox. Each run has its own namespaces, no network, a read-only runtime and bounded folders."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from domain.errors import Unavailable
from verification.sandbox.base import MIB, PROGRAMS, PYTHON, WORK, Capabilities, Limits, RunResult, RunSpec, with_room
from verification.sandbox.box import BubblewrapBox, counts_processes_per_box
from verification.sandbox.confinement import Confinement, possible_confinements
from verification.sandbox.descriptors import sealed
from verification.sandbox.image import find_image
from verification.sandbox.orphans import end_orphans, new_tag, owner_mark, sweep_folders
from verification.sandbox.pool import BoxPool
from verification.sandbox.pool_size import PoolSize
from verification.sandbox.pooled_box import PooledBox
from verification.sandbox.program import Program, find_program, reachable
from verification.sandbox.remedy import must_know_user, temporary_folder, unavailable, unwritable
from verification.sandbox.runtime import BOX_UID, SHM_BYTES, WRITABLE, reachable_folder, view_arguments
from verification.sandbox.syscalls import filter_program
from verification.sandbox.view import host_digest, image_arguments
from verification.sandbox.waiting import in_thread
from verification.sandbox.workfolder import folder_sizes

CANARY_WALL_S = 20.0
CANARY_MEMORY_BYTES = 64 * MIB
_NAMESPACES = (
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-net",
    "--unshare-uts",
    "--unshare-cgroup-try",
)
_MANNERS = (
    "--disable-userns",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--clearenv",
    "--hostname",
    "box",
)
_ENVIRONMENT = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}


class Bubblewrap:
    """A Sandbox with bwrap. Root runs bwrap as an unprivileged user. No code ever runs without confinement."""

    def __init__(
        self,
        scratch: Path | None = None,
        *,
        store: Path | None = None,
        confinements: Callable[[], Sequence[Confinement]] = possible_confinements,
        pool: PoolSize | None = None,
    ) -> None:
        """Create a sandbox. It starts no process before `probe`.

        `scratch` is the folder for the few files that boxes share read-only. Its default is in the system's temporary
        folder. `store` may contain a built root file system. If none matches, boxes see this machine's interpreter and
        libraries. `confinements` are tried in order, and the sandbox uses the first that passes its trial runs.
        With `pool`, boxes wait for later runs.
        """
        self._store = store
        self._image = ""
        self._rootfs: Path | None = None
        self._confinements = confinements
        self._wanted = scratch
        self._dropped = os.getuid() == 0
        self._uid = BOX_UID if self._dropped else os.getuid()
        self._ready: Capabilities | None = None
        self._starting = asyncio.Lock()
        self._scratch: Path | None = None
        self._program: Program | None = None
        self._confinement: Confinement | None = None
        self._view: list[str] = []
        self._filter = filter_program()
        self.pool = BoxPool(self._waiting_box, pool) if pool and self._filter is not None else None

    async def probe(self) -> Capabilities:
        """Prove by trial runs which limits this machine enforces. Only the first call runs them. Raises Unavailable."""
        async with self._starting:
            if self._ready is None:
                await self.sweep()
                await in_thread(self._set_up)
                self._ready = await self._proven()
            return self._ready

    async def run(self, spec: RunSpec) -> RunResult:
        """Run a command in a new box. Raises Unavailable if no box starts on this machine."""
        if not all(place.exists() for place in (self._scratch, self._rootfs) if place):
            await self.close()  # the temporary files were removed, or another image was built
        await self.probe()
        assert self._confinement is not None
        if self.pool is None:
            return await self._run(with_room(spec), self._confinement)
        with self.pool.busy():
            return await self.pool.play(spec) or await self._run(with_room(spec), self._confinement)

    async def sweep(self) -> int:
        """End the processes and remove the folders and cgroups of sandboxes whose owner process has ended.

        Return the number of ended and removed things.
        """
        return await in_thread(self._sweep)

    async def close(self) -> None:
        """End the waiting boxes and remove the shared files. The next use of the sandbox sets it up again."""
        if self.pool is not None:
            await self.pool.close()
        self._ready = None
        scratch, self._scratch = self._scratch, None
        if scratch:
            await in_thread(lambda: shutil.rmtree(scratch, ignore_errors=True))

    def keep_boxes(self, wanted: bool) -> None:
        """Say whether boxes may wait for later runs. It has no effect without a pool."""
        if self.pool is not None:
            self.pool.keep(wanted)

    @property
    def _parent(self) -> Path:
        """Return the parent of the scratch folder. Raises Unavailable if no temporary folder can be written."""
        return self._wanted or temporary_folder()

    def _set_up(self) -> None:
        if self._dropped:
            must_know_user(self._uid)
        parent = self._parent
        try:
            if self._scratch is None:
                parent.mkdir(parents=True, exist_ok=True)
                parent = parent if reachable(parent, self._uid) else temporary_folder()
                scratch = parent / new_tag()
                scratch.mkdir(mode=0o700)
                scratch.chmod(0o755 if self._dropped else 0o700)
                self._scratch = scratch
            self._program = find_program(self._scratch, uid=self._uid)
            image = find_image(self._store) if self._store else None
            self._rootfs = image.rootfs if image and reachable(image.rootfs, self._uid) else None
            if image and self._rootfs:
                self._view, self._image = image_arguments(image.rootfs), image.digest
            else:
                self._view, self._image = view_arguments(self._scratch, uid=self._uid), host_digest()
        except OSError as error:  # includes shutil.Error, a collection of errors
            raise unwritable(parent, error) from error

    def _sweep(self) -> int:
        swept = end_orphans() + sum(confinement.sweep() for confinement in self._confinements())
        return swept + sweep_folders(self._parent)

    async def _proven(self) -> Capabilities:
        """Choose the first confinement that passes its trial runs, and return the limits that it enforces.

        A harmless run must pass. If the confinement claims to limit memory, it must end a run that exceeds the limit.
        """
        assert self._program is not None
        failed = RunResult(reason="setup_failed")
        for confinement in await in_thread(self._confinements):
            nonce = secrets.token_hex(8)
            honest = RunSpec(argv=(PYTHON, "-I", "-S", "-c", f"print('{nonce}')"), limits=Limits(wall_s=CANARY_WALL_S))
            failed = await self._run(honest, confinement)
            if failed.reason != "exit" or failed.stdout.decode(errors="replace").strip() != nonce:
                continue
            if confinement.tree_memory and not await self._bounds_memory(confinement):
                continue
            self._confinement = confinement
            return Capabilities(
                backend=f"bubblewrap {self._program.version}",
                confinement=confinement.name,
                tree_memory=confinement.tree_memory,
                processes=self._bounds_processes(confinement),
                syscall_filter=self._filter is not None,
                not_held=self._not_held(confinement),
                image=self._image,
            )
        raise unavailable(failed)

    def _not_held(self, confinement: Confinement) -> tuple[str, ...]:
        held = {
            "tree memory": confinement.tree_memory,
            "processes": self._bounds_processes(confinement),
            "system calls": self._filter is not None,
        }
        return tuple(name for name, is_held in held.items() if not is_held)

    def _bounds_processes(self, confinement: Confinement) -> bool:
        return confinement.tree_memory or counts_processes_per_box(dropped=self._dropped)

    async def _bounds_memory(self, confinement: Confinement) -> bool:
        greedy = f"x = bytearray({CANARY_MEMORY_BYTES * 3}); print(len(x))"
        limits = Limits(wall_s=CANARY_WALL_S, memory_bytes=CANARY_MEMORY_BYTES)
        result = await self._run(RunSpec(argv=(PYTHON, "-I", "-S", "-c", greedy), limits=limits), confinement)
        return result.reason == "memory"

    async def _run(self, spec: RunSpec, confinement: Confinement) -> RunResult:
        try:
            async with self._command(spec) as (command, inherited):
                box = BubblewrapBox(spec, dropped=self._dropped, confinement=confinement, rules=self._filter)
                return await box.run(command, inherited)
        except FileNotFoundError as error:  # another process removed the file
            raise Unavailable(
                f"Another process removed a file that a box needs: {error.filename}.",
                hint="Start the command again.",
                code="sandbox_missing",
            ) from error
        except OSError as error:  # the machine has no process, descriptor or space available; the code is not at fault
            return RunResult(reason="setup_failed", stderr=str(error).encode())

    async def _waiting_box(self, template: RunSpec) -> PooledBox | None:
        """Make a box that waits for its run. Return None if that fails: then the run gets a new box and its error."""
        assert self._confinement is not None
        try:
            async with self._command(template) as (command, inherited):
                box = PooledBox(template, dropped=self._dropped, confinement=self._confinement, rules=self._filter)
                return box if await box.made(command, inherited) else None
        except OSError:
            return None

    @asynccontextmanager
    async def _command(self, spec: RunSpec) -> AsyncIterator[tuple[list[str], list[int]]]:
        """Yield bwrap with its arguments, and the descriptors that it inherits. Raises OSError."""
        assert self._program is not None
        contents: dict[str, int] = {}
        try:
            folders = await in_thread(lambda: self._reachable(spec)) if spec.folders else {}
            for path, content in spec.read_only.items():
                contents[path] = sealed(content)
            yield (
                [
                    str(self._program.path),
                    *_NAMESPACES,
                    *_MANNERS,
                    *(("--as-pid-1",) if spec.live else ()),
                    *owner_mark(),
                    *self._arguments(spec, contents, folders),
                ],
                list(contents.values()),
            )
        finally:
            for descriptor in contents.values():
                os.close(descriptor)

    def _reachable(self, spec: RunSpec) -> dict[str, Path]:
        assert self._scratch is not None
        scratch = self._scratch
        return {inside: reachable_folder(outside, scratch, uid=self._uid) for inside, outside in spec.folders.items()}

    def _arguments(self, spec: RunSpec, contents: dict[str, int], folders: dict[str, Path]) -> list[str]:
        arguments = ["--uid", str(BOX_UID), "--gid", str(BOX_UID), *self._view, "--proc", "/proc", "--dev", "/dev"]
        for path, descriptor in contents.items():
            arguments += ["--perms", "0555", "--ro-bind-data", str(descriptor), path]
        for inside, outside in folders.items():
            arguments += ["--ro-bind", str(outside), inside]
        sizes = folder_sizes(spec.limits, shm_bytes=SHM_BYTES)
        for folder in WRITABLE:
            arguments += ["--perms", "0700", "--size", str(sizes[folder]), "--tmpfs", folder]
        for name, folder in spec.links.items():
            arguments += ["--symlink", folder, name]
        for key, value in (_ENVIRONMENT | dict(spec.env)).items():
            arguments += ["--setenv", key, value]
        return [*arguments, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", WORK]
