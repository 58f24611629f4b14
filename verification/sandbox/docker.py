"""The Docker sandbox: each run gets a new container without network and capabilities. Only its tmpfs is writable."""

import asyncio
import secrets
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

from domain.errors import Unavailable
from verification.sandbox.base import MIB, PYTHON, Capabilities, Limits, RunResult, RunSpec, with_room
from verification.sandbox.dockerbox import DockerBox
from verification.sandbox.dockerconfig import box_config
from verification.sandbox.dockerengine import (
    DEFAULT_HOST,
    OWNER_LABEL,
    SANDBOX_LABEL,
    Engine,
    EngineError,
    EngineImage,
)
from verification.sandbox.dockerimage import links_archive
from verification.sandbox.image import DIGEST_LABEL, RECIPE_LABEL, recipe
from verification.sandbox.orphans import is_orphan, new_tag, sweep_folders
from verification.sandbox.remedy import temporary_folder, unwritable
from verification.sandbox.syscalls import filter_profile
from verification.sandbox.waiting import begun, in_thread, settled

CANARY_WALL_S = 20.0
CANARY_MEMORY_BYTES = 64 * MIB
CANARY_PROCESSES = 24
LAYERED = "aura-box-links"
BUILD = "Build the sandbox image with `aura sandbox build`."


