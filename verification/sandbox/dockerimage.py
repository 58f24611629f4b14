"""The sandbox image in a Docker engine. It is loaded only once and is found by its digest."""

import tarfile
import tempfile
from collections.abc import Mapping
from io import BytesIO

from verification.sandbox.dockerengine import Engine
from verification.sandbox.image import DIGEST_LABEL, RECIPE_LABEL, Image, write_archive
from verification.sandbox.waiting import in_thread


async def load_image(engine: Engine, image: Image) -> bool:
    """Load the image. Return False if the engine already has it. Raises EngineError and Unavailable."""
    if await engine.images(f"{DIGEST_LABEL}={image.digest}", f"{RECIPE_LABEL}={image.recipe}"):
        return False
    with tempfile.NamedTemporaryFile(dir=image.rootfs.parent, prefix="archive-") as archive:
        await in_thread(lambda: write_archive(image, archive.file))
        archive.seek(0)
        await engine.load(archive.file)
    return True


def links_archive(links: Mapping[str, str]) -> bytes:
    """Return a tar archive of symbolic links. `links` maps the path of each link to its target."""
    made = BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path, names in sorted(links.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, names, 0o777
            archive.addfile(entry)
    return made.getvalue()
