"""The choice of the sandbox: Docker if its canary passes, else bubblewrap, else none. Both use the same image."""

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from director.settings import Settings
from domain.errors import Invalid, Unavailable
from tests.docker import box_image, docker_engine, host_of
from tests.engine.daemon import Engine
from tests.sandboxes import boxed
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.choice import Boxes, FirstThatHolds, open_sandbox
from verification.sandbox.dockerengine import Engine as Client
from verification.sandbox.dockerimage import load_image
from verification.sandbox.image import Image, build_image, find_image, measure
from verification.sandbox.pool_size import PoolSize

__all__ = ["box_image", "docker_engine"]

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.timeout(300)]


class Missing(Bubblewrap):
    """A machine on which bubblewrap cannot start a box."""

    def _set_up(self) -> None:
        raise Unavailable("bubblewrap (bwrap) is not installed.", hint="Install it.", code="sandbox_missing")


async def test_auto_is_bubblewrap_where_there_is_no_engine(tmp_path: Path) -> None:
    nowhere = f"unix://{tmp_path}/none.sock"
    assert isinstance(open_sandbox(Boxes(docker_host=nowhere)), Bubblewrap)
    single = open_sandbox(Boxes("bubblewrap"))
    pooled = open_sandbox(Boxes("bubblewrap"), pool=PoolSize())
    assert isinstance(single, Bubblewrap)
    assert isinstance(pooled, Bubblewrap)
    assert single.pool is None
    assert pooled.pool is not None, "a verifier asks for boxes that wait, a command that judges once does not"
    asked = open_sandbox(Boxes("docker", nowhere))
    with pytest.raises(Unavailable, match="no Docker engine at"):
        await asked.probe()


@pytest.mark.slow
@pytest.mark.ci
async def test_auto_is_docker_where_its_canary_passes(docker_engine: Engine, box_image: Image, tmp_path: Path) -> None:
    chosen = open_sandbox(Boxes(docker_host=host_of(docker_engine)))
    held = await chosen.probe()
    assert held.backend.startswith("docker ")
    assert held.image == box_image.digest
    assert (await boxed(chosen, "print(1)")).stdout == b"1\n"
    await chosen.close()
    without = open_sandbox(Boxes(docker_host=host_of(docker_engine), image="0" * 64, store=tmp_path))
    assert (await without.probe()).backend.startswith("bubblewrap ")
    assert (await boxed(without, "print(1)")).stdout == b"1\n"
    await without.close()
    assert await load_image(Client(host_of(docker_engine)), box_image) is False  # it has it


async def test_without_either_nothing_runs(tmp_path: Path) -> None:
    none = FirstThatHolds(open_sandbox(Boxes("docker", f"unix://{tmp_path}/none.sock")), Missing())
    ran = tmp_path / "ran"
    with pytest.raises(Unavailable, match=r"no Docker engine at .* \(bwrap\) is not installed") as refused:
        await boxed(none, f"open({str(ran)!r}, 'w')")
    assert refused.value.hint == "Install it."
    assert not ran.exists()
    await none.close()


@pytest.mark.slow
@pytest.mark.ci
async def test_one_image_serves_bubblewrap_too(box_image: Image) -> None:
    """And names what its boxes see; another image, another name."""
    with_image, without = Bubblewrap(store=box_image.rootfs.parent), Bubblewrap()
    assert (await with_image.probe()).image == box_image.digest
    assert len((await without.probe()).image) == 64
    code = "import sys, os, ssl, sqlite3, zoneinfo; print(sys.prefix, os.path.exists('/usr/lib/apt'))"
    assert (await boxed(with_image, code)).stdout == b"/opt/python False\n"
    tools = await boxed(
        with_image,
        "import subprocess; print(subprocess.run(['sh', '-c', 'tool | sort'], capture_output=True))",
        read_only={"/aura/bin/tool": b"#!/bin/sh\nprintf 'b\\na\\n'"},
        links={"/data": "/work/data"},
    )
    assert b"stdout=b'a\\nb\\n'" in tools.stdout, tools
    moved = replace(box_image, folder=f"{box_image.folder}-moved")  # as if another one had been built meanwhile
    for here, there in ((box_image, moved), (moved, box_image)):
        here.rootfs.rename(there.rootfs)
        (there.rootfs.parent / "image.json").write_bytes(msgspec.json.encode(there))
        assert (await boxed(with_image, code)).stdout == b"/opt/python False\n"
    await with_image.close()
    await without.close()


@pytest.mark.slow
@pytest.mark.ci
def test_an_image_is_named_by_what_it_holds(box_image: Image, tmp_path: Path) -> None:
    again = build_image(tmp_path, lambda _: None)
    assert (again.digest, again.files) == (box_image.digest, box_image.files)
    assert find_image(tmp_path) == again
    assert sorted(os.listdir(tmp_path)) == ["image.json", again.rootfs.name]
    owned = [path for path in again.rootfs.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o7022]
    assert owned == []  # nothing setuid, nothing that others may write
    changed = again.rootfs / "usr/bin/env"
    changed.write_bytes(changed.read_bytes() + b"x")
    assert measure(again.rootfs)[0] != again.digest
    (tmp_path / "image.json").write_text("{}")
    assert find_image(tmp_path) is None


@pytest.mark.slow
def test_the_command_builds_it_and_hands_it_over(docker_engine: Engine, tmp_path: Path) -> None:
    def aura(*words: str, code: int = 0, **more: str) -> dict[str, object]:
        environment = os.environ | {"AURA_HOME": str(tmp_path), "AURA_DOCKER_HOST": host_of(docker_engine)} | more
        ran = subprocess.run(
            [sys.executable, "-m", "director", *words, "--json"], env=environment, capture_output=True, check=False
        )
        assert ran.returncode == code, ran.stderr
        told: dict[str, dict[str, object]] = json.loads(ran.stdout)
        return told["data"] if code == 0 else told["error"]

    built = aura("sandbox", "build")
    assert built["docker"] == {"has_it": True, "reason": ""}
    assert Path(str(built["folder"])).is_dir()
    held = aura("sandbox", "probe")
    assert (held["not_held"], held["image"]) == ([], built["digest"])
    assert str(held["backend"]).startswith("docker ")
    nowhere = f"unix://{tmp_path}/none.sock"
    assert str(aura("sandbox", "probe", AURA_DOCKER_HOST=nowhere)["backend"]).startswith("bubblewrap ")
    refused = aura("sandbox", "probe", code=69, AURA_DOCKER_HOST=nowhere, AURA_SANDBOX="docker")
    assert refused["code"] == "sandbox_missing"


def test_the_settings_name_a_sandbox(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AURA_HOME", str(tmp_path))
    monkeypatch.setenv("AURA_SANDBOX", "bubblewrap")
    assert Settings().boxes() == Boxes("bubblewrap", store=tmp_path / "sandbox")
    monkeypatch.setenv("AURA_SANDBOX", "none")
    with pytest.raises(Invalid, match="AURA_SANDBOX is not valid"):
        Settings()
