"""A Docker engine that the tests start themselves, with the box image, and a sandbox that uses it."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.daemon import Engine, EngineFailed
from verification.sandbox import dockerengine
from verification.sandbox.docker import Docker
from verification.sandbox.dockerimage import load_image
from verification.sandbox.image import Image, build_image

PROGRAMS = ("docker", "dockerd", "ldd", "setpriv")
"""The required programs. In Debian they are in docker.io, libc-bin and util-linux."""
ENGINES = "aura-engine-"
ENGINE_PREFIX = f"{ENGINES}{os.getpid()}-"
"""The beginning of the names of this process's engine folders. Other tests may have engines at the same time."""


def missing() -> list[str]:
    """Name the things that a test on a Docker engine needs and that this machine does not have."""
    found = [program for program in PROGRAMS if shutil.which(program) is None]
    return found if os.geteuid() == 0 else [*found, "root"]


@pytest.fixture(scope="session")
def box_image() -> Iterator[Image]:
    """Return the root file system of the boxes, which is built once per session."""
    with tempfile.TemporaryDirectory(prefix="aura-image-") as folder:
        Path(folder).chmod(0o755)  # a box's user walks through it
        yield build_image(Path(folder), lambda _: None)


@pytest.fixture(scope="session")
def docker_engine(box_image: Image) -> Iterator[Engine]:
    """Return a separate engine that has the image. If no engine can start, the tests that need it are skipped."""
    if lacks := missing():
        pytest.skip(f"no Docker engine can be started here: {', '.join(lacks)}")
    with tempfile.TemporaryDirectory(prefix=ENGINE_PREFIX) as folder:
        engine = Engine(Path(folder) / "engine", networks=False)
        try:
            engine.start()
        except EngineFailed as error:
            engine.close()
            pytest.skip(f"no Docker engine starts here: {error}")
        try:
            asyncio.run(load_image(dockerengine.Engine(host_of(engine)), box_image))
            yield engine
        finally:
            engine.close()


@pytest.fixture(scope="session")
def docker_sandbox(docker_engine: Engine) -> Iterator[Docker]:
    """Return a Docker sandbox that has passed its probe. A failed probe is a failure, because the engine is our own."""
    made = Docker(host_of(docker_engine))
    asyncio.run(made.probe())
    yield made
    asyncio.run(made.close())


def host_of(engine: Engine) -> str:
    """Return the address of an engine's socket."""
    return engine.environment["DOCKER_HOST"]
