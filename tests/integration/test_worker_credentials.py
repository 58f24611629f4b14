"""Credentials of workers in a running server: added and removed without a restart, and homes of older releases."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, StreamConfig

from bus.embedded import nats, worker_credentials
from bus.embedded.endpoints import Endpoints
from bus.embedded.home import Home
from bus.embedded.servers import nats_at
from bus.embedded.stack import down, up
from bus.stream import connect
from bus.work_queue import WorkStream
from domain.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from governance.authority import WORKER_RIGHTS
from tests.integration.worker_access import without_accounts

ELSEWHERE = "postgresql://elsewhere/aura"
ANNA, BEN = UUID(int=1), UUID(int=2)


def quiet(_line: str) -> None:
    pass


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Path]:
    """Return a home whose NATS server runs under a supervisor."""
    folder = tmp_path / "home"
    await started(folder)
    yield folder
    await down(folder, on_progress=quiet)


async def started(folder: Path) -> Endpoints:
    stack = await up(folder, postgres_dsn=ELSEWHERE, rights=WORKER_RIGHTS, on_progress=quiet)
    assert stack.endpoints is not None
    return stack.endpoints


async def permit(employee: UUID, data: bytes) -> bytes:
    return f"{employee}".encode() + data


async def test_a_credential_is_added_and_removed_while_the_server_runs(home: Path) -> None:
    known, stop = await started(home), asyncio.Event()
    core, own = await connect(known.nats_url, name="core"), await connect(known.worker_nats_url, name="own")
    serving = asyncio.create_task(WorkStream(core).serve_permits(permit, stop))
    url = await asyncio.to_thread(worker_credentials.add, Home(home), "far", [ANNA], WORKER_RIGHTS)
    far, ended = Client(), asyncio.Event()

    async def closed() -> None:
        ended.set()

    await far.connect(url, closed_cb=closed, error_cb=ignore, allow_reconnect=False)
    assert await WorkStream(far).ask_permit(ANNA, b"?", 2) == f"{ANNA}?".encode(), "its imports work at once"
    assert await WorkStream(far).ask_permit(BEN, b"?", 0.3) is None, "it serves only the named employee"
    assert await WorkStream(own).ask_permit(BEN, b"?", 2) == f"{BEN}?".encode(), "control"
    with pytest.raises(Conflict, match="far exists"):
        worker_credentials.add(Home(home), "far", [], WORKER_RIGHTS)
    await asyncio.to_thread(worker_credentials.remove, Home(home), "far", WORKER_RIGHTS)
    await asyncio.wait_for(ended.wait(), 5)
    with pytest.raises(Unavailable, match="Authorization"):
        await connect(url, name="far")
    assert await WorkStream(own).ask_permit(BEN, b"?", 2) == f"{BEN}?".encode(), "control: it still works"
    assert (core.stats["reconnects"], own.stats["reconnects"]) == (0, 0), "no other connection was closed"
    stop.set()
    await serving
    await core.close()
    await own.close()


async def ignore(_error: Exception) -> None:
    pass


async def test_a_credential_that_cannot_be_changed_is_refused(home: Path, tmp_path: Path) -> None:
    for name in ("", "UPPER", "a b", "a.b", "x" * 32, "-a"):
        with pytest.raises(Invalid):
            worker_credentials.add(Home(home), name, [], WORKER_RIGHTS)
    with pytest.raises(NotFound):
        worker_credentials.remove(Home(home), "nobody", WORKER_RIGHTS)
    with pytest.raises(Refused):
        worker_credentials.remove(Home(home), "workers", WORKER_RIGHTS)
    with pytest.raises(Unavailable, match="no NATS server"):
        worker_credentials.of_home(Home(tmp_path / "none"))
    assert [known.name for known in worker_credentials.of_home(Home(home))] == ["workers"], "control"


async def test_an_added_credential_is_there_after_a_restart_and_its_file_is_private(home: Path) -> None:
    url = await asyncio.to_thread(worker_credentials.add, Home(home), "far", [], WORKER_RIGHTS)
    await down(home, on_progress=quiet)
    for name in (nats.WORKERS_FILE, nats.SETTINGS_FILE):
        assert (home / "run" / name).stat().st_mode & 0o077 == 0
    await started(home)
    client = await connect(url, name="far")
    await client.close()


async def test_streams_of_an_older_release_keep_their_messages_and_consumers(tmp_path: Path) -> None:
    """The server of an older release has one account. At the next start its streams belong to CORE."""
    server = nats_at(tmp_path)
    without_accounts(tmp_path)
    await server.start()
    client = await connect(server.url, name="old")
    js = client.jetstream()
    await js.add_stream(StreamConfig(name="KEPT", subjects=["kept"]))
    await js.add_consumer("KEPT", ConsumerConfig(durable_name="reader", ack_policy="explicit"))  # type: ignore[arg-type]
    for number in range(3):
        await js.publish("kept", str(number).encode())
    await (await js.pull_subscribe_bind("reader", "KEPT")).fetch(1)
    await client.close()
    server.stop()

    newer = nats_at(tmp_path, WORKER_RIGHTS)
    assert newer.url.rpartition(":")[0] == server.url.rpartition(":")[0], "user and password stay"
    await newer.start()
    try:
        client = await connect(newer.url, name="new")
        js = client.jetstream()
        assert (await js.get_msg("KEPT", 3)).data == b"2"
        assert (await js.consumer_info("KEPT", "reader")).delivered.stream_seq == 1
        assert {path.name for path in (server.store / "jetstream").iterdir()} == {"CORE"}
        await client.close()
    finally:
        newer.stop()


def test_the_settings_of_an_older_release_are_written_anew(tmp_path: Path) -> None:
    old = {"authorization": {"user": "aura", "password": "p"}}
    (tmp_path / nats.SETTINGS_FILE).write_text(json.dumps(old))
    nats.plan(tmp_path, tmp_path / "store", 1, 2, tmp_path, WORKER_RIGHTS)
    settings = json.loads((tmp_path / nats.SETTINGS_FILE).read_bytes())
    assert "authorization" not in settings
    assert set(settings["accounts"]) == {"CORE", "WORKER_workers"}
