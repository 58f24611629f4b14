"""Our connection to NATS: answers, late answers, the order of messages, and a server that takes no more bytes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

from bus.nats_client import WRITE_BUFFER_BYTES_MAX, Mailbox, connection_of
from bus.stream import connect
from tests.integration.desks import WAIT_S

MESSAGES = 2000


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    yield client
    await client.close()


async def test_requests_at_the_same_time_get_their_own_answers(client: Client) -> None:
    async def echo(message: object) -> None:
        await message.respond(message.data)  # type: ignore[attr-defined]  # a Msg

    await client.subscribe("t.echo", cb=echo)
    answers = await asyncio.gather(*(client.request("t.echo", f"{n}".encode(), timeout=WAIT_S) for n in range(300)))
    assert [int(answer.data) for answer in answers] == list(range(300))
    assert not connection_of(client)._resp_map


async def test_without_an_answer_a_request_ends(client: Client) -> None:
    with pytest.raises(NoRespondersError):
        await client.request("t.nobody", b"", timeout=WAIT_S)
    await client.subscribe("t.silent")
    with pytest.raises(NatsTimeout):
        await client.request("t.silent", b"", timeout=0.05)
    assert not connection_of(client)._resp_map


async def test_a_cancelled_request_leaves_nothing(client: Client) -> None:
    await client.subscribe("t.silent")
    asking = asyncio.create_task(client.request("t.silent", b"", timeout=WAIT_S))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert not connection_of(client)._resp_map


async def test_direct_messages_come_in_order_and_once(client: Client) -> None:
    mailbox = Mailbox()
    subscription = await connection_of(client).subscribe_direct("t.direct", mailbox.receive)
    for number in range(MESSAGES):
        await client.publish("t.direct", f"{number}".encode(), headers={"N": f"{number}"})
    got = [await mailbox.next(WAIT_S) for _ in range(MESSAGES)]
    assert [int(message.data) for message in got] == list(range(MESSAGES))
    assert [(message.headers or {})["N"] for message in got] == [f"{number}" for number in range(MESSAGES)]
    await subscription.unsubscribe()
    await client.publish("t.direct", b"late")
    await client.flush()
    assert mailbox.take() is None


async def test_nothing_is_lost_when_the_socket_takes_no_more_bytes(client: Client) -> None:
    """More is published in one turn than the socket and its buffer hold."""
    mailbox, large = Mailbox(), b"x" * (WRITE_BUFFER_BYTES_MAX // 2)
    await connection_of(client).subscribe_direct("t.large", mailbox.receive)
    for number in range(400):
        await client.publish("t.large", large + f"{number}".encode())
    got = [await mailbox.next(WAIT_S) for _ in range(400)]
    assert [int(message.data[len(large) :]) for message in got] == list(range(400))
    assert not connection_of(client)._pending
