"""The embedded servers: the data that they keep after a crash, and the clients that they accept."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import asyncpg
import msgspec
import nats as nats_client
import pytest
from nats.js.api import StreamConfig

from bus.embedded.servers import Server, servers


async def test_postgres_keeps_a_commit_over_a_crash(postgres: Server, postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept VALUES (7)")
    postgres.kill()
    await postgres.restart()
    connection.terminate()
    connection = await asyncpg.connect(postgres_dsn)
    assert await connection.fetchval("SELECT n FROM kept") == 7
    await connection.close()


async def test_a_server_that_has_died_by_itself_can_be_stopped_and_started(nats: Server) -> None:
    for end in (nats.stop, nats.kill):
        assert nats.pid is not None
        os.kill(nats.pid, signal.SIGKILL)
        await asyncio.sleep(0.2)
        end()
        await nats.start()


async def test_postgres_writes_through_and_speaks_utf8(postgres_dsn: str) -> None:
    connection = await asyncpg.connect(postgres_dsn)
    shown = {
        name: await connection.fetchval(f"SHOW {name}")
        for name in ("fsync", "synchronous_commit", "full_page_writes", "listen_addresses", "server_encoding")
    }
    await connection.close()
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
    }


async def test_nats_keeps_an_acknowledged_message_over_a_crash(nats: Server) -> None:
    client = await nats_client.connect(nats.url)
    await client.jetstream().add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
    acknowledged = await client.jetstream().publish("kept.one", b"x" * 2_000_000)
    nats.kill()
    await nats.restart()
    await client.close()
    client = await nats_client.connect(nats.url)
    assert (await client.jetstream().get_msg("KEPT", acknowledged.seq)).data == b"x" * 2_000_000
    await client.close()


async def test_nats_syncs_before_it_acknowledges_and_listens_on_loopback(nats: Server) -> None:
    settings = msgspec.json.decode((nats.store.parent / "nats.json").read_bytes())
    seen = msgspec.json.decode(await asyncio.to_thread(_get, f"http://{settings['http']}/varz"))
    assert seen["jetstream"]["config"]["sync_always"] is True
    assert seen["max_payload"] == 16 * 1024 * 1024
    assert seen["host"] == seen["http_host"] == "127.0.0.1"


def _get(url: str) -> bytes:
    with urlopen(url, timeout=60) as answer:
        body: bytes = answer.read()
    return body


async def test_nats_admits_nobody_without_the_password(nats: Server) -> None:
    known = urlsplit(nats.url)
    login = {"user": known.username, "pass": known.password}
    assert await _greet(known.port, {}) == b"-ERR 'Authorization Violation'\r\n"
    assert await _greet(known.port, {**login, "pass": "guess"}) == b"-ERR 'Authorization Violation'\r\n"
    assert await _greet(known.port, login) == b"PONG\r\n"


async def _greet(port: int | None, login: dict[str, str | None]) -> bytes:
    """Return the server's answer to a CONNECT with these credentials and a PING."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"CONNECT " + msgspec.json.encode({**login, "verbose": False}) + b"\r\nPING\r\n")
    answer = await reader.readline()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return answer


async def test_servers_in_the_foreground_end_with_their_block_and_keep_their_data(open_folder: Path) -> None:
    folder = open_folder / "foreground"
    async with servers(folder) as first:
        connection = await asyncpg.connect(first.postgres_dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
        await connection.close()
        client = await nats_client.connect(first.nats_url)
        await client.close()
    with pytest.raises(OSError, match=r"refused|No such file"):
        await asyncpg.connect(first.postgres_dsn)
    async with servers(folder) as second:
        connection = await asyncpg.connect(second.postgres_dsn)
        assert await connection.fetchval("SELECT n FROM kept") == 7
        await connection.close()
