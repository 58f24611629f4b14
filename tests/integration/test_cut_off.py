"""A caller that is cancelled while a server works for it leaves no open session and no half-made object."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from nats.aio.client import Client

from bus.embedded.servers import Server
from bus.push_consumer import Feed
from bus.store import Store
from bus.stream import STREAM, Stream, connect
from bus.work_queue import WorkStream
from director.services import session
from governance.log_session import LogSession
from projections import replay
from projections.accountant import AccountantProjection
from tests.attacks.leftovers import descriptors

TIMES = 60
AGAIN_S = 60.0  # a second cancellation would also end the cleaning up that follows the first one
FORGOTTEN_S = 30  # the server forgets a consumer without a reader after 5
SUBJECT = "aura.evt.run.x.tested"
Work = Callable[[], Awaitable[object]]


async def cut_off(work: Work, *, longest_s: float, times: int = TIMES) -> int:
    """Start a call again and again, and cancel it a little later each time. Return how often it was still running."""
    cut = 0
    for number in range(times):
        working = asyncio.ensure_future(work())
        await asyncio.sleep(longest_s * number / times)
        cut += not working.done()
        while not working.done():  # asyncio.wait_for of Python 3.11 loses one that comes with the answer
            working.cancel()
            await asyncio.wait({working}, timeout=AGAIN_S)
        with suppress(asyncio.CancelledError):
            await working
    return cut


async def seconds(work: Work) -> float:
    began = asyncio.get_running_loop().time()
    await work()
    return asyncio.get_running_loop().time() - began


@pytest.fixture
async def watcher(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Return a separate session of the test."""
    connection = await asyncpg.connect(postgres_dsn)
    yield connection
    await connection.close()


async def sessions(watcher: asyncpg.Connection, wanted: int) -> int:
    """Return the number of other sessions, when there are few enough or the server has had time to end them."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    found = int(await watcher.fetchval(query))
    for _ in range(1200):
        if found > wanted:
            await asyncio.sleep(0.05)
            found = int(await watcher.fetchval(query))
    return found


async def test_sessions_of_postgres(watcher: asyncpg.Connection, postgres_dsn: str) -> None:
    async def opened() -> None:
        store = await Store.open(postgres_dsn)
        await store.close()

    await opened()  # which migrates
    assert await cut_off(opened, longest_s=await seconds(opened)) > TIMES / 10
    assert await sessions(watcher, 0) == 0
    store = await Store.open(postgres_dsn)
    assert await sessions(watcher, 0) == 1  # the control: an open store is seen

    async def asked() -> None:
        async with store.connection() as connection:
            await connection.fetchval("select pg_sleep(0.01)")

    assert await cut_off(asked, longest_s=0.02) > TIMES / 10
    await asked()
    assert await sessions(watcher, 1) == 1
    await store.close()


# asyncio.wait_for of Python 3.11 drops a connection that comes with the cancellation; its writer then closes itself.
@pytest.mark.filterwarnings("ignore:unclosed <StreamWriter:ResourceWarning")
async def test_connections_of_an_office(watcher: asyncpg.Connection, nats_url: str, postgres_dsn: str) -> None:
    async def opened() -> None:
        office = await LogSession.open(nats_url, postgres_dsn)
        await office.close()

    await opened()
    before, tasks = descriptors(), len(asyncio.all_tasks())
    assert await cut_off(opened, longest_s=await seconds(opened)) > TIMES / 10
    assert await sessions(watcher, 0) == 0
    for _ in range(600):  # sockets that were closed are given back with a later turn of the loop
        if (descriptors(), len(asyncio.all_tasks())) == (before, tasks):
            break
        await asyncio.sleep(0.1)
    assert (descriptors(), len(asyncio.all_tasks())) == (before, tasks)


async def test_a_connection_to_nats_that_is_cut_off_while_it_begins() -> None:
    """Held up at the server's first words, so that the socket is open: it is closed, and its tasks have ended."""
    silent: list[asyncio.StreamWriter] = []
    gone = asyncio.Event()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent.append(writer)
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(held, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connecting = asyncio.create_task(connect(f"nats://127.0.0.1:{port}", name="cut off"))
    for _ in range(6000):
        if silent:
            break
        await asyncio.sleep(0.01)
    assert silent, "control: the socket was open when the caller was cut off"
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.wait_for(gone.wait(), 60)
    server.close()
    await server.wait_closed()


async def test_the_schema_of_a_rebuild(watcher: asyncpg.Connection, postgres_dsn: str) -> None:
    store, query = await Store.open(postgres_dsn), "select count(*) from pg_namespace where nspname = $1"
    live = AccountantProjection().name
    await replay.rebuild(store, AccountantProjection())
    async with watcher.transaction():
        await watcher.execute(f"LOCK TABLE {live}.checkpoint IN EXCLUSIVE MODE")
        rebuilding = asyncio.create_task(replay.rebuild(store, AccountantProjection()))
        for _ in range(1200):
            if await watcher.fetchval(query, f"{live}_next"):
                break
            await asyncio.sleep(0.05)
        assert await watcher.fetchval(query, f"{live}_next") == 1  # the control
        assert not rebuilding.done()
        rebuilding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rebuilding
    assert await watcher.fetchval(query, f"{live}_next") == 0
    assert await watcher.fetchval(query, live) == 1
    await store.close()


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    await Stream(client).ensure()
    yield client
    await client.close()


@pytest.mark.slow
@pytest.mark.ci
async def test_subscriptions_and_consumers_of_nats(client: Client) -> None:
    stream, work, employee = Stream(client), WorkStream(client), uuid4()
    await client.jetstream().publish(SUBJECT, b"1")
    await stream.get(1)
    await work.ensure()
    await work.ensure_orders_of(employee)  # which makes what stays: the durable consumer of an employee
    await work.next_order(employee, 0.05)
    before = len(_subscriptions(client))

    async def fed() -> None:
        feed = Feed(client, 0)
        try:
            while True:
                await feed.batch(0.1)
        finally:
            await feed.close()

    reads: list[Work] = [
        lambda: stream.tail("aura.evt.>", 0),
        stream.info,
        fed,
        lambda: work.next_order(employee, 0.1),
    ]
    for read in reads:
        assert await cut_off(read, longest_s=0.004) > 0
        assert len(_subscriptions(client)) == before
    assert await _consumers(client) > 0  # the control: the server has made some for those who have left
    for _ in range(FORGOTTEN_S):
        if not await _consumers(client):
            break
        await asyncio.sleep(1)
    assert await _consumers(client) == 0
    subscription = await client.subscribe("seen")  # the control
    assert len(_subscriptions(client)) == before + 1
    await subscription.unsubscribe()


def _subscriptions(client: Client) -> dict[int, Any]:
    return client._subs


async def _consumers(client: Client) -> int:
    return int((await client.jetstream().stream_info(STREAM)).state.consumer_count)


async def test_a_server_that_is_started_for_one_command(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its start is broken off: it is stopped."""
    started: list[Server] = []

    class Slow(Server):
        def is_ready(self) -> bool:
            started.append(self)
            return False

    plan = postgres._child.plan
    own = Slow(plan.__class__(name="slow", argv=("sleep", "60"), log=str(tmp_path / "log")), "", tmp_path)
    monkeypatch.setattr(session, "_sleeping_server", lambda _settings: own)

    async def read() -> None:
        async with session.archive(None):  # type: ignore[arg-type]  # what it is asked for is given above
            pass

    assert await cut_off(read, longest_s=0.2, times=4) == 4
    assert started
    assert own.pid is None
