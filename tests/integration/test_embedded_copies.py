"""A copied or moved home: it has its own data and its own processes, or the message names the home that owns them."""

import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bus.embedded import postgres as embedded_postgres
from bus.embedded.account import database_account
from bus.embedded.home import Home
from bus.embedded.servers import postgres_at
from bus.embedded.stack import StackStatus, down, status, up
from domain.errors import Conflict, Unavailable
from observability import process_registry
from tests.clusters import with_cluster
from tests.tiers import CI

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]


def quiet(_line: str) -> None:
    pass


@pytest.fixture
async def folder(open_folder: Path) -> AsyncIterator[Path]:
    """Yield a folder for homes. Processes in its homes are stopped at the end."""
    made = open_folder / f"copies-{time.monotonic_ns()}"
    made.mkdir(mode=0o755)
    yield made
    for home in (each.parent.parent for each in made.rglob("run/layout.json")):
        await down(home, on_progress=quiet)
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def private() -> Iterator[Path]:
    """Yield a folder for databases outside their homes. Name it before `folder`, so that the servers end first."""
    place = Path(f"/var/tmp/aura-test-{time.monotonic_ns()}")
    place.mkdir(mode=0o711)
    yield place
    shutil.rmtree(place)


def copied(home: Path, copy: Path) -> Path:
    """Copy a home with owners and times, as a backup does."""
    subprocess.run(["cp", "-a", str(home), str(copy)], check=True)
    return copy


def archived(home: Path, copy: Path) -> Path:
    """Copy a home with tar, which leaves sockets out and does not mind files that change meanwhile."""
    copy.mkdir(mode=home.stat().st_mode & 0o777)
    packed = subprocess.run(["tar", "-C", str(home), "-cf", "-", "."], capture_output=True, check=False)
    assert packed.returncode in (0, 1), packed.stderr
    subprocess.run(["tar", "-C", str(copy), "-xpf", "-"], input=packed.stdout, check=True)
    return copy


async def running(home: Path) -> StackStatus:
    return await up(home, on_progress=quiet)