class Docker:
    """A Sandbox with a Docker engine of this machine and the image that `aura sandbox build` made."""

    def __init__(self, host: str = DEFAULT_HOST, *, image: str | None = None, scratch: Path | None = None) -> None:
        """Create a sandbox. It starts no process before `probe`.

        `image` names an image to use instead of the image built from this Python. `scratch` is the parent of the folder
        for the boxes' sockets.
        """
        self._engine = Engine(host)
        self._wanted = image
        self._given = scratch
        self._scratch: Path | None = None
        self._image = EngineImage("", {})
        self._owner = ""  # label of all containers and images of this sandbox; it is set before the first request
        self._ready: Capabilities | None = None
        self._starting = asyncio.Lock()
        self._layering = asyncio.Lock()
        self._layered: dict[tuple[tuple[str, str], ...], str] = {}
        self._rules = filter_profile()

    async def probe(self) -> Capabilities:
        """Prove by trial runs which limits this engine enforces. Only the first call runs them. Raises Unavailable."""
        async with self._starting:
            if self._ready is None:
                version = await self._set_up()
                self._ready = await self._proven(version)
            return self._ready

    async def run(self, spec: RunSpec) -> RunResult:
        """Run a command in a new container. Raises Unavailable if there is no engine or no image."""
        await self.probe()
        return await self._run(with_room(spec))

    def keep_boxes(self, wanted: bool) -> None:
        """Do nothing: containers never wait."""

    async def sweep(self) -> int:
        """Remove containers, images and folders of sandboxes whose owner process has ended. Return their number."""
        return await self._removed_of(is_orphan) + await in_thread(partial(sweep_folders, self._parent))

    async def close(self) -> None:
        """Remove the boxes' folder, and the containers and images that the engine made for this sandbox.

        This includes containers and images of requests that got no answer. The next use sets the sandbox up again.
        """
        self._ready = None
        self._layered = {}
        cancelled = None
        if self._owner:
            clearing = begun(lambda: self._removed_of(self._owner.__eq__))
            cancelled = await settled(clearing)
            # After a failure, the next use sweeps again. After this process has ended, other processes do so, too.
            with suppress(Unavailable):
                clearing.result()
        scratch, self._scratch = self._scratch, None
        if scratch:
            await in_thread(lambda: shutil.rmtree(scratch, ignore_errors=True))
        if cancelled:
            raise cancelled

    async def _removed_of(self, chosen: Callable[[str], bool]) -> int:
        """Remove the containers and images of the chosen owners. Return their number. Raises Unavailable."""
        try:
            containers = await self._engine.containers()
            removed = [await self._engine.remove(each) for each, owner in containers.items() if chosen(owner)]
            images = await self._engine.images(SANDBOX_LABEL)
            left = [each.id for each in images if chosen(each.labels.get(OWNER_LABEL, ""))]
            removed += [await self._engine.remove_image(each) for each in left]
        except EngineError as error:
            raise self._unavailable(str(error)) from error
        return sum(removed)

    @property
    def _parent(self) -> Path:
        """Return the parent of the sockets' folder. Raises Unavailable if no temporary folder can be written."""
        return self._given or temporary_folder()

    async def _set_up(self) -> str:
        """Sweep, find the image and create the sockets' folder. Return the engine's version."""
        if not self._engine.socket.exists():
            raise Unavailable(
                f"There is no Docker engine at {self._engine.host}.",
                hint="Start it, name its socket in AURA_DOCKER_HOST, or leave AURA_SANDBOX at auto.",
                code="sandbox_missing",
            )
        version = await self._engine.version()
        await self.sweep()
        if self._owner:
            await self._removed_of(self._owner.__eq__)
        self._owner = self._owner or new_tag()
        found = await self._engine.images(f"{RECIPE_LABEL}={recipe()}" if self._wanted is None else DIGEST_LABEL)
        # Skip image layers with links: they inherit the labels of their base image.
        built = [each for each in found if SANDBOX_LABEL not in each.labels]
        fitting = [each for each in built if self._wanted in (None, each.id, each.labels.get(DIGEST_LABEL))]
        if not fitting:
            raise Unavailable("The Docker engine does not have the sandbox image.", hint=BUILD, code="sandbox_missing")
        self._image = fitting[0]
        if self._scratch is None:
            try:
                self._parent.mkdir(parents=True, exist_ok=True)
                scratch = self._parent / new_tag()
                scratch.mkdir(mode=0o700)
            except OSError as error:
                raise unwritable(self._parent, error) from error
            self._scratch = scratch
        return version

    async def _proven(self, version: str) -> Capabilities:
        nonce = secrets.token_hex(8)
        honest = await self._canary(f"print('{nonce}')")
        if honest.reason != "exit" or honest.stdout.decode(errors="replace").strip() != nonce:
            raise self._unavailable(honest.stderr.decode(errors="replace").strip() or f"it ended with {honest.reason}")
        greedy = f"x = bytearray({CANARY_MEMORY_BYTES * 3}); print(len(x))"
        async with asyncio.TaskGroup() as group:
            memory, forks, calls = (group.create_task(self._canary(code)) for code in (greedy, _FORKS, _CALLS))
        held = {
            "tree memory": memory.result().reason == "memory",
            "processes": forks.result().stdout == b"bounded\n",
            "system calls": self._rules is not None and calls.result().stdout == b"refused\n",
        }
        return Capabilities(
            backend=f"docker {version}",
            confinement="container",
            tree_memory=held["tree memory"],
            processes=held["processes"],
            syscall_filter=held["system calls"],
            not_held=tuple(name for name, is_held in held.items() if not is_held),
            image=self._image.labels.get(DIGEST_LABEL, ""),
        )

    async def _canary(self, code: str) -> RunResult:
        limits = Limits(wall_s=CANARY_WALL_S, memory_bytes=CANARY_MEMORY_BYTES, processes=CANARY_PROCESSES)
        return await self._run(RunSpec(argv=(PYTHON, "-I", "-S", "-c", code), limits=limits))

    async def _run(self, spec: RunSpec) -> RunResult:
        assert self._scratch is not None
        tag = new_tag()
        image = await self._image_with(spec.links)
        box = DockerBox(spec, self._engine, name=tag, place=self._scratch / tag)
        return await box.run(
            lambda shares: box_config(image, spec.limits, shares, owner=self._owner, rules=self._rules)
        )

    async def _image_with(self, links: Mapping[str, str]) -> str:
        """Return the id of the image, or of a new layer with these links. A running box cannot create them itself."""
        if not links:
            return self._image.id
        wanted = tuple(sorted(links.items()))
        async with self._layering:
            if wanted not in self._layered:
                base, archive, tag = self._image.id, links_archive(links), new_tag()
                labels = {SANDBOX_LABEL: "links", OWNER_LABEL: self._owner}
                making = begun(lambda: self._engine.layered(base, archive, LAYERED, tag, labels))
                cancelled = await settled(making)  # so that `close` knows the new image and removes it
                try:
                    self._layered[wanted] = making.result()
                except EngineError as error:
                    raise self._unavailable(str(error)) from error
                if cancelled:
                    raise cancelled
            return self._layered[wanted]

    def _unavailable(self, why: str) -> Unavailable:
        return Unavailable(
            f"No box starts on the Docker engine at {self._engine.host}: {why}. Without a box, no code runs.",
            hint="Set AURA_SANDBOX=bubblewrap, or run this process on the same machine as the engine.",
            code="sandbox_refused",
        )


_FORKS = f"""
import os, time
for made in range({CANARY_PROCESSES} * 2):
    try:
        if os.fork() == 0:
            time.sleep(60)
    except OSError:
        print("bounded")
        break
"""
_CALLS = """
import ctypes, os, socket
call = ctypes.CDLL(None, use_errno=True).syscall
def error(*arguments):
    return ctypes.get_errno() if call(*arguments) == -1 else 0
try:
    socket.socket(16, 3)
except OSError as refused:
    family = refused.errno
numbers = {"x86_64": (425, 447, 250, 272), "aarch64": (425, 447, 219, 97)}[os.uname().machine]
print("refused" if {error(each, 0, 0, 0, 0) for each in numbers} == {1} and family == 97 else "let through")
"""
