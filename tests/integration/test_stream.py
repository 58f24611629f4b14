"""The stream is a log: forbidden operations are refused by the server, and permitted ones work."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError

from bus.embedded.servers import Server
from bus.stream import (
    CREATE_TRIES,
    DUPLICATE_WINDOW_S,
    HOT_WINDOW_S,
    NANO,
    READ_BATCH_MAX,
    STREAM,
    Stored,
    Stream,
    connect,
)
from domain.errors import Unavailable
from tests.integration.streams import without_stream

WAIT_S = 120.0
SUBJECT = f"aura.evt.run.{uuid4()}.tested"


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    yield client
    await client.close()


@pytest.fixture
async def stream(client: Client) -> Stream:
    stream = Stream(client)
    await stream.ensure()
    await stream.ensure()  # it is there, and it is right
    return stream


async def settings(client: Client) -> dict[str, object]:
    reply = await client.request(f"$JS.API.STREAM.INFO.{STREAM}", b"")
    found: dict[str, object] = msgspec.json.decode(reply.data)["config"]
    return found


async def test_its_settings_are_those_of_a_log(client: Client, stream: Stream) -> None:
    del stream  # it has made the stream
    found = await settings(client)
    wanted = {
        "subjects": ["aura.evt.>"],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "deny_delete": True,
        "deny_purge": True,
        "allow_direct": True,
        "allow_atomic": True,
        "max_age": HOT_WINDOW_S * NANO,
        "duplicate_window": DUPLICATE_WINDOW_S * NANO,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
    }
    assert {name: found.get(name) for name in wanted} == wanted
    assert isinstance(found["max_bytes"], int)
    assert found["max_bytes"] > 0
    assert not found.get("allow_rollup_hdrs")
    assert not found.get("allow_msg_ttl")


async def test_no_message_is_deleted_purged_rolled_up_or_short_lived(client: Client, stream: Stream) -> None:
    js = client.jetstream()
    for number in range(3):
        await js.publish(SUBJECT, f"{number}".encode())
    with pytest.raises(APIError, match="delete"):
        await js.delete_msg(STREAM, 1)
    with pytest.raises(APIError, match="purge"):
        await js.purge_stream(STREAM)
    for header in ({"Nats-Rollup": "sub"}, {"Nats-Rollup": "all"}, {"Nats-TTL": "1s"}):
        with pytest.raises(APIError, match=r"rollup|TTL|ttl"):
            await js.publish(SUBJECT, b"x", headers=header)
    assert [message.data for message in await stream.tail("aura.evt.>", 0)] == [b"0", b"1", b"2"]
    assert (await js.publish(SUBJECT, b"3")).seq == 4


@pytest.mark.parametrize(
    "change", [{"deny_delete": False}, {"deny_purge": False}], ids=lambda change: next(iter(change))
)
async def test_the_server_does_not_take_the_law_back(client: Client, stream: Stream, change: dict[str, bool]) -> None:
    del stream  # it has made the stream
    changed = await settings(client) | change
    reply = await client.request(f"$JS.API.STREAM.UPDATE.{STREAM}", msgspec.json.encode(changed))
    assert "error" in msgspec.json.decode(reply.data)
    allowed = await settings(client) | {"max_age": HOT_WINDOW_S * NANO // 2}
    reply = await client.request(f"$JS.API.STREAM.UPDATE.{STREAM}", msgspec.json.encode(allowed))
    assert "error" not in msgspec.json.decode(reply.data)


@pytest.mark.parametrize(
    "other",
    [
        {"deny_purge": False},
        {"deny_delete": False},
        {"discard": "old"},
        {"storage": "memory", "max_bytes": 1024**2},
        {"allow_atomic": False},
        {"allow_rollup_hdrs": True, "deny_purge": False},
        {"max_bytes": -1},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_a_stream_of_the_same_name_that_is_no_log_is_refused(
    client: Client, stream: Stream, other: dict[str, object]
) -> None:
    await stream.ensure()  # the control: it is a log until now
    mine = await settings(client)
    await without_stream(client)
    reply = await client.request(f"$JS.API.STREAM.CREATE.{STREAM}", msgspec.json.encode(mine | other))
    assert "error" not in msgspec.json.decode(reply.data)
    with pytest.raises(Unavailable, match="cannot be used as a log"):
        await stream.ensure()


@pytest.mark.parametrize("refusals", [1, CREATE_TRIES - 1, CREATE_TRIES])
async def test_a_stream_is_created_again_when_the_server_was_still_removing_the_last_one(
    client: Client, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """The answer is one that nats-server 2.15.1 gave to 3 of 2,000 creations, each right after a deletion."""
    refused = b'{"error":{"code":500,"err_code":10049,"description":"error creating store for stream"}}'
    asked = client.request
    left = refusals

    async def removing(subject: str, *args: object, **named: object) -> Msg:
        nonlocal left
        if ".CREATE." in subject and left:
            left -= 1
            return Msg(client, data=refused)
        return await asked(subject, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(client, "request", removing)
    monkeypatch.setattr("bus.stream.CREATE_PAUSE_S", 0)
    stream = Stream(client)
    if refusals == CREATE_TRIES:
        with pytest.raises(Unavailable, match="error creating store"):
            await stream.ensure()
        return
    await stream.ensure()
    assert (await stream.info()).last_seq == 0


async def test_reads_give_what_is_there_in_order_and_nothing_else(client: Client, stream: Stream) -> None:
    js = client.jetstream()
    count = 2 * READ_BATCH_MAX + 3
    for number in range(count):
        await js.publish(f"aura.evt.run.{'ab'[number % 2]}.x", f"{number}".encode())
    whole = await stream.tail("aura.evt.>", 0)
    assert [message.seq for message in whole] == list(range(1, count + 1))
    odd = await stream.tail("aura.evt.run.a.>", 0)
    assert odd == [message for message in whole if message.subject == "aura.evt.run.a.x"]
    assert [message.seq for message in await stream.tail("aura.evt.run.b.>", count - 4)] == [count - 3, count - 1]
    assert await stream.tail("aura.evt.run.c.>", 0) == []
    assert await stream.tail("aura.evt.>", count) == []
    assert (await stream.last("aura.evt.run.a.>"), await stream.last("aura.evt.run.c.>")) == (count, 0)
    assert await stream.get(2) == Stored(2, "aura.evt.run.b.x", b"1")
    assert await stream.get(count + 1) is None


async def test_a_message_whose_headers_look_like_the_server_s_is_a_message(client: Client, stream: Stream) -> None:
    js = client.jetstream()
    forged = ({"Status": "404"}, {"Status": "204"}, {"Status": "100"}, {"Nats-Sequence": "77", "Nats-Subject": "x"})
    for headers in forged:
        await js.publish(SUBJECT, b"x", headers=headers)
    await js.publish(SUBJECT, b"last")
    found = await stream.tail("aura.evt.>", 0)
    assert [(message.seq, message.subject) for message in found] == [(seq, SUBJECT) for seq in range(1, 6)]
    assert [message and message.seq for message in [await stream.get(seq) for seq in range(1, 6)]] == [1, 2, 3, 4, 5]


async def test_a_stream_that_is_put_back_begins_where_it_is_told(client: Client) -> None:
    stream = Stream(client)
    await stream.ensure(first_seq=1000)
    assert (await stream.info()).last_seq == 999
    assert (await client.jetstream().publish(SUBJECT, b"x")).seq == 1000


async def test_without_a_server_it_says_so_and_does_not_wait_for_one() -> None:
    with pytest.raises(Unavailable, match=r"NATS does not answer: .*(Connect call failed|Connection refused)"):
        await connect("nats://127.0.0.1:1", name="test")


CUT_OFF_MAX = 10
"""A server that refuses a client closes the connection immediately. A slow client then sees a reset and no reason."""


async def test_with_a_wrong_password_it_says_so(nats_url: str) -> None:
    scheme, _, rest = nats_url.partition("://")
    said = []
    for _ in range(CUT_OFF_MAX):
        with pytest.raises(Unavailable, match="NATS does not answer") as refused:
            await connect(f"{scheme}://aura:wrong@{rest.partition('@')[2]}", name="test")
        said.append(refused.value.message)
        if "uthorization" in said[-1]:
            break
    assert "uthorization" in said[-1], said
    client = await connect(nats_url, name="test")
    assert client.is_connected
    await client.close()


async def test_a_connection_outlives_its_server(nats: Server) -> None:
    client = await connect(nats.url, name="test")
    stream = Stream(client)
    await stream.ensure()
    nats.kill()
    async with asyncio.timeout(WAIT_S):
        while client.is_connected:  # noqa: ASYNC110 - the client tells nobody
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)  # a few attempts fail
        await nats.start()
        while not client.is_connected:  # noqa: ASYNC110 - the client tells nobody
            await asyncio.sleep(0.05)
    assert (await stream.info()).last_seq == 0
    await client.close()
