"""The live end of the log: every message arrives exactly once and in order, even if the connection breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest
from nats.aio.client import Client

from bus.embedded.servers import Server
from bus.push_consumer import BATCH_EVENTS_MAX, SILENCE_S, Feed, Gap
from bus.stream import STREAM, Stored, Stream, connect
from domain.errors import Unavailable
from tests.integration.streams import without_stream

SUBJECT = "aura.evt.run.x.tested"


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    await Stream(client).ensure()
    yield client
    await client.close()


async def publish(client: Client, first: int, last: int) -> None:
    for number in range(first, last + 1):
        await client.jetstream().publish(SUBJECT, f"{number}".encode(), headers={"Nats-Msg-Id": f"{number}"})


async def read(feed: Feed, count: int) -> list[Stored]:
    """Read this number of messages. After Unavailable it asks again, as readers do."""
    found: list[Stored] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            try:
                found.extend(await feed.batch(0.2))
            except Unavailable:
                await asyncio.sleep(0.05)
    return found


def seqs(messages: list[Stored]) -> list[int]:
    assert [message.data for message in messages] == [f"{message.seq}".encode() for message in messages]
    return [message.seq for message in messages]


async def test_it_begins_after_a_sequence_and_goes_on_as_messages_come(client: Client) -> None:
    await publish(client, 1, 7)
    feed = Feed(client, 3)
    assert seqs(await read(feed, 4)) == [4, 5, 6, 7]
    assert await feed.batch(0.05) == []
    await publish(client, 8, 9)
    assert seqs(await read(feed, 2)) == [8, 9]
    await feed.close()
    await publish(client, 10, 10)
    assert seqs(await read(feed, 1)) == [10]
    await feed.close()


async def test_a_batch_has_its_limit(client: Client) -> None:
    for _ in range(0, 2 * BATCH_EVENTS_MAX + 10, 100):
        await asyncio.gather(*(client.jetstream().publish(SUBJECT, b"x") for _ in range(100)))
    feed = Feed(client, 0)
    found: list[int] = []
    while len(found) < 2 * BATCH_EVENTS_MAX:
        batch = await feed.batch(1)
        assert len(batch) <= BATCH_EVENTS_MAX
        found.extend(message.seq for message in batch)
    assert found == list(range(1, len(found) + 1))
    await feed.close()


async def test_messages_whose_headers_look_like_the_server_s_are_delivered(client: Client) -> None:
    for number, status in enumerate(("100", "404", "409"), start=1):
        await client.jetstream().publish(SUBJECT, f"{number}".encode(), headers={"Status": status})
    feed = Feed(client, 0)
    assert seqs(await read(feed, 3)) == [1, 2, 3]
    await feed.close()


@pytest.mark.parametrize("kill", [True, False], ids=["killed", "stopped"])
async def test_a_restart_of_the_server_loses_and_doubles_nothing(client: Client, nats: Server, kill: bool) -> None:
    await publish(client, 1, 20)
    feed = Feed(client, 0)
    found = await read(feed, 10)
    if kill:
        nats.kill()
    else:
        nats.stop()
    await asyncio.sleep(0.3)
    await nats.start()
    writer = await connect(nats.url, name="writer")
    await publish(writer, 21, 40)
    found.extend(await read(feed, 40 - len(found)))
    assert seqs(found) == list(range(1, 41))
    await feed.close()
    await writer.close()


async def test_a_consumer_that_the_server_forgets_is_made_anew(client: Client) -> None:
    await publish(client, 1, 3)
    feed = Feed(client, 0)
    assert seqs(await read(feed, 3)) == [1, 2, 3]
    js = client.jetstream()
    for info in await js.consumers_info(STREAM):
        await js.delete_consumer(STREAM, info.name)
    await publish(client, 4, 5)
    began = asyncio.get_running_loop().time()
    assert seqs(await read(feed, 2)) == [4, 5]
    assert asyncio.get_running_loop().time() - began < 2 * SILENCE_S
    await feed.close()


class Wire:
    """A connection to the server that loses data in transit when it is cut, as a network does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server
        self.dropping = False

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, inner_writer]
        for source, sink, down in ((reader, inner_writer, False), (inner_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, sink, down))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, down: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if not (down and self.dropping):
                    sink.write(data)
                    await sink.drain()

    async def cut(self) -> None:
        """End every connection. Data that the server has sent is not lost."""
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.transport.abort()
        self.dropping = False

    async def close(self) -> None:
        self._server.close()
        await self.cut()
        await asyncio.gather(*self._tasks)


async def test_what_was_under_way_when_the_connection_broke_comes_again(client: Client, nats_url: str) -> None:
    parts = urlsplit(nats_url)
    assert parts.port is not None
    wire = Wire(parts.port)
    port = await wire.start()
    far = await connect(nats_url.replace(f":{parts.port}", f":{port}"), name="far")
    feed = Feed(far, 0)
    found: list[Stored] = []
    for start in range(1, 61, 20):
        await publish(client, start, start + 9)
        found.extend(await read(feed, 10))
        wire.dropping = True
        await publish(client, start + 10, start + 19)
        await asyncio.sleep(0.1)
        await wire.cut()
        found.extend(await read(feed, 10))
    assert seqs(found) == list(range(1, 61))
    await feed.close()
    await far.close()
    await wire.close()


async def test_messages_lost_on_the_way_are_asked_for_again(client: Client) -> None:
    """A client that is too slow drops what it has no room for: the stream has it still."""
    await publish(client, 1, 3)
    feed = Feed(client, 0)
    assert seqs(await read(feed, 3)) == [1, 2, 3]
    await publish(client, 4, 9)
    await asyncio.sleep(0.2)
    del feed._inbox[1]
    assert seqs(await read(feed, 6)) == [4, 5, 6, 7, 8, 9]
    await feed.close()


async def test_a_message_that_the_stream_does_not_have_is_a_gap(client: Client) -> None:
    js = client.jetstream()
    await without_stream(client)
    await js.add_stream(name=STREAM, subjects=["aura.evt.>"], allow_direct=True)
    await publish(client, 1, 5)
    await js.delete_msg(STREAM, 3)
    feed = Feed(client, 0)
    assert seqs(await read(feed, 2)) == [1, 2]
    with pytest.raises(Gap, match="no event between 2 and 4"):
        await read(feed, 1)
    await feed.close()


async def test_a_consumer_that_keeps_back_what_the_stream_has_is_made_anew(client: Client) -> None:
    """The server pauses it: heartbeats go on, messages do not come. The control shows that they are kept back."""
    await publish(client, 1, 2)
    feed = Feed(client, 0)
    assert seqs(await read(feed, 2)) == [1, 2]
    names = await api(client, f"CONSUMER.NAMES.{STREAM}", {})
    (name,) = names["consumers"]
    paused = await api(client, f"CONSUMER.PAUSE.{STREAM}.{name}", {"pause_until": "2999-01-01T00:00:00Z"})
    assert paused["paused"]
    await publish(client, 3, 4)
    assert await feed.batch(0.3) == []
    assert seqs(await read(feed, 2)) == [3, 4]
    await feed.close()


async def api(client: Client, what: str, body: Any) -> Any:
    answer = msgspec.json.decode((await client.request(f"$JS.API.{what}", msgspec.json.encode(body))).data)
    assert "error" not in answer, answer
    return answer
