"""Positions, parked events and rows of consumers, each read with one question to Postgres."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import uuid4

import pytest

from bus.checkpoints import checkpoints, parked, read_rows
from bus.projection_rows import Parked, Rows
from bus.projection_tables import Tables
from bus.store import Store
from projections.accountant import Account, AccountantProjection
from projections.hr import HRProjection
from tests.unit.samples import uuid

pytestmark = pytest.mark.needs_postgres


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[Store]:
    store = await Store.open(postgres_dsn)
    yield store
    await store.close()


async def made(store: Store, name: str, kinds: tuple[type, ...], rows: Rows, seq: int) -> None:
    tables = Tables(name, kinds)
    async with store.connection() as connection:
        await tables.create(connection, seq=seq)
        await tables.write(connection, rows)


async def test_consumers_without_tables_are_left_out(store: Store) -> None:
    assert await checkpoints(store, ("hr", "accountant")) == {}
    assert await parked(store, ("hr", "accountant")) == {}
    assert (await read_rows(store, "accountant", (Account,))).all(Account) == []
    await made(store, "hr", HRProjection.tables, Rows(HRProjection.tables), 7)
    await made(store, "accountant", AccountantProjection.tables, Rows(AccountantProjection.tables), 9)
    assert await checkpoints(store, ("accountant", "manager", "hr")) == {"accountant": 9, "hr": 7}
    assert await parked(store, ("hr", "accountant")) == {}


async def test_rows_are_read_as_they_were_written(store: Store) -> None:
    rows = Rows(AccountantProjection.tables)
    scope = uuid4()
    rows.put(Account(scope=scope, key="a", charged_usd=Decimal("1234567890.100000000001"), calls=2**62))
    rows.put(Account(scope=scope, key='b"\n', charged_usd=Decimal(3)))
    rows.put(Parked(scope=uuid(2), key="00000000000000000004", error="second"))
    rows.put(Parked(scope=uuid(2), key="00000000000000000003", error="first"))
    expected = rows.all(Account)
    await made(store, "accountant", AccountantProjection.tables, rows, 9)
    assert (await read_rows(store, "accountant", (Account, Parked))).all(Account) == expected
    (halted,) = (await parked(store, ("hr", "accountant")))["accountant"]
    assert (halted.scope, halted.key, halted.error) == (uuid(2), "00000000000000000003", "first")


async def test_a_consumer_whose_tables_are_swapped_hides_no_other(store: Store) -> None:
    await made(store, "accountant", AccountantProjection.tables, Rows(AccountantProjection.tables), 9)
    async with store.connection() as connection:
        await connection.execute("CREATE SCHEMA hr")
    assert await checkpoints(store, ("hr", "accountant")) == {"accountant": 9}
