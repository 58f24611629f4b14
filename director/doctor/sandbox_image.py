"""Behind `aura sandbox`: builds the image of the boxes, and tells which sandbox holds here."""

import os
from typing import Any

import msgspec

from director.settings import Settings
from director.terminal.output import Door
from domain.errors import AuraError, Unavailable
from verification.sandbox.choice import open_sandbox
from verification.sandbox.dockerengine import Engine, EngineError
from verification.sandbox.dockerimage import load_image
from verification.sandbox.image import Image, build_image
from verification.sandbox.program import reachable
from verification.sandbox.runtime import BOX_UID
from verification.sandbox.waiting import in_thread

_MIB = 1024 * 1024


async def build_boxes(settings: Settings, door: Door) -> None:
    """Builds it below the home, and has a running engine take it in. Raises Unavailable."""
    store = settings.boxes().store
    assert store is not None
    image = await in_thread(lambda: build_image(store, door.note))
    docker = await _handed_over(settings, image, door)
    bubblewrap = reachable(image.rootfs, BOX_UID if os.getuid() == 0 else os.getuid())
    data: dict[str, Any] = {
        "digest": image.digest,
        "folder": image.folder,
        "bytes": image.bytes,
        "files": image.files,
        "python": image.python,
        "tag": image.tag,
        "docker": docker,
        "bubblewrap": bubblewrap,
    }
    lines = [
        f"Built: {image.folder} ({image.bytes / _MIB:.0f} MiB, {image.files} files, Python {image.python})",
        f"digest      {image.digest}",
        f"Docker      {image.tag if docker['has_it'] else 'does not have it: ' + docker['reason']}",
        "bubblewrap  "
        + (
            "uses it" if bubblewrap else "does not: the user of a box cannot walk to this folder; it shows /usr instead"
        ),
    ]
    door.answer(data, "\n".join(lines))


async def _handed_over(settings: Settings, image: Image, door: Door) -> dict[str, Any]:
    """Whether Docker has the image. Raises Unavailable where Docker was asked for."""
    try:
        engine = Engine(settings.docker_host)
        if not engine.socket.exists():
            raise Unavailable(
                f"there is no engine at {engine.host}", hint="Start Docker, or name its socket in AURA_DOCKER_HOST."
            )
        door.note(f"handing it to the Docker engine at {engine.host}")
        try:
            await load_image(engine, image)
        except EngineError as error:
            raise Unavailable(f"the engine refused it: {error}", hint="Look at the engine's log.") from error
    except AuraError as error:
        if settings.sandbox == "docker":
            raise
        return {"has_it": False, "reason": error.message}
    return {"has_it": True, "reason": ""}


async def probe_boxes(settings: Settings, door: Door) -> None:
    """Show the limits that the chosen sandbox holds. Raises Unavailable when there is none."""
    sandbox = open_sandbox(settings.boxes())
    try:
        held = await sandbox.probe()
    finally:
        await sandbox.close()
    faults = f"does not hold: {', '.join(held.not_held)}" if held.not_held else "holds every limit"
    door.answer(
        msgspec.to_builtins(held),
        f"{held.backend}, {held.confinement}: {faults}\nimage {held.image}",
    )
