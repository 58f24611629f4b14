"""The same attacks in containers of a real Docker engine, which the test starts itself.

Also, hosts without an engine.
"""

import asyncio
import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli import Aura, homely
from tests.attacks.attack import Attack, Seen
from tests.attacks.corpus import CORPUS
from tests.attacks.performing import all_contained
from tests.attacks.test_in_a_row import bounded_row
from tests.docker import ENGINE_PREFIX, host_of
from tests.engine.daemon import Engine
from verification.sandbox.docker import Docker
from verification.sandbox.dockerconfig import LAUNCHER_BYTES

COUNT_SLOW = 40
AT_ONCE = 2
SEED = 20261122
ROW_MARGIN_S = 30.0
"""Extra time (s), because a container takes longer than a box to start and to remove, mainly on a loaded machine."""


@pytest.fixture(scope="module")
def contained(docker_sandbox: Docker) -> dict[str, Seen]:
    """Run all attacks once in containers."""
    return asyncio.run(all_contained(docker_sandbox, CORPUS))


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("attack", CORPUS, ids=lambda attack: f"{attack.name} {attack.title}")
def test_docker_contains_it(attack: Attack, contained: dict[str, Seen]) -> None:
    assert attack.held(contained[attack.name]) == ""


@pytest.mark.slow
async def test_a_row_of_containers(docker_engine: Engine, docker_sandbox: Docker, tmp_path: Path) -> None:
    def containers() -> list[str]:
        listed = ["docker", "-H", host_of(docker_engine), "ps", "-aq", "--filter", "label=aura.sandbox"]
        return subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()

    del docker_sandbox  # proves that there is one
    assert containers() == []
    made = Docker(host_of(docker_engine), scratch=tmp_path)
    await bounded_row(
        tmp_path,
        COUNT_SLOW,
        SEED,
        sandbox=made,
        margin_s=ROW_MARGIN_S,
        at_once=AT_ONCE,
        launcher_bytes=LAUNCHER_BYTES,
    )
    assert containers() == []


def docker_of(aura: Aura, host: str) -> dict[str, Any]:
    """Return the doctor's report on Docker, with Docker as the selected sandbox."""
    said = aura.inside().run("doctor", "--json", AURA_SANDBOX="docker", AURA_DOCKER_HOST=host)
    assert "Traceback" not in said.err
    whole = json.loads(said.out)
    assert said.code == 69
    assert "docker" in whole["error"]["message"]
    (part,) = (each for each in whole["data"]["parts"] if each["name"] == "docker")
    assert part["remedy"]
    found: dict[str, Any] = part
    return found


def test_no_engine_one_that_is_dead_and_one_elsewhere() -> None:
    with homely() as aura:
        none = docker_of(aura, f"unix://{aura.folder}/none")
        assert "no Docker engine" in none["says"]
        assert "AURA_DOCKER_HOST" in none["remedy"]
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(f"{aura.folder}/dead")  # nobody listens
        assert "does not answer" in docker_of(aura, f"unix://{aura.folder}/dead")["says"]
        assert "not a Docker engine of this machine" in docker_of(aura, "tcp://127.0.0.1:1")["says"]


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.skipif(os.geteuid() != 0, reason="an engine of our own needs root")
def test_an_engine_without_the_image() -> None:
    with tempfile.TemporaryDirectory(prefix=ENGINE_PREFIX) as folder:  # the path of a socket must be short
        engine = Engine(Path(folder) / "engine", networks=False)
        engine.start()
        try:
            with homely() as aura:
                told = docker_of(aura, host_of(engine))
        finally:
            engine.close()
    assert "does not have the sandbox image" in told["says"]
    assert "aura sandbox build" in told["remedy"]
