"""Client of a Docker engine on a unix socket, with aiodocker. Every failed request raises a typed error."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from domain.errors import Unavailable

if TYPE_CHECKING:
    from aiodocker import Docker

SCHEME = "unix://"
DEFAULT_HOST = f"{SCHEME}/var/run/docker.sock"
ANSWER_WAIT_S = 60.0
LOAD_WAIT_S = 600.0
REMOVED_TRIES = 20
REMOVED_EVERY_S = 0.05
SANDBOX_LABEL = "aura.sandbox"
OWNER_LABEL = "aura.owner"
_BLOCK_BYTES = 1024 * 1024
_GONE, _BUSY = 404, 409
_NOT_REACHED = 900  # aiodocker's status code for an engine that was not reached


class EngineError(Exception):
    """Error raised when the engine refuses a request. `status` is the HTTP status of its answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class EngineImage(msgspec.Struct, frozen=True):
    """An image that the engine has."""

    id: str
    labels: dict[str, str]


class Engine:
    """One Docker engine. Each use opens a new client, because a client works in one event loop only."""

    def __init__(self, host: str) -> None:
        """`host` is the address of the engine's socket.

        Raises Unavailable for an engine on another machine, because boxes must see folders of this machine.
        """
        if not host.startswith(SCHEME):
            raise Unavailable(
                f"{host} is not a Docker engine of this machine.",
                hint="Name its socket in AURA_DOCKER_HOST, for example unix:///var/run/docker.sock.",
                code="sandbox_missing",
            )
        self.host = host
        self._version = "auto"

    @property
    def socket(self) -> Path:
        return Path(self.host.removeprefix(SCHEME))

    @asynccontextmanager
    async def client(self, wait_s: float = ANSWER_WAIT_S) -> "AsyncIterator[Docker]":
        """Open a client. Raises EngineError for a refused request, and Unavailable if the engine does not answer."""
        from aiodocker import Docker, DockerError
        from aiohttp import ClientError, ClientTimeout

        try:
            async with Docker(self.host, api_version=self._version, timeout=ClientTimeout(total=wait_s)) as opened:
                yield opened
                self._version = opened.api_version
        except (DockerError, ClientError, OSError, TimeoutError) as error:
            if isinstance(error, DockerError) and error.status != _NOT_REACHED:
                raise EngineError(error.status, error.message) from error
            raise Unavailable(
                f"The Docker engine at {self.host} does not answer: {str(error) or type(error).__name__}.",
                hint="Start the engine, give this user access to its socket, or set AURA_SANDBOX=bubblewrap.",
                code="sandbox_missing",
            ) from error

    async def version(self) -> str:
        """Return the engine's version."""
        async with self.client() as docker:
            return str((await docker.version())["Version"])

    async def start(self, name: str, config: dict[str, Any]) -> None:
        """Create a container and start it."""
        async with self.client() as docker:
            await (await docker.containers.create(config, name=name)).start()

    async def state(self, name: str) -> dict[str, Any]:
        """Return the state of a container as the engine reports it, or {} if there is no such container."""
        try:
            async with self.client() as docker:
                return dict((await docker.containers.container(name).show())["State"])
        except EngineError as error:
            if error.status == _GONE:
                return {}
            raise

    async def remove(self, name: str, *, may_come: bool = False) -> bool:
        """Kill and remove a container. Return False if there is no such container.

        `may_come` means that the request to create it got no answer, so it may still appear. The engine refuses to
        remove a container that ends by itself at the same moment; then a later attempt succeeds.
        """
        for left in reversed(range(REMOVED_TRIES)):
            try:
                async with self.client() as docker:
                    await docker.containers.container(name).delete(force=True, v=True)
                return True
            except EngineError as error:
                if error.status == _BUSY:  # another process removes it
                    return True
                if error.status == _GONE and not may_come:
                    return False
                if error.status != _GONE and not left:
                    raise
            await asyncio.sleep(REMOVED_EVERY_S)
        return False

    async def containers(self) -> dict[str, str]:
        """Return {container id: owner's tag} for the containers of all sandboxes."""
        filters = json.dumps({"label": [SANDBOX_LABEL]})
        async with self.client() as docker:
            found = await docker.containers.list(all=True, filters=filters)
        return {each.id: str(each["Labels"].get(OWNER_LABEL, "")) for each in found}

    async def images(self, *labels: str) -> list[EngineImage]:
        """Return the images that have all these labels, newest first. A label is `name` or `name=value`."""
        async with self.client() as docker:
            found = await docker.images.list(filters={"label": list(labels)})
        found = sorted(found, key=lambda each: each["Created"], reverse=True)
        return [EngineImage(each["Id"], each["Labels"] or {}) for each in found]

    async def load(self, archive: IO[bytes]) -> None:
        """Load an image archive into the engine."""
        async with self.client(LOAD_WAIT_S) as docker:
            await docker.images.import_image(_blocks(archive))

    async def layered(self, image: str, archive: bytes, repository: str, tag: str, labels: dict[str, str]) -> str:
        """Create an image that adds the files of a tar `archive` to `image`. Return its id.

        Everything that it creates has the labels, so it can be found even if a request gets no answer.
        """
        name, whole = f"{repository}-{tag}", False
        try:
            async with self.client() as docker:
                made = await docker.containers.create({"Image": image, "Cmd": ["-"], "Labels": labels}, name=name)
                await made.put_archive("/", archive)  # type: ignore[no-untyped-call]  # aiodocker does not annotate it
                done = await made.commit(repository=repository, tag=tag, config={"Labels": labels})
            whole = True
            return str(done["Id"])
        finally:
            with suppress(EngineError, Unavailable):
                await self.remove(name, may_come=not whole)
                if not whole:
                    await self.remove_image(f"{repository}:{tag}")

    async def remove_image(self, name: str) -> bool:
        """Remove an image. Return False if there is no such image or if it is in use."""
        try:
            async with self.client() as docker:
                await docker.images.delete(name, force=True)
        except EngineError as error:
            if error.status in (_GONE, _BUSY):
                return False
            raise
        return True


async def _blocks(archive: IO[bytes]) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(archive.read, _BLOCK_BYTES):
        yield block
