"""The commit point: guards, groups and duplicates, by the answers of a real server."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client

from bus.publisher import GROUP_MIN, SINGLES_MAX, Outgoing, Publisher, Stale, Unknown
from bus.stream import STREAM, Stream, connect
from domain.errors import Unavailable
from tests.integration.desks import at

WAITING = SINGLES_MAX + GROUP_MIN
"""With this number of decisions at the same moment, GROUP_MIN wait while SINGLES_MAX are being published."""


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    await Stream(client).ensure()
    yield client
    await client.close()


def filter_of(key: UUID) -> str:
    return f"aura.evt.run.{key}.>"


def event(key: UUID, expected: int | None, *, id: UUID | None = None, name: str = "tested") -> Outgoing:
    guard = None if expected is None else (filter_of(key), expected)
    return Outgoing(id or uuid4(), f"aura.evt.run.{key}.{name}", f"{at()}".encode(), guard)


async def publish(publisher: Publisher, key: UUID, message: Outgoing) -> int | type[Exception]:
    try:
        return (await publisher.publish_events(key, [message]))[0]
    except Stale as error:
        return type(error)


async def test_an_expectation_that_holds_is_published_and_one_that_does_not_is_stale(client: Client) -> None:
    publisher, key, other = Publisher(client), uuid4(), uuid4()
    assert await publish(publisher, key, event(key, 0)) == 1
    assert await publish(publisher, other, event(other, 0)) == 2
    assert await publish(publisher, key, event(key, 0)) is Stale
    assert await publish(publisher, key, event(key, 2)) is Stale
    assert await publish(publisher, key, event(key, 1)) == 3
    assert await publish(publisher, key, event(key, None)) == 4
    assert (await Stream(client).info()).last_seq == 4


async def test_a_guard_is_on_its_filter_and_not_on_the_message_s_own_subject(client: Client) -> None:
    publisher, key, task = Publisher(client), uuid4(), uuid4()
    inner = f"aura.evt.run.{key}.task.{task}"
    first = Outgoing(uuid4(), f"{inner}.assigned", b"1", (filter_of(key), 0))
    assert await publish(publisher, key, first) == 1
    assert await publish(publisher, key, event(key, 0)) is Stale
    assert await publish(publisher, key, event(key, 1)) == 2
    assert await publish(publisher, key, Outgoing(uuid4(), f"{inner}.started", b"2", (f"{inner}.>", 1))) == 3
    assert await publish(publisher, key, Outgoing(uuid4(), f"{inner}.started", b"2", (f"{inner}.>", 1))) is Stale


async def test_an_id_that_was_published_is_stale_and_not_stored_again(client: Client) -> None:
    publisher, key = Publisher(client), uuid4()
    message = event(key, None)
    assert await publish(publisher, key, message) == 1
    assert await publish(publisher, key, message) is Stale
    with pytest.raises(Stale):
        await publisher.publish_events(key, [event(key, None), message])
    assert (await Stream(client).info()).last_seq == 1
    assert await publish(publisher, key, event(key, None)) == 2


async def test_a_batch_is_stored_whole_or_not_at_all(client: Client) -> None:
    publisher, stream, one, two = Publisher(client), Stream(client), uuid4(), uuid4()
    assert await publisher.publish_events(one, [event(one, 0), event(two, 0)]) == (1, 2)
    for guards in ((0, 2), (1, 1), (0, 0)):
        with pytest.raises(Stale):
            await publisher.publish_events(one, [event(one, guards[0]), event(two, guards[1])])
    assert (await stream.info()).last_seq == 2
    assert await publisher.publish_events(one, [event(one, 1), event(one, None), event(two, 2)]) == (3, 4, 5)
    assert [message.seq for message in await stream.tail(filter_of(one), 0)] == [1, 3, 4]


async def test_what_waits_at_the_same_moment_goes_out_as_one_group(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(WAITING)]
    messages = [event(key, 0) for key in keys]
    seqs = await asyncio.gather(
        *(publish(publisher, key, message) for key, message in zip(keys, messages, strict=True))
    )
    assert sorted(seqs, key=str) == sorted(range(1, WAITING + 1), key=str)
    assert publisher.groups == 1
    stored = {message.seq: message.data for message in await Stream(client).tail("aura.evt.>", 0)}
    assert stored == {seq: message.body for seq, message in zip(seqs, messages, strict=True)}


async def test_fewer_than_a_group_go_out_singly(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(WAITING - 1)]
    seqs = await asyncio.gather(*(publish(publisher, key, event(key, 0)) for key in keys))
    assert sorted(seqs, key=str) == sorted(range(1, WAITING), key=str)
    assert publisher.groups == 0


async def test_one_stale_member_does_not_cost_the_others_of_its_group(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(WAITING)]
    assert await publish(publisher, keys[-1], event(keys[-1], 0)) == 1
    seqs = await asyncio.gather(*(publish(publisher, key, event(key, 0)) for key in keys))
    assert seqs[-1] is Stale
    assert sorted(seqs[:-1], key=str) == sorted(range(2, WAITING + 1), key=str)
    assert publisher.groups == 0


async def test_a_duplicate_in_a_group_is_stale_alone(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(WAITING)]
    messages = [event(key, None) for key in keys]
    assert await publish(publisher, keys[-1], messages[-1]) == 1
    seqs = await asyncio.gather(
        *(publish(publisher, key, message) for key, message in zip(keys, messages, strict=True))
    )
    assert seqs[-1] is Stale
    assert len({seq for seq in seqs[:-1] if isinstance(seq, int)}) == WAITING - 1
    assert (await Stream(client).info()).last_seq == WAITING


async def test_one_run_is_in_a_group_once_and_all_its_decisions_go_out(client: Client) -> None:
    publisher, hot = Publisher(client), uuid4()
    keys = [uuid4() for _ in range(WAITING)] + [hot] * 5
    seqs = await asyncio.gather(*(publish(publisher, key, event(key, None)) for key in keys))
    assert sorted(seqs, key=str) == sorted(range(1, len(keys) + 1), key=str)
    assert publisher.groups >= 1


async def test_a_caller_that_gives_up_leaves_the_others_alone(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(2 * WAITING)]
    tasks = [asyncio.create_task(publish(publisher, key, event(key, 0))) for key in keys]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(seq, int) for index, seq in enumerate(done) if index % 3)
    assert isinstance(await publish(publisher, keys[0], event(uuid4(), 0)), int)


async def test_thousands_of_decisions_leave_none_waiting(client: Client) -> None:
    publisher, keys = Publisher(client), [uuid4() for _ in range(1500)]
    async with asyncio.timeout(60):
        seqs = await asyncio.gather(*(publish(publisher, key, event(key, 0)) for key in keys))
    assert sorted(seq for seq in seqs if isinstance(seq, int)) == list(range(1, 1501))
    assert publisher.groups >= 3


async def test_without_a_stream_nothing_is_published_and_nobody_is_told_otherwise(nats_url: str) -> None:
    client = await connect(nats_url, name="test")
    key = uuid4()
    with pytest.raises(Unknown):
        await Publisher(client).publish_events(key, [event(key, 0)])
    with pytest.raises(Unavailable, match=STREAM):
        await Stream(client).info()
    await client.close()


async def test_a_group_has_a_limit_of_bytes(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each group may hold two events. The others are sent, too: singly or in later groups."""
    monkeypatch.setattr("bus.publisher.GROUP_BYTES_MAX", 25_000)
    monkeypatch.setattr("bus.publisher.GROUP_MIN", 2)
    publisher, count = Publisher(client), 40
    messages = [(uuid4(), uuid4()) for _ in range(count)]
    seqs = await asyncio.gather(
        *(
            publisher.publish_events(key, [Outgoing(id, f"aura.evt.run.{key}.tested", b"x" * 10_000, None)])
            for key, id in messages
        )
    )
    assert sorted(seq for (seq,) in seqs) == list(range(1, count + 1))
    assert publisher.groups > 5