async def words(stack: StackStatus, *new: str) -> list[str]:
    """Write words into the stack's database, and return all words that are in it."""
    assert stack.endpoints is not None
    connection = await asyncpg.connect(stack.endpoints.postgres_dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (word text)")
    for word in new:
        await connection.execute("INSERT INTO kept VALUES ($1)", word)
    found = [row["word"] for row in await connection.fetch("SELECT word FROM kept")]
    await connection.close()
    return found


async def test_a_copy_has_its_own_data(folder: Path) -> None:
    with_cluster(folder / "home")
    home = folder / "home"
    assert await words(await running(home), "before") == ["before"]
    await down(home, on_progress=quiet)
    copy = copied(home, folder / "copy")
    first, second = await running(home), await running(copy)
    assert second.postgres_data == str(copy / "data" / "postgres")
    assert await words(second, "copy") == ["before", "copy"]
    assert await words(first, "home") == ["before", "home"]
    assert first.endpoints != second.endpoints


async def test_the_copy_of_a_home_at_work_touches_none_of_its_processes(folder: Path) -> None:
    with_cluster(folder / "home")
    home = folder / "home"
    first = await running(home)
    process_registry.post(home, process_registry.present("tester", ["hr"], None))
    copy = copied(home, folder / "copy")
    seen = status(copy)
    assert (seen.running, seen.children, seen.endpoints) == (False, (), None)
    assert process_registry.at_work(copy) == []
    assert [one.name for one in process_registry.at_work(home)] == ["tester"], "the control"
    await down(copy, on_progress=quiet)
    now = status(home)
    assert now.running
    assert [child.pid for child in now.children] == [child.pid for child in first.children]


@pytest.mark.parametrize("stopped", [pytest.param(False, marks=CI), True])
async def test_a_copy_starts_beside_its_original_also_if_that_one_was_at_work(folder: Path, stopped: bool) -> None:
    """The copied lock files name the original's server, which runs and is no server of the copy."""
    with_cluster(folder / "home")
    home = folder / "home"
    first = await running(home)
    await words(first, "before")
    if stopped:
        await down(home, on_progress=quiet)
    copy = archived(home, folder / "copy")
    if stopped:
        first = await running(home)
    cluster = home / "data" / "postgres" / "cluster"
    said: list[str] = []
    second = await up(copy, on_progress=said.append)
    assert (second.ready, second.postgres_data) == (True, str(copy / "data" / "postgres"))
    assert any(f"a copy of {home}" in line for line in said) is not stopped
    assert await words(second, "copy") == ["before", "copy"]
    assert await words(first) == ["before"]
    assert {child.pid for child in first.children}.isdisjoint(child.pid for child in second.children)
    await down(copy, on_progress=quiet)
    now = status(home)
    assert now.ready
    assert [(child.pid, child.restarts) for child in now.children] == [(child.pid, 0) for child in first.children]
    lock = (cluster / "postmaster.pid").read_text().splitlines()
    assert lock[0] == str(next(child.pid for child in now.children if child.name == "postgres"))
    assert await words(first, "after") == ["before", "after"]


async def test_a_second_server_on_the_same_data_is_still_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: here the lock's process works on this folder, by whatever path it was started."""
    with_cluster(folder / "home")
    home = folder / "home"
    first = await running(home)
    postmaster = next(child.pid for child in first.children if child.name == "postgres")
    moved = folder / "moved"
    monkeypatch.setattr(embedded_postgres, "ORPHAN_WAIT_S", 0.3)
    for place in (home, moved):
        if place == moved:
            home.rename(moved)
        with pytest.raises(Unavailable, match=f"process {postmaster}") as refused:
            postgres_at(Home(place))
        assert refused.value.code == "data_in_use"
        lock = place / "data" / "postgres" / "cluster" / "postmaster.pid"
        assert lock.read_text().splitlines()[0] == str(postmaster), "the lock of a server at work stays"
    await down(moved, on_progress=quiet)


@pytest.mark.parametrize("place", [pytest.param("known", marks=[pytest.mark.slow, pytest.mark.ci]), "unknown"])
async def test_a_record_of_the_former_release_names_the_home_it_was_copied_from(folder: Path, place: str) -> None:
    """0.1.0 wrote the absolute path of the database, and no place of the home."""
    with_cluster(folder / "home")
    home = folder / "home"
    await words(await running(home), "before")
    old = json.loads((home / "run" / "layout.json").read_text())
    old["postgres"] = str(home / "data" / "postgres")
    if place == "unknown":
        del old["place"]
    (home / "run" / "layout.json").write_text(json.dumps(old))
    assert status(home).running, "the home itself is known by its logs"
    copy = copied(home, folder / "copy")
    assert not status(copy).running
    await down(home, on_progress=quiet)
    assert Home(copy).layout().postgres == str(copy / "data" / "postgres")


@pytest.mark.slow
@pytest.mark.ci
async def test_a_moved_home_takes_its_data_along(folder: Path) -> None:
    with_cluster(folder / "home")
    home, moved = folder / "home", folder / "moved"
    await words(await running(home), "before")
    await down(home, on_progress=quiet)
    home.rename(moved)
    stack = await running(moved)
    assert stack.postgres_data == str(moved / "data" / "postgres")
    assert await words(stack) == ["before"]
    assert not home.exists(), "nothing is made at the former place"


@pytest.mark.slow
@pytest.mark.ci
async def test_a_home_that_is_moved_at_work_must_be_stopped_first(folder: Path) -> None:
    with_cluster(folder / "home")
    home, moved = folder / "home", folder / "moved"
    await running(home)
    home.rename(moved)
    with pytest.raises(Conflict, match=f"was moved from {home}") as raised:
        await running(moved)
    assert "aura down" in raised.value.hint
    await down(moved, on_progress=quiet)
    assert (await running(moved)).ready


def test_a_database_outside_the_home_is_not_shared_with_a_copy(private: Path, folder: Path) -> None:
    """The refusal names the home whose database it is; that home is not refused."""
    home = Home(outside(folder / "home", private))
    kept = home.settle(database_account())
    copy = Home(copied(home.path, folder / "copy"))
    with pytest.raises(Conflict, match=f"belongs to the home {home.path}") as raised:
        copy.settle(database_account())
    assert "delete" not in raised.value.hint
    assert home.settle(database_account()) == kept


@pytest.mark.slow
@pytest.mark.ci
async def test_a_copy_of_a_home_with_its_database_outside_cannot_be_brought_up(private: Path, folder: Path) -> None:
    home = Home(outside(folder / "home", private))
    copy = copied(home.path, folder / "copy")
    for _ in range(2):  # a refusal is not forgotten
        with pytest.raises(Conflict, match=f"belongs to the home {home.path}"):
            await running(copy)
    started = list(private.rglob("postmaster.pid"))  # noqa: ASYNC240 - a test may wait for the disk
    assert not started, "nothing was started on the data of the other home"
    assert (await running(home.path)).ready, "the control"


def test_a_database_outside_the_home_goes_with_a_home_that_is_moved(private: Path, folder: Path) -> None:
    home = Home(outside(folder / "home", private))
    kept = home.settle(database_account())
    home.path.rename(folder / "moved")
    assert Home(folder / "moved").settle(database_account()) == kept


def test_a_copy_whose_original_is_gone_takes_the_database_over(private: Path, folder: Path) -> None:
    home = Home(outside(folder / "home", private))
    kept = home.settle(database_account())
    copy = Home(copied(home.path, folder / "copy"))
    shutil.rmtree(home.path)
    assert copy.settle(database_account()) == kept


def outside(home: Path, private: Path) -> Path:
    """Return a home with a database outside it."""
    made = Home(home)
    made.ensure()
    (made.data).chmod(0o700)
    account = database_account()
    inside = home / "data" / "postgres"
    folder = made.settle(account, private_roots=[private])
    if folder == inside:  # a plain user's database can work in any home of its own
        pytest.skip("needs root, whose database runs as another user")
    return home


def test_data_that_are_gone_are_asked_for_and_not_given_up(folder: Path) -> None:
    home = Home(folder / "home")
    home.ensure()
    home.settle(database_account()).rmdir()
    with pytest.raises(Unavailable, match="is missing") as raised:
        home.settle(database_account())
    assert "Restore it" in raised.value.hint
    assert "delete" not in raised.value.hint
