"""Builds the image of the sandbox, and tests the sandbox of this machine."""

import os
from collections.abc import Callable

import msgspec

from director.settings import Settings
from domain.errors import AuraError, Unavailable
from verification.sandbox.base import Capabilities
from verification.sandbox.choice import open_sandbox
from verification.sandbox.dockerengine import Engine, EngineError
from verification.sandbox.dockerimage import load_image
from verification.sandbox.image import Image, build_image
from verification.sandbox.program import reachable
from verification.sandbox.runtime import BOX_UID
from verification.sandbox.waiting import in_thread

Note = Callable[[str], None]


class AtDocker(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a running Docker engine has the image. `reason`: why it does not have the image."""

    has_it: bool
    reason: str = ""


class BuiltImage(msgspec.Struct, frozen=True, kw_only=True):
    """The built image, and the sandboxes that use it. `tag`: its name in Docker."""

    digest: str
    folder: str
    bytes: int
    files: int
    python: str
    tag: str
    docker: AtDocker
    bubblewrap: bool


async def build_boxes(settings: Settings, note: Note = lambda _: None) -> BuiltImage:
    """Build the image in a folder of the home, and load it into a running Docker engine. Raises Unavailable."""
    store = settings.boxes().store
    assert store is not None
    image = await in_thread(lambda: build_image(store, note))
    docker = await _handed_over(settings, image, note)
    return BuiltImage(
        digest=image.digest,
        folder=image.folder,
        bytes=image.bytes,
        files=image.files,
        python=image.python,
        tag=image.tag,
        docker=docker,
        bubblewrap=reachable(image.rootfs, BOX_UID if os.getuid() == 0 else os.getuid()),
    )


async def _handed_over(settings: Settings, image: Image, note: Note) -> AtDocker:
    """Load the image into Docker. If that fails and Docker is the chosen sandbox, raise Unavailable."""
    try:
        engine = Engine(settings.docker_host)
        if not engine.socket.exists():
            raise Unavailable(
                f"there is no Docker engine at {engine.host}",
                hint="Start Docker, or set AURA_DOCKER_HOST to its socket.",
            )
        note(f"loading the image into the Docker engine at {engine.host}")
        try:
            await load_image(engine, image)
        except EngineError as error:
            raise Unavailable(f"the Docker engine refused the image: {error}", hint="Read the engine's log.") from error
    except AuraError as error:
        if settings.sandbox == "docker":
            raise
        return AtDocker(has_it=False, reason=error.message)
    return AtDocker(has_it=True)


async def probe_boxes(settings: Settings) -> Capabilities:
    """Test by real runs which limits the chosen sandbox holds. Raises Unavailable if there is no sandbox."""
    sandbox = open_sandbox(settings.boxes())
    try:
        return await sandbox.probe()
    finally:
        await sandbox.close()
