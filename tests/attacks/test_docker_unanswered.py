"""An engine may complete a request after the client has gone. Nothing that it makes remains."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from domain.errors import Unavailable
from tests.docker import box_image, docker_engine, host_of
from tests.engine.daemon import Engine
from tests.engine.late import Late, late
from verification.sandbox.base import RunSpec
from verification.sandbox.docker import Docker
from verification.sandbox.dockerengine import SCHEME
from verification.sandbox.dockerengine import Engine as Client
from verification.sandbox.dockerimage import links_archive
from verification.sandbox.image import Image

__all__ = ["box_image", "docker_engine"]

pytestmark = [pytest.mark.slow, pytest.mark.needs_sandbox, pytest.mark.timeout(300)]
LATE_S = 10.0  # longer than a removal waits for a container that may come
LINKS = 1500  # so many that the engine is at its commit when the removals come
HELD_WAIT_S = 60.0


class Moment(NamedTuple):
    """A request that makes something, and the settings of a run that causes this request."""

    words: bytes
    late_s: float
    links: int

    def spec(self) -> RunSpec:
        return RunSpec(argv=("sleep", "30"), links={f"/data/{number}": "/work/data" for number in range(self.links)})


COMMIT = Moment(b"/commit?", 0.0, LINKS)
MOMENTS = [
    pytest.param(COMMIT, id="commit"),
    pytest.param(Moment(b"/containers/create?name=aura-box-links-", LATE_S, 1), id="container of an image"),
    pytest.param(Moment(b"/containers/create?name=aura-box-", LATE_S, 0), id="container of a box"),
]


@pytest.fixture
def folder(docker_engine: Engine) -> Iterator[Path]:
    """Yield a folder for sockets. At the end the engine must have the same containers and images as before."""
    before = held_by(docker_engine)
    made = docker_engine.folder / f"late-{os.urandom(4).hex()}"
    made.mkdir()
    yield made
    assert held_by(docker_engine) == before


def held_by(engine: Engine) -> tuple[list[str], list[str]]:
    """Return all containers and images of an engine."""
    containers = engine.docker("ps", "--all", "--quiet", "--no-trunc").split()
    return containers, sorted(engine.docker("images", "--all", "--quiet", "--no-trunc").split())


def socket_of(engine: Engine) -> Path:
    return Path(host_of(engine).removeprefix(SCHEME))


def leave_when_held(proxy: Late, work: Callable[[], Coroutine[object, object, object]]) -> None:
    """Start a task in an event loop, and end the loop when one of the requests has been sent."""

    async def leave() -> None:
        working = asyncio.create_task(work())
        assert await asyncio.to_thread(proxy.held.wait, HELD_WAIT_S)
        assert not working.done()

    asyncio.run(leave())


def sandbox_at(engine: Engine, place: Path) -> Docker:
    """Return a sandbox that has passed its probe before its requests are delayed."""
    sandbox = Docker(host_of(engine))
    asyncio.run(sandbox.probe())
    sandbox._engine = Client(f"{SCHEME}{place}")  # the same engine, by another way
    return sandbox


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_loop_that_ends_during_a_request(docker_engine: Engine, folder: Path, moment: Moment) -> None:
    place = folder / "socket"
    sandbox = sandbox_at(docker_engine, place)
    with late(socket_of(docker_engine), place, moment.words, moment.late_s) as proxy:
        leave_when_held(proxy, lambda: sandbox.run(moment.spec()))
        assert docker_engine.docker("ps", "--all", "--quiet") == ""
        assert [answer.split()[1] for answer in proxy.answers] == [b"201"]  # the control: the engine has made it
        asyncio.run(sandbox.close())


@pytest.mark.parametrize("moment", MOMENTS[:2])  # a box's container is refused: the folder it would see is gone
def test_an_answer_that_never_arrives(docker_engine: Engine, folder: Path, moment: Moment) -> None:
    place, before = folder / "socket", held_by(docker_engine)
    sandbox = sandbox_at(docker_engine, place)
    with late(socket_of(docker_engine), place, moment.words, moment.late_s and HELD_WAIT_S, dropped=True) as proxy:
        with pytest.raises(Unavailable):
            asyncio.run(sandbox.run(moment.spec()))
        proxy.let_go()
        proxy.wait_for_answer()
        assert held_by(docker_engine) != before  # the control: it was made after the run had given up
        asyncio.run(sandbox.close())


def test_a_request_that_its_loop_breaks_off_leaves_an_image(
    docker_engine: Engine, box_image: Image, folder: Path
) -> None:
    """The control: the same request as a task of the loop that ends."""
    place, before = folder / "socket", held_by(docker_engine)
    client, archive = Client(f"{SCHEME}{place}"), links_archive(COMMIT.spec().links)
    with late(socket_of(docker_engine), place, COMMIT.words, COMMIT.late_s) as proxy:
        leave_when_held(proxy, lambda: client.layered(box_image.tag, archive, "aura-test", "broken", {}))
        proxy.wait_for_answer()
    assert held_by(docker_engine) != before
    docker_engine.docker("rmi", "aura-test:broken")


def test_kill_9_during_a_request(docker_engine: Engine, folder: Path) -> None:
    """The next sandbox removes what the engine has made since."""
    place, before = folder / "socket", held_by(docker_engine)
    code = f"""
import asyncio
from verification.sandbox.base import RunSpec
from verification.sandbox.docker import Docker
links = {{f"/d/{{number}}": "/w" for number in range({LINKS})}}
asyncio.run(Docker({f"{SCHEME}{place}"!r}).run(RunSpec(argv=("true",), links=links)))
"""

    async def killed(proxy: Late) -> None:
        owner = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=os.getcwd())
        assert await asyncio.to_thread(proxy.held.wait, HELD_WAIT_S)
        owner.kill()
        await owner.wait()

    with late(socket_of(docker_engine), place, COMMIT.words, COMMIT.late_s) as proxy:
        asyncio.run(killed(proxy))
        proxy.wait_for_answer()
    assert held_by(docker_engine) != before  # the control
    later = Docker(host_of(docker_engine))
    asyncio.run(later.probe())
    assert held_by(docker_engine) == before
    asyncio.run(later.close())


def test_nobody_builds_on_the_image_of_another_sandbox(docker_engine: Engine, folder: Path) -> None:  # noqa: ARG001 - compares
    """An image with links bears the labels of its base, and is newer."""
    first, second = Docker(host_of(docker_engine)), Docker(host_of(docker_engine))
    quick = RunSpec(argv=("true",), links={"/data": "/work/data"})
    assert asyncio.run(first.run(quick)).exit_code == 0
    asyncio.run(second.probe())
    asyncio.run(first.close())
    assert asyncio.run(second.run(quick)).exit_code == 0
    asyncio.run(second.close())
