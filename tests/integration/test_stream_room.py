"""The size of a stream on a real server: it fits the free disk, never shrinks, can be full, and can be made larger."""

from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from bus.disk_room import GIB, MIB, STREAM_BYTES_MAX
from bus.embedded.servers import Server, nats_at
from bus.publisher import Outgoing, Publisher
from bus.rehydration import rehydrate
from bus.store import Store
from bus.stream import NoRoom, Stream, connect
from domain.errors import Unavailable

pytestmark = [pytest.mark.needs_nats, pytest.mark.needs_postgres]
SUBJECT = "aura.evt.run.x.submitted"


def limited(folder: Path, store_bytes: int) -> Server:
    """Return a server that has this amount of space for streams."""
    server = nats_at(folder)
    settings = msgspec.json.decode((folder / "nats.json").read_bytes())
    settings["jetstream"]["max_file_store"] = store_bytes
    (folder / "nats.json").write_bytes(msgspec.json.encode(settings))
    return server


@pytest.mark.parametrize(("room", "size"), [(3 * GIB, 2 * GIB), (300 * MIB, 256 * MIB), (9 * GIB, STREAM_BYTES_MAX)])
async def test_a_new_stream_is_as_large_as_the_server_has_room_for(tmp_path: Path, room: int, size: int) -> None:
    server = limited(tmp_path, room)
    await server.start()
    client = await connect(server.url, name="test")
    try:
        await Stream(client).ensure()
        assert (await Stream(client).info()).bytes_max == size
    finally:
        await client.close()
        server.stop()


async def test_no_room_at_all_is_said_with_the_right_remedy(tmp_path: Path) -> None:
    server = limited(tmp_path, 100 * MIB)
    await server.start()
    client = await connect(server.url, name="test")
    try:
        with pytest.raises(NoRoom, match="insufficient storage") as raised:
            await Stream(client).ensure()
        assert "Free some space" in raised.value.hint
        assert "repair" not in raised.value.hint
    finally:
        await client.close()
        server.stop()


async def test_a_new_stream_is_as_large_as_its_disk_allows_and_is_put_back_as_large(
    tmp_path: Path, postgres_dsn: str
) -> None:
    server = nats_at(tmp_path)
    await server.start()
    client, store = await connect(server.url, name="test"), await Store.open(postgres_dsn)
    stream = Stream(client)
    try:
        await stream.ensure(largest=2 * GIB)
        assert (await stream.info()).bytes_max == 2 * GIB
        assert await stream.grow(16 * GIB), "more than any new stream gets"
        await rehydrate(client, store, stream_bytes_max=GIB)
        assert (await stream.info()).bytes_max == 16 * GIB
        await client.jetstream().delete_stream("AURA")
        await rehydrate(client, store, stream_bytes_max=GIB)
        assert (await stream.info()).bytes_max == GIB
    finally:
        await store.close()
        await client.close()
        server.stop()


async def publish(publisher: Publisher, text: bytes) -> int:
    outgoing = Outgoing(uuid4(), SUBJECT, text, None)
    (seq,) = await publisher.publish_events(UUID(int=1), [outgoing])
    return seq


async def test_a_full_stream_says_what_to_do_and_goes_on_when_it_is_larger(tmp_path: Path) -> None:
    server = nats_at(tmp_path)
    await server.start()
    client = await connect(server.url, name="test")
    stream, publisher = Stream(client), Publisher(client)
    try:
        await stream.ensure()
        config = msgspec.json.decode((await client.request("$JS.API.STREAM.INFO.AURA", b"")).data)["config"]
        small = msgspec.json.encode(config | {"max_bytes": MIB})
        assert b'"error"' not in (await client.request("$JS.API.STREAM.UPDATE.AURA", small)).data
        assert await publish(publisher, b"x" * 1000) == 1
        for _ in range(3):
            await publish(publisher, b"x" * (MIB // 4))
        with pytest.raises(Unavailable, match="The stream is full") as full:
            await publish(publisher, b"x" * (MIB // 4))
        assert full.value.code == "stream_full"
        assert "AURA_STREAM_GIB=16 aura up" in full.value.hint
        last = (await stream.info()).last_seq
        assert await stream.grow(2 * GIB)
        assert await publish(publisher, b"y") == last + 1, "nothing was lost"
        assert not await stream.grow(GIB), "it is never made smaller"
        assert (await stream.info()).bytes_max == 2 * GIB
    finally:
        await client.close()
        server.stop()


async def test_a_stream_that_is_there_keeps_its_size_when_the_disk_has_less_room(tmp_path: Path) -> None:
    server = limited(tmp_path, 9 * GIB)
    await server.start()
    client = await connect(server.url, name="test")
    await Stream(client).ensure()
    seq = await publish(Publisher(client), b"x")
    await client.close()
    server.stop()
    server = limited(tmp_path, GIB)
    await server.start()
    client = await connect(server.url, name="test")
    try:
        await Stream(client).ensure()
        info = await Stream(client).info()
        assert (info.bytes_max, info.last_seq) == (STREAM_BYTES_MAX, seq)
    finally:
        await client.close()
        server.stop()
