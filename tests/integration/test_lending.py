"""Connections that stay open: they are used again, closed after a fault, and never withheld from waiting callers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from bus.connection_pool import IDLE_MAX, Lending

SIZE = 2
WAIT_S = 5.0


@pytest.fixture
async def lending(postgres_dsn: str) -> AsyncIterator[Lending]:
    pool = await asyncpg.create_pool(postgres_dsn, min_size=0, max_size=SIZE)
    lending = Lending(pool, WAIT_S)
    yield lending
    async with asyncio.timeout(WAIT_S):
        await lending.close()


async def pid(lending: Lending) -> int:
    async with lending.lend() as connection:
        return connection.get_server_pid()


async def test_what_comes_back_is_lent_again(lending: Lending) -> None:
    assert len({await pid(lending) for _ in range(5)}) == 1


async def test_one_whose_use_failed_goes_back_to_the_pool_and_works_there(lending: Lending) -> None:
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with lending.lend() as connection:
            await connection.execute("no statement")
    assert lending.idle == []
    assert await pid(lending)


async def test_one_that_the_server_ended_is_not_lent_again(lending: Lending) -> None:
    async with lending.lend() as first, lending.lend() as second:
        gone = first.get_server_pid()
        ended = asyncio.Event()
        first.add_termination_listener(lambda _: ended.set())
        await second.execute("SELECT pg_terminate_backend($1)", gone)
        await asyncio.wait_for(ended.wait(), WAIT_S)
    assert gone not in {await pid(lending) for _ in range(4)}


async def test_who_waits_for_one_gets_it(lending: Lending) -> None:
    """More at once than there are connections; each has two turns, so that some come back while others wait."""
    served: list[int] = []

    async def turn() -> None:
        for _ in range(2):
            async with lending.lend() as connection:
                await connection.execute("SELECT pg_sleep(0.01)")
                served.append(connection.get_server_pid())

    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*(turn() for _ in range(5 * SIZE)))
    assert len(served) == 10 * SIZE
    assert len(set(served)) <= SIZE


async def test_a_cancelled_use_leaves_a_connection_that_works(lending: Lending) -> None:
    async def long() -> None:
        async with lending.lend() as connection:
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(long())
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await pid(lending)


async def test_closing_waits_for_what_is_lent_and_no_longer(lending: Lending) -> None:
    """The control is the fixture, which closes when nothing is lent."""
    async with lending.lend() as connection:
        closing = asyncio.create_task(lending.close())
        await asyncio.sleep(0.05)
        assert not closing.done()
        assert await connection.fetchval("SELECT 1") == 1
    async with asyncio.timeout(WAIT_S):
        await closing


async def test_what_a_burst_has_opened_goes_back_but_for_a_few(postgres_dsn: str) -> None:
    lending = Lending(await asyncpg.create_pool(postgres_dsn, min_size=0, max_size=IDLE_MAX + 2), WAIT_S)
    async with AsyncExitStack() as loans:
        for _ in range(IDLE_MAX + 2):
            await loans.enter_async_context(lending.lend())
    assert len(lending.idle) == IDLE_MAX
    assert lending.pool.get_idle_size() == 2
    await lending.close()
