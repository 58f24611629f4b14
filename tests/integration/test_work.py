"""The work queue: an order leads to one call, and a hand-in survives a short outage of the database."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from uuid import UUID

import msgspec

from agents.employees.contract import Order
from agents.employees.providers.scripted import ScriptedEmployee
from agents.permits import PermitAnswer, PermitRequest
from agents.workers.result import HandIn
from agents.workers.worker import Worker
from bus.embedded.servers import Server
from bus.stream import connect
from bus.work_queue import WorkStream
from domain.errors import Unavailable
from tests import orders
from tests.integration.house import House, Sample, of


class Counting:
    """A script that counts how often it is played."""

    name = "counting"

    def __init__(self) -> None:
        self.calls = 0

    def files(self, order: Order) -> Mapping[str, bytes]:
        del order
        self.calls += 1
        return {"double.py": b"def double(number):\n    return 2 * number\n"}


async def test_an_order_that_is_sent_again_after_the_servers_death_is_one_call(nats: Server) -> None:
    """nats-server dies before it confirms the order and after the worker took it: nobody knows, it is sent again."""
    manager, client = await connect(nats.url, name="manager"), await connect(nats.url, name="worker")
    sender, receiver = WorkStream(manager), WorkStream(manager)
    script, stop = Counting(), asyncio.Event()
    first = orders.order()
    other = msgspec.structs.replace(first, id=UUID(int=9))
    worker = Worker(ScriptedEmployee(id=first.employee, name="anna", script=script), WorkStream(client))
    working = asyncio.create_task(worker.run(stop))
    await sender.ensure()
    await sender.ensure_orders_of(first.employee)
    permitting = asyncio.create_task(permits(sender, stop))
    await sender.send_order(first.employee, first.id, msgspec.json.encode(first))
    assert await handed_in(receiver) == first.id
    nats.kill()
    await nats.restart()
    await asyncio.sleep(0.5)  # both clients are back
    await sender.ensure()
    await sender.ensure_orders_of(first.employee)
    for order in (first, other):
        await sender.send_order(order.employee, order.id, msgspec.json.encode(order))
    assert await handed_in(receiver) == other.id
    stop.set()
    await asyncio.gather(working, permitting)
    await asyncio.gather(manager.close(), client.close())
    assert script.calls == 2


async def permits(work: WorkStream, stop: asyncio.Event) -> None:
    """Permit every call, as a manager does."""

    async def answer(_employee: UUID, data: bytes) -> bytes:
        claim = msgspec.json.decode(data, type=PermitRequest).claim
        return msgspec.json.encode(PermitAnswer(status="granted", claim=claim))

    await work.serve_permits(answer, stop)


async def handed_in(work: WorkStream) -> UUID:
    """Return the order of the next hand-in."""
    while True:
        with suppress(Unavailable):
            parcel = await work.next_result(1.0)
            if parcel is not None:
                assert await parcel.done()
                return msgspec.json.decode(parcel.data, type=HandIn).order


async def test_a_hand_in_waits_for_a_database_that_is_away(house: House, postgres: Server) -> None:
    """What an employee has done is not lost, and is not cut off, because Postgres was away when it came in."""
    sample, killed = Sample(1), asyncio.Event()
    await house.hire("anna", {"T1": [sample.right("T1")]}, wall_s=60.0)

    def fault(point: str) -> None:
        if point == "reception:before-receipt" and not killed.is_set():
            postgres.kill()
            killed.set()

    async with house.running(fault=fault, lease_margin_s=3.0):
        run = await house.submit(sample)
        await killed.wait()
        await asyncio.sleep(0.5)
        await postgres.restart()
        log = await house.until_type(run, "run.delivered")
    assert not of(log, run, "task.released")
    assert len(of(log, run, "task.call_finished")) == 1
