"""Real servers for tests: one PostgreSQL a session with a fresh database a test, one fresh nats-server a test."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bus.embedded import postgres as embedded_postgres
from bus.embedded.servers import Server, nats_at, postgres_at
from tests import clusters
from tests.integration.desks import FOLLOWS, Desk, Desks
from tests.integration.house import House


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A folder that the database's user can traverse."""
    folder = clusters.open_folder("aura-test-")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(open_folder: Path) -> Iterator[Server]:
    """The session's PostgreSQL. A test that kills it starts it again before it ends."""
    server = postgres_at(clusters.with_cluster(open_folder / "home"))
    server.start_and_wait()
    yield server
    server.stop()
    shutil.rmtree(server.store, ignore_errors=True)


@pytest.fixture
async def postgres_dsn(postgres: Server) -> AsyncIterator[str]:
    """A fresh, empty database of the session's server; dropped afterwards."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _as_admin(postgres, f"CREATE DATABASE {name} TEMPLATE template0")
    yield embedded_postgres.dsn(postgres.store, name)
    await _as_admin(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
async def nats(tmp_path: Path) -> AsyncIterator[Server]:
    """A fresh nats-server: `.url`, `.store`, `.kill()`, `await .restart()`."""
    server = nats_at(tmp_path / "nats")
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
    """Gates of as many processes as a test asks for, on fresh servers. Nothing runs, nothing is recorded.

    They read the stream when asked, as a door does; parametrized with FOLLOWS they follow the live log, as staff do.
    """
    desks = Desks(nats_url, postgres_dsn, tmp_path, follow=getattr(request, "param", None) == FOLLOWS)
    yield desks
    await desks.close()


@pytest.fixture
async def desk(desks: Desks) -> Desk:
    """One of them, its organisation founded."""
    desk = await desks.open()
    await desk.found()
    return desk


@pytest.fixture
async def house(tmp_path: Path, nats_url: str, postgres_dsn: str) -> AsyncIterator[House]:
    """An organisation on fresh servers: founded, nobody hired, nothing running."""
    house = House(tmp_path / "home", nats_url, postgres_dsn)
    await house.open()
    await house.found()
    yield house
    await house.office.close()
