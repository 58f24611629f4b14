"""Choice of the sandbox: Docker if its trial run passes, else bubblewrap. If both fail, no code runs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from domain.errors import Unavailable
from domain.wording import sentences
from verification.sandbox.base import Capabilities, RunResult, RunSpec, Sandbox
from verification.sandbox.dockerengine import DEFAULT_HOST, Engine
from verification.sandbox.pool_size import PoolSize

Choice = Literal["auto", "docker", "bubblewrap"]


@dataclass(frozen=True)
class Boxes:
    """Settings for the sandbox of this process. `store` is a folder that may contain a built root file system."""

    choice: Choice = "auto"
    docker_host: str = DEFAULT_HOST
    image: str | None = None
    store: Path | None = None


class OpenedSandbox(Sandbox, Protocol):
    """A sandbox that may have boxes that wait for later runs. `keep_boxes` permits or ends them."""

    def keep_boxes(self, wanted: bool) -> None: ...


def open_sandbox(boxes: Boxes, *, pool: PoolSize | None = None) -> OpenedSandbox:
    """Return the sandbox to use. If there is no Docker socket, it tries only bwrap.

    With `pool`, boxes of bubblewrap wait for later runs. Containers never wait: Docker has no pool. `probe` of the
    sandbox raises Unavailable if no box starts.
    """
    from verification.sandbox.bubblewrap import Bubblewrap
    from verification.sandbox.docker import Docker

    if boxes.choice == "bubblewrap" or (boxes.choice == "auto" and not Engine(boxes.docker_host).socket.exists()):
        return Bubblewrap(store=boxes.store, pool=pool)
    docker = Docker(boxes.docker_host, image=boxes.image)
    return docker if boxes.choice == "docker" else FirstThatHolds(docker, Bubblewrap(store=boxes.store, pool=pool))


class FirstThatHolds:
    """A Sandbox that uses the first of several sandboxes whose probe succeeds. It chooses only once."""

    def __init__(self, *choices: OpenedSandbox) -> None:
        self._choices = choices
        self._chosen: OpenedSandbox | None = None
        self._choosing = asyncio.Lock()

    async def probe(self) -> Capabilities:
        """Return the limits that the chosen sandbox enforces.

        Raises Unavailable with the causes of all failures if no sandbox starts.
        """
        return await (await self._choice()).probe()

    async def run(self, spec: RunSpec) -> RunResult:
        """Run a command in a new box of the chosen sandbox."""
        return await (await self._choice()).run(spec)

    async def sweep(self) -> int:
        """Sweep every available sandbox: remove the remains of dead owner processes. Return their number."""
        swept = 0
        for each in self._choices:
            try:
                swept += await each.sweep()
            except Unavailable:
                continue
        return swept

    def keep_boxes(self, wanted: bool) -> None:
        """Say whether boxes may wait for later runs."""
        for each in self._choices:
            each.keep_boxes(wanted)

    async def close(self) -> None:
        """Close all sandboxes. The next run or probe chooses a sandbox again."""
        self._chosen = None
        for each in self._choices:
            await each.close()

    async def _choice(self) -> OpenedSandbox:
        async with self._choosing:
            causes: list[Unavailable] = []
            for each in self._choices if self._chosen is None else ():
                try:
                    await each.probe()
                except Unavailable as error:
                    causes.append(error)
                    await each.close()
                    continue
                self._chosen = each
                break
            if self._chosen is None:
                told = sentences(*(cause.message for cause in causes))
                raise Unavailable(told, hint=causes[-1].hint, code=causes[-1].code)
            return self._chosen
