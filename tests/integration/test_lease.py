"""The lease on a real nats-server: its holder, take-overs and their times.

It uses short times, and each test a control.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from nats.aio.client import Client

from bus.embedded.process import identify
from bus.embedded.servers import Server
from bus.lease import BUCKET, Lease, gone, holder_of, this_process
from bus.stream import connect
from domain.errors import Unavailable

pytestmark = pytest.mark.needs_nats

TTL_S = 2.0
LONG_S = 240.0
"""A time to live that does not end during a test."""
RENEW_S = 0.2
KEY = "manager"
WAIT_S = 240.0
POLL_S = 0.05


@pytest.fixture
async def clients(nats_url: str) -> AsyncIterator[tuple[Client, Client]]:
    """Return two connections, as two processes have them."""
    one, two = await connect(nats_url, name="one"), await connect(nats_url, name="two")
    yield one, two
    await one.close()
    await two.close()


def lease(client: Client, name: str = "", ttl_s: float = TTL_S) -> Lease:
    return Lease(client, KEY, name=name, ttl_s=ttl_s, renew_s=RENEW_S)


@asynccontextmanager
async def kept(lease: Lease) -> AsyncIterator["asyncio.Task[None]"]:
    """Keep a lease and renew it in the background."""
    stop = asyncio.Event()
    keeping = asyncio.create_task(lease.keep(stop))
    try:
        yield keeping
    finally:
        stop.set()
        await keeping


async def until_acquired(lease: Lease) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(Unavailable):
                if await lease.acquire():
                    return
            await asyncio.sleep(POLL_S)


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not found():  # noqa: ASYNC110 - a lease tells nobody
            await asyncio.sleep(POLL_S)


async def until_held(lease: Lease) -> None:
    await until(lambda: lease.held)


async def test_one_holds_it_and_gives_it_back(clients: tuple[Client, Client]) -> None:
    first, second = lease(clients[0], "first"), lease(clients[1], "second")
    assert await holder_of(clients[1], KEY) is None, "there is no bucket yet"
    assert [await first.acquire(), await second.acquire()] == [True, False]
    async with kept(first) as keeping:
        await asyncio.sleep(2 * TTL_S)
        assert not await second.acquire(), "it was renewed"
        assert (first.held, second.held, keeping.done()) == (True, False, False)
    found = await holder_of(clients[1], KEY)
    assert found == first.own
    await first.release()
    assert await holder_of(clients[1], KEY) is None
    assert await second.acquire(), "at once"
    assert (first.held, second.held) == (False, True)
    await first.release()
    assert await holder_of(clients[0], KEY) == second.own, "a release gives back what was held, and nothing else"


async def test_who_pauses_loses_it_and_hears_of_it(clients: tuple[Client, Client]) -> None:
    paused, other = lease(clients[0]), lease(clients[1])
    began = time.monotonic()
    assert await paused.acquire()
    await until_acquired(other)
    assert time.monotonic() - began > TTL_S - POLL_S
    assert not paused.held
    async with kept(other), kept(paused) as keeping:
        await asyncio.wait_for(asyncio.shield(keeping), WAIT_S)
        assert (paused.held, other.held) == (False, True)


async def test_who_pauses_and_finds_nobody_else_holds_it_again(clients: tuple[Client, Client]) -> None:
    paused = lease(clients[0])
    assert await paused.acquire()
    await asyncio.sleep(2 * TTL_S)
    assert not paused.held
    while await holder_of(clients[1], KEY) is not None:  # noqa: ASYNC110 - the server deletes it with its own timer
        await asyncio.sleep(POLL_S)
    async with kept(paused) as keeping:
        await until_held(paused)
        assert not keeping.done()


async def test_a_renewal_whose_answer_was_lost_is_found_again(clients: tuple[Client, Client]) -> None:
    first = lease(clients[0], ttl_s=LONG_S)
    assert await first.acquire()
    revision = first._revision
    async with kept(first) as keeping:
        await until(lambda: first._revision != revision)
        first._revision = revision
        await until(lambda: first._revision != revision)
        assert (first.held, keeping.done()) == (True, False)


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that can be killed. It is reaped only at the end of the test."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


async def test_a_dead_process_is_replaced_at_once_and_a_living_one_is_not(
    clients: tuple[Client, Client], sleeper: "subprocess.Popen[bytes]"
) -> None:
    identity = identify(sleeper.pid)
    assert identity is not None
    first, second = lease(clients[0], ttl_s=LONG_S), lease(clients[1], ttl_s=LONG_S)
    first.own = msgspec.structs.replace(first.own, pid=identity.pid, started=identity.started)
    assert await first.acquire()
    assert not await second.acquire()
    sleeper.kill()
    began = time.monotonic()
    while not await second.acquire():
        assert time.monotonic() - began < LONG_S / 2, "it waits for the time to live"
        await asyncio.sleep(0.01)
    assert await holder_of(clients[0], KEY) == second.own
    async with kept(first) as keeping:
        await asyncio.wait_for(asyncio.shield(keeping), WAIT_S)
    assert not first.held


def test_only_a_process_of_this_machine_can_be_known_to_be_gone() -> None:
    own = this_process("own")
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        identity = identify(process.pid)
    assert identity is not None
    dead = msgspec.structs.replace(own, pid=identity.pid, started=identity.started)
    boot, _, ticks = identity.started.partition(":")
    assert gone(dead, own)
    assert not gone(own, own)
    assert gone(msgspec.structs.replace(own, started=f"{boot}:1"), own), "the number is another process's by now"
    assert not gone(msgspec.structs.replace(dead, host="elsewhere"), own)
    assert not gone(msgspec.structs.replace(dead, namespace="pid:[1]"), own)
    assert not gone(msgspec.structs.replace(dead, started=f"another-boot:{ticks}"), own)
    nowhere = msgspec.structs.replace(own, namespace="")
    assert not gone(msgspec.structs.replace(dead, namespace=""), nowhere), "nobody knows what a number means there"


async def test_a_server_that_forgets_is_told_again(clients: tuple[Client, Client], nats: Server) -> None:
    """The bucket is in memory. While the server is away nobody has it, and nobody has lost it."""
    first, second = lease(clients[0]), lease(clients[1])
    assert await first.acquire()
    async with kept(first) as keeping:
        nats.kill()
        with pytest.raises(Unavailable):
            await second.acquire()
        with pytest.raises(Unavailable):
            await holder_of(clients[1], KEY)
        await asyncio.sleep(2 * TTL_S)
        assert (first.held, keeping.done()) == (False, False)
        await nats.restart()
        await until_held(first)
        assert await holder_of(clients[1], KEY) == first.own
        assert not await second.acquire()


async def test_a_server_that_forgets_may_be_told_otherwise(clients: tuple[Client, Client], nats: Server) -> None:
    first, second = lease(clients[0]), lease(clients[1])
    for _ in range(10):  # revisions begin anew with the bucket
        assert await first.acquire()
    nats.kill()
    await nats.restart()
    await until_acquired(second)
    async with kept(second), kept(first) as keeping:
        await asyncio.wait_for(asyncio.shield(keeping), WAIT_S)
        assert (first.held, second.held) == (False, True)


async def test_another_versions_bucket_will_do(clients: tuple[Client, Client]) -> None:
    other = Lease(clients[0], KEY, ttl_s=2 * TTL_S)
    assert await other.acquire()
    await other.release()
    first, second = lease(clients[0]), lease(clients[1])
    assert [await first.acquire(), await second.acquire()] == [True, False]


async def test_a_value_that_does_not_read_is_somebody_elses(clients: tuple[Client, Client]) -> None:
    first, second = lease(clients[0]), lease(clients[1])
    assert await second.acquire()
    bucket = await clients[0].jetstream().key_value(BUCKET)
    began = time.monotonic()
    await bucket.put(KEY, b"{}")
    assert not await first.acquire()
    assert not await second.acquire()
    assert await holder_of(clients[0], KEY) is None
    await until_acquired(first)
    assert time.monotonic() - began > TTL_S - POLL_S
