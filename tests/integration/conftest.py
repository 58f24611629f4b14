"""Real servers for tests: one PostgreSQL per session, a fresh database per test, a fresh nats-server per test."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bus.embedded import postgres as embedded_postgres
from bus.embedded.servers import Server, nats_at, postgres_at
from bus.history import Historian
from bus.store import Store
from governance.authority import WORKER_RIGHTS
from projections.past_rows import PROJECTIONS
from projections.replay import rebuild
from tests import clusters
from tests.integration.desks import FOLLOWS, Desk, Desks
from tests.integration.house import House
from tests.recording import fixture


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """Return a folder that the database's user can enter."""
    folder = clusters.open_folder("aura-test-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[Server]:
    """Return the session's PostgreSQL. A test that kills it must start it again."""
    server = postgres_at(clusters.with_cluster(open_folder / "home"))
    server.start_and_wait()
    yield server
    server.stop()
    shutil.rmtree(server.store, ignore_errors=True)


@pytest.fixture
async def postgres_dsn(postgres: Server) -> AsyncIterator[str]:
    """Return a fresh, empty database of the session's server. It is dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _as_admin(postgres, f"CREATE DATABASE {name} TEMPLATE template0")
    yield embedded_postgres.dsn(postgres.store, name)
    await _as_admin(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def past_store(postgres_dsn: str) -> AsyncIterator[Store]:
    """Return a store with the recorded log of release 0.1.0, its rows and their history. It takes seconds to make."""
    store = await Store.open(postgres_dsn)
    await fixture.load(store)
    for projection in PROJECTIONS.values():
        await rebuild(store, projection)
        await Historian(store, projection, paced=False).catch_up()
    yield store
    await store.close()


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[Server]:
    """Return a fresh nats-server: `.url`, `.store`, `.kill()`, `await .restart()`."""
    server = nats_at(tmp_path / "nats", WORKER_RIGHTS)
    await server.start()
    yield server
    server.stop()


@pytest.fixture
def nats_url(nats: Server) -> str:
    return nats.url


async def _as_admin(server: Server, statement: str) -> None:
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def desks(
    request: pytest.FixtureRequest, tmp_path: Path, nats_url: str, postgres_dsn: str
) -> AsyncIterator[Desks]:
    """Return gates for any number of processes on fresh servers. No process runs, and no event is recorded.

    By default they read the stream for each decision, as a door does. With the parameter FOLLOWS they follow the live
    log, as staff does.
    """
    desks = Desks(nats_url, postgres_dsn, tmp_path, follow=getattr(request, "param", None) == FOLLOWS)
    yield desks
    await desks.close()


@pytest.fixture
async def desk(desks: Desks) -> Desk:
    """Return one desk with a founded organisation."""
    desk = await desks.open()
    await desk.found()
    return desk


@pytest.fixture
async def house(tmp_path: Path, nats: Server, postgres_dsn: str) -> AsyncIterator[House]:
    """Return an organisation on fresh servers: founded, without employees and running processes."""
    house = House(tmp_path / "home", nats.url, postgres_dsn, nats.worker_url)
    await house.open()
    await house.found()
    yield house
    await house.office.close()
