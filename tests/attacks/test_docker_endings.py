"""A container that is stopped at any moment, or that loses its engine or image, leaves nothing behind."""

import asyncio
import os
import random
from pathlib import Path

import msgspec
import pytest

from domain.errors import Unavailable
from tests.attacks.leftovers import descriptors, processes_with
from tests.attacks.performing import plain_interpreter
from tests.docker import box_image, docker_engine, docker_sandbox, host_of
from tests.engine.daemon import Engine
from tests.sandboxes import boxed
from verification.sandbox.base import MIB, Limits, RunSpec
from verification.sandbox.docker import Docker
from verification.sandbox.dockerengine import Engine as Client
from verification.sandbox.image import DIGEST_LABEL, Image
from verification.sandbox.program import reachable

__all__ = ["box_image", "docker_engine", "docker_sandbox"]

pytestmark = [pytest.mark.slow, pytest.mark.needs_sandbox, pytest.mark.timeout(300)]
ROOT = Path(__file__).resolve().parents[2]
SPAN_S = 0.6  # more than a box takes on a quiet machine
TIMES = 80
SEED = 7
LINKED_S = 0.1


async def test_cancelled_at_any_moment(docker_engine: Engine, docker_sandbox: Docker) -> None:
    await boxed(docker_sandbox, "")  # what is opened once stays
    images = docker_engine.docker("images", "--quiet", "--all").split()
    sandbox = Docker(host_of(docker_engine))
    await sandbox.probe()
    before, mark, moments = descriptors(), f"cancelled-{os.urandom(6).hex()}", random.Random(SEED)
    cancelled = 0
    for number in range(TIMES):
        running = asyncio.create_task(
            boxed(sandbox, "import time; time.sleep(0.2)", mark, links={f"/data{number % 4}": "/work/data"})
        )
        await asyncio.sleep(SPAN_S * (number + moments.random()) / TIMES)
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            cancelled += 1
    print(f"{cancelled} of {TIMES} were cancelled, seed {SEED}")
    await sandbox.close()
    assert cancelled > TIMES / 3
    assert docker_engine.docker("images", "--quiet", "--all").split() == images
    assert processes_with(mark) == []
    assert docker_engine.docker("ps", "--all", "--quiet") == ""
    assert descriptors() == before


def test_a_loop_that_ends_takes_its_box_along(docker_engine: Engine, tmp_path: Path) -> None:
    """As with Ctrl-C: every task is cancelled at once, also the one that is starting the container."""
    sandbox = Docker(host_of(docker_engine), scratch=tmp_path)

    async def leave(after_s: float) -> None:
        await sandbox.probe()
        links = {"/data": "/work/data"} if after_s < LINKED_S else {}
        running = asyncio.create_task(sandbox.run(RunSpec(argv=("sleep", "30"), links=links)))
        await asyncio.sleep(after_s)
        assert not running.done()

    images = docker_engine.docker("images", "--quiet", "--all").split()
    for after_s in (0.0, 0.03, 0.08, 0.15, 0.4):
        asyncio.run(leave(after_s))
        assert docker_engine.docker("ps", "--all", "--quiet") == "", after_s
    asyncio.run(sandbox.close())
    assert docker_engine.docker("images", "--quiet", "--all").split() == images
    assert os.listdir(tmp_path) == []


async def test_memory_that_runs_out_is_told_whoever_is_hit(docker_sandbox: Docker) -> None:
    """Also when it is many small processes, each of which takes less than the first one of the box."""
    child = "if os.fork() == 0: x = bytearray(3 << 20); time.sleep(9)"
    many = f"import os, time\nfor i in range(40):\n  {child}\ntime.sleep(5)"
    assert (await boxed(docker_sandbox, many, limits=Limits(memory_bytes=64 * MIB))).reason == "memory"
    assert (await boxed(docker_sandbox, many, limits=Limits(wall_s=2, memory_bytes=512 * MIB))).reason == "timeout"
    small = await boxed(docker_sandbox, "print(1)", limits=Limits(memory_bytes=16 * MIB))
    assert (small.reason, small.stdout) == ("exit", b"1\n")


async def test_what_the_engine_refuses_is_a_failed_setup_or_unavailable(
    docker_engine: Engine, docker_sandbox: Docker, box_image: Image
) -> None:
    nowhere = await boxed(docker_sandbox, "", folders={"/library": Path("/nowhere/at/all")})
    assert nowhere.reason == "setup_failed"
    assert b"/nowhere/at/all" in nowhere.stderr
    client, digest = Client(host_of(docker_engine)), "ab" * 32
    made = await client.layered(box_image.tag, b"\0" * 10240, "aura-test", "gone", {DIGEST_LABEL: digest})
    sandbox = Docker(host_of(docker_engine), image=digest)
    assert (await sandbox.probe()).image == digest
    assert await client.remove_image(made)
    with pytest.raises(Unavailable, match="does not have the sandbox image") as refused:
        await boxed(sandbox, "")
    assert "aura sandbox build" in refused.value.hint
    await sandbox.close()
    assert docker_engine.docker("ps", "--all", "--quiet") == ""


PLAIN = """
import asyncio, sys
from verification.sandbox.base import RunSpec
from verification.sandbox.docker import Docker

async def main():
    sandbox = Docker(sys.argv[1], image=sys.argv[2])
    held = await sandbox.probe()
    result = await sandbox.run(
        RunSpec(argv=("sh", "-c", "id -u; cat a; echo out > out"), files={"a": b"in "}, collect=("out",))
    )
    await sandbox.close()
    print(held.not_held, result.reason, result.stdout, dict(result.files))

asyncio.run(main())
"""


async def test_a_plain_user_of_the_engine(docker_engine: Engine, box_image: Image) -> None:
    """It fills and reads the box as itself."""
    uid, python, packages = 4242, plain_interpreter(), Path(msgspec.__file__).parents[1]
    if python is None or not (reachable(packages, uid) and reachable(ROOT, uid)):
        pytest.skip("no interpreter, packages or project that a plain user can reach")
    for folder in (docker_engine.folder, docker_engine.folder.parent):
        folder.chmod(0o711)
    done = await asyncio.create_subprocess_exec(
        *("setpriv", "--reuid", str(uid), "--regid", str(uid), "--groups", str(os.getgid())),
        *(str(python), "-B", "-c", PLAIN, host_of(docker_engine), box_image.digest),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd="/",
        env={"PYTHONPATH": f"{ROOT}:{packages}", "PATH": "/usr/bin:/bin", "HOME": "/"},
    )
    told, error = await done.communicate()
    assert told.decode() == f"() exit b'{uid}\\nin ' {{'out': b'out\\n'}}\n", error
