"""If a process hangs inside a transaction, the process that takes over gets the locks within seconds."""

import asyncio

import asyncpg
import pytest

from bus.consumer import Runner
from bus.short_transaction import short_transaction
from domain.errors import Unavailable
from tests.integration.consumers import runner_of
from tests.integration.desks import Desk

pytestmark = [pytest.mark.needs_postgres, pytest.mark.needs_nats]
LOCK = "SELECT pg_advisory_xact_lock(4711)"
SHORT_S = 0.3
WAIT_S = 120.0


class Hanging:
    """A function that never ends, and tells when it was called."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    async def __call__(self, *_: object) -> None:
        self.called.set()
        await asyncio.Event().wait()


async def begun(runner: Runner) -> None:
    await runner._begin()


async def test_a_consumer_that_hangs_in_its_beginning_holds_up_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for a moment: it reads from a snapshot, and takes a lock only to make its schema."""
    hung, next_one, hang = runner_of(desk), runner_of(desk), Hanging()
    await begun(runner_of(desk))  # makes the schema
    for limit in ("idle_max_s", "total_max_s"):
        monkeypatch.setitem(short_transaction.__wrapped__.__kwdefaults__, limit, 2 * WAIT_S)  # type: ignore[attr-defined]  # of functools.wraps
    monkeypatch.setattr(hung.tables, "commands_after", hang)
    hanging = asyncio.create_task(begun(hung))
    await hang.called.wait()
    await asyncio.wait_for(begun(next_one), WAIT_S)
    hanging.cancel()
    with pytest.raises((asyncio.CancelledError, Unavailable)):
        await hanging


async def test_a_consumer_that_hangs_while_it_makes_its_schema_is_ended(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, next_one, hang = runner_of(desk), runner_of(desk), Hanging()
    monkeypatch.setattr(hung.tables, "create", hang)
    hanging = asyncio.create_task(begun(hung))
    await hang.called.wait()
    beginning = asyncio.create_task(begun(next_one))
    await asyncio.sleep(SHORT_S)
    assert not beginning.done(), "control: the one that hangs holds the lock"
    await asyncio.wait_for(beginning, WAIT_S)
    hanging.cancel()
    with pytest.raises((asyncio.CancelledError, Unavailable)):
        await hanging


async def test_a_transaction_that_hangs_inside_a_statement_is_ended_too(desk: Desk) -> None:
    async def wait(total_max_s: float) -> None:
        async with (
            desk.office.store.connection() as connection,
            short_transaction(connection, total_max_s=total_max_s),
        ):
            await connection.execute("SELECT pg_sleep(1)")

    with pytest.raises(Unavailable):
        await wait(SHORT_S)
    await wait(WAIT_S)  # control


async def test_locks_of_a_short_transaction_are_freed_and_its_holder_is_told(desk: Desk) -> None:
    store = desk.office.store

    async def hold() -> None:
        async with store.connection() as connection, short_transaction(connection, idle_max_s=SHORT_S):
            await connection.execute(LOCK)
            held.set()
            await go_on.wait()
            await connection.execute("SELECT 1")

    held, go_on = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(hold())
    await held.wait()
    async with store.connection() as connection, connection.transaction():
        await connection.execute(LOCK, timeout=WAIT_S)
    go_on.set()
    with pytest.raises(Unavailable):
        await holding


async def test_without_it_the_lock_stays(desk: Desk) -> None:
    """Control: an ordinary transaction of a process that hangs keeps its locks."""
    store = desk.office.store
    async with store.connection() as holder, holder.transaction():
        await holder.execute(LOCK)
        await asyncio.sleep(2 * SHORT_S)
        async with store.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '100ms'")
            with pytest.raises(asyncpg.LockNotAvailableError):
                await connection.execute(LOCK)
        await holder.execute("SELECT 1")


async def test_the_limit_ends_with_the_transaction(desk: Desk) -> None:
    """A pool's connection is used again, by transactions that may take their time."""
    async with desk.office.store.connection() as connection:
        async with short_transaction(connection, idle_max_s=SHORT_S):
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "300ms"
        async with connection.transaction():
            await asyncio.sleep(2 * SHORT_S)
            assert await connection.fetchval("SHOW idle_in_transaction_session_timeout") == "0"
