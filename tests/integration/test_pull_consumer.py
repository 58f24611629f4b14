"""The open request for an order: it costs almost nothing while it waits, and loses no order when anything ends it."""

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from nats.aio.client import Client

from bus.embedded.servers import Server
from bus.stream import connect
from bus.work_queue import ORDERS, Parcel, WorkStream
from domain.errors import Unavailable

LONG_S = 240.0
SOON_S = 60.0
"""Much less than LONG_S, and enough for a busy machine."""


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    yield client
    await client.close()


@pytest.fixture
async def manager(nats_url: str) -> AsyncIterator[WorkStream]:
    client = await connect(nats_url, name="manager")
    work = WorkStream(client)
    await work.ensure()
    yield work
    await client.close()


async def content(parcel: Parcel | None) -> bytes:
    assert parcel is not None
    assert await parcel.done()
    return parcel.data


async def next_of(work: WorkStream, employee: UUID, stop: asyncio.Event | None = None) -> bytes:
    """Return the next order, as a worker gets it: it asks again after each wait without an order."""
    async with asyncio.timeout(SOON_S):
        while (parcel := await work.next_order(employee, LONG_S, stop)) is None:
            pass
        return await content(parcel)


def requests(client: Client) -> int:
    return client.stats["out_msgs"]


async def test_a_waiting_worker_sends_a_few_requests_and_gets_an_order_at_once(
    client: Client, manager: WorkStream
) -> None:
    employee, work = uuid4(), WorkStream(client)
    await manager.ensure_orders_of(employee)
    assert await work.next_order(employee, 0.2) is None
    before = requests(client)
    waiting = asyncio.create_task(next_of(work, employee))
    await asyncio.sleep(2.5)
    assert requests(client) - before == 1, "one request stays open"
    began = time.monotonic()
    await manager.send_order(employee, uuid4(), b"1")
    assert await waiting == b"1"
    assert time.monotonic() - began < SOON_S


async def test_a_stop_ends_the_wait_at_once(client: Client, manager: WorkStream) -> None:
    employee, work, stop = uuid4(), WorkStream(client), asyncio.Event()
    await manager.ensure_orders_of(employee)
    waiting = asyncio.create_task(work.next_order(employee, LONG_S, stop))
    await asyncio.sleep(0.2)
    assert not waiting.done(), "control: it waits without a stop"
    stop.set()
    async with asyncio.timeout(SOON_S):
        assert await waiting is None
    await manager.send_order(employee, uuid4(), b"1")
    assert await next_of(WorkStream(client), employee) == b"1", "the ended request takes no order"


async def test_no_order_is_lost_between_a_stop_and_the_next_worker(client: Client, manager: WorkStream) -> None:
    """An order that is sent at the moment of the stop reaches either the ending worker or the next one, at once."""
    employee, both = uuid4(), [0, 0]
    await manager.ensure_orders_of(employee)
    for number in range(60):
        work, stop, name = WorkStream(client), asyncio.Event(), f"{number}".encode()
        waiting = asyncio.create_task(work.next_order(employee, LONG_S, stop))
        await asyncio.sleep(0.002)
        sending = asyncio.create_task(manager.send_order(employee, uuid4(), name))
        for _ in range(number % 12):
            await asyncio.sleep(0)
        stop.set()
        parcel = await waiting
        await sending
        last = parcel is not None
        both[last] += 1
        assert await (content(parcel) if last else next_of(WorkStream(client), employee)) == name
    print(f"taken by the next worker and by the ending one: {both}")


async def first_order(work: WorkStream, employee: UUID) -> bytes:
    """Ask as a worker does, also after errors of the connection, until an order comes. Return its content."""
    while True:
        try:
            if (parcel := await work.next_order(employee, LONG_S)) is not None:
                return await content(parcel)
        except Unavailable:
            await asyncio.sleep(0.1)


async def test_after_a_restart_of_the_server_the_request_is_repeated(
    client: Client, manager: WorkStream, nats: Server
) -> None:
    employee, work = uuid4(), WorkStream(client)
    await manager.ensure_orders_of(employee)
    assert await work.next_order(employee, 0.1) is None

    waiting = asyncio.create_task(first_order(work, employee))
    await asyncio.sleep(0.3)
    nats.kill()
    await nats.restart()
    async with asyncio.timeout(LONG_S):
        while True:
            try:
                await manager.ensure()
                await manager.ensure_orders_of(employee)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    await manager.send_order(employee, uuid4(), b"after the restart")
    async with asyncio.timeout(SOON_S):
        assert await waiting == b"after the restart"


async def test_a_consumer_that_is_made_late_is_found_soon(client: Client, manager: WorkStream) -> None:
    employee = uuid4()
    work = WorkStream(client)

    waiting = asyncio.create_task(first_order(work, employee))
    await asyncio.sleep(0.5)
    await manager.ensure_orders_of(employee)
    await manager.send_order(employee, uuid4(), b"1")
    async with asyncio.timeout(SOON_S):
        assert await waiting == b"1"


async def test_a_message_with_headers_like_those_of_the_server_is_a_message(
    client: Client, manager: WorkStream
) -> None:
    employee, work = uuid4(), WorkStream(client)
    await manager.ensure_orders_of(employee)
    for status in ("100", "404", "408", "503"):
        await client.jetstream().publish(
            f"aura.work.order.{employee}", status.encode(), headers={"Status": status}, stream=ORDERS
        )
    assert [await next_of(work, employee) for _ in range(4)] == [b"100", b"404", b"408", b"503"]


async def test_a_cancelled_wait_keeps_the_message_for_the_next_one(client: Client, manager: WorkStream) -> None:
    employee, work = uuid4(), WorkStream(client)
    await manager.ensure_orders_of(employee)
    waiting = asyncio.create_task(work.next_order(employee, LONG_S))
    await asyncio.sleep(0.2)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await manager.send_order(employee, uuid4(), b"1")
    assert await next_of(work, employee) == b"1"
