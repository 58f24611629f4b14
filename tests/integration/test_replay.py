"""Replay: the log alone gives every row again, a difference is named by table and key, a rebuild changes nothing."""

import asyncio
import shutil
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bus.embedded.servers import Server
from bus.projection import Projection
from bus.projection_rows import Rows
from bus.store import Store
from domain import run_messages
from domain.message import Recorded
from projections import replay
from projections.accountant import AccountantProjection
from runtime.roles import CONSUMERS
from tests.integration.house import House, Sample, at


def consumers() -> list[Projection]:
    return [make() for make in CONSUMERS.values()]


async def finished_run(house: House) -> UUID:
    """Run once with a rejection, an incident, a strike and a delivery, so that every table gets rows."""
    sample = Sample(2)
    await house.hire("cheater", {task: [sample.outside(task)] for task in sample.numbers}, slots=2)
    await house.hire("honest", {task: [sample.right(task)] for task in sample.numbers}, delay_s=0.1)
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "run.delivered")
    return run


@pytest.mark.slow
@pytest.mark.ci
async def test_live_rows_equal_the_log_without_nats(house: House, nats: Server) -> None:
    await finished_run(house)
    await house.office.client.close()
    nats.stop()
    shutil.move(nats.store, f"{nats.store}.away")
    checked = await replay.check(house.office.store, consumers())
    assert checked.differences == ()
    assert set(checked.positions.values()) == {checked.events}
    assert checked.rows > 10
    await _every_tampering_is_found(house.office.store)


async def _every_tampering_is_found(store: Store) -> None:
    """Change each table of each consumer: a value, an added row, a removed row, an added table.

    Each change must be found.
    """
    for projection in consumers():
        async with store.connection() as connection:
            for table in (*(kind.table for kind in projection.tables), "parked"):
                await _tamper(store, connection, projection.name, table)
            await connection.execute(f"CREATE TABLE {projection.name}.notes (x int)")
        found = (await replay.check(store, consumers())).differences
        assert [str(difference) for difference in found] == [f"{projection.name}.notes is an uncovered table"]
        async with store.connection() as connection:
            await connection.execute(f"DROP TABLE {projection.name}.notes")
    assert (await replay.check(store, consumers())).differences == ()


async def _tamper(store: Store, connection: asyncpg.Connection, schema: str, table: str) -> None:
    rows = await connection.fetch(f"SELECT * FROM {schema}.{table} ORDER BY scope, key")
    columns = await connection.fetch(
        "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
        " WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position",
        schema,
        table,
    )
    added = [_made_up(column["type"]) for column in columns]
    marks = ", ".join(f"${index}" for index in range(1, len(added) + 1))
    await connection.execute(f"INSERT INTO {schema}.{table} VALUES ({marks})", *added)
    await _expect(store, schema, table, f"{added[0]}/{added[1]}", "surplus")
    await connection.execute(f"DELETE FROM {schema}.{table} WHERE scope = $1", added[0])
    if not rows:
        return
    scope, key = rows[0]["scope"], rows[0]["key"]
    changed = columns[2]
    await connection.execute(
        f"UPDATE {schema}.{table} SET {changed['name']} = $3 WHERE scope = $1 AND key = $2",
        scope,
        key,
        not rows[0][changed["name"]] if changed["type"] == "boolean" else _made_up(changed["type"]),
    )
    await _expect(store, schema, table, f"{scope}/{key}", "changed")
    await connection.execute(f"DELETE FROM {schema}.{table} WHERE scope = $1 AND key = $2", scope, key)
    await _expect(store, schema, table, f"{scope}/{key}", "missing")
    marks = ", ".join(f"${index}" for index in range(1, len(rows[0]) + 1))
    await connection.execute(f"INSERT INTO {schema}.{table} VALUES ({marks})", *rows[0].values())


def _made_up(kind: str) -> Any:
    return {"uuid": uuid4(), "text": "made up", "bigint": 987_654_321, "boolean": True, "numeric": 987_654_321}[kind]


async def _expect(store: Store, schema: str, table: str, key: str, what: str) -> None:
    found = (await replay.check(store, consumers())).differences
    if what == "changed" and not found:
        pytest.fail(f"a changed value in {schema}.{table} was not found")
    assert [(one.consumer, one.table, one.key, one.what) for one in found] == [(schema, table, key, what)]


async def test_a_broken_fold_is_caught(house: House) -> None:
    """The control: what replay compares with is the fold, so a fold that forgets something must differ."""

    class Forgetful(AccountantProjection):
        def apply(self, recorded: Recorded, rows: Rows) -> None:
            if recorded.envelope.type != "task.verified":
                super().apply(recorded, rows)

    await finished_run(house)
    honest = await replay.check(house.office.store, [AccountantProjection()])
    broken = await replay.check(house.office.store, [Forgetful()])
    assert honest.differences == ()
    differing = {difference.table for difference in broken.differences}
    assert {"account", "open_order", "routing_evidence", "career", "scored_attempt"} <= differing


async def test_a_rebuild_ends_where_the_live_rows_are(house: House) -> None:
    run = await finished_run(house)
    before = await replay.check(house.office.store, consumers())
    for projection in consumers():
        assert await replay.rebuild(house.office.store, projection) == before.positions[projection.name]
    assert (await replay.check(house.office.store, consumers())).differences == ()
    async with house.running():  # and the runners go on from there
        await house.director.handle(run_messages.Approve(id=uuid4(), at=at(), run=run))
        await house.until_type(run, "run.ended")
    assert (await replay.check(house.office.store, consumers())).differences == ()


@pytest.mark.slow
@pytest.mark.ci
async def test_a_rebuild_beside_the_running_organisation(house: House) -> None:
    sample = Sample(3)
    await house.hire("anna", {task: [sample.wrong(task), sample.right(task)] for task in sample.numbers}, delay_s=0.1)
    async with house.running():
        run = await house.submit(sample)
        await house.until_type(run, "task.assigned")
        for projection in consumers():
            await replay.rebuild(house.office.store, projection)
            await asyncio.sleep(0.1)
        log = await house.until_type(run, "run.delivered")
    assert (await replay.check(house.office.store, consumers())).differences == ()
    orders = [event.envelope.type for event in log if event.envelope.type == "task.call_started"]
    assert len(orders) == 6, "a rebuild ordered a call again"


async def test_a_view_as_of_any_event_is_the_view_of_then(house: House) -> None:
    await finished_run(house)
    store = house.office.store
    last = await store.recorded_up_to()
    seen = [await digests(store, up_to) for up_to in (0, last // 2, last)]
    assert len({str(part) for part in seen}) == 3
    assert await digests(store, last) == seen[-1]


async def digests(store: Store, up_to: int) -> dict[str, str]:
    return (await replay.digests_as_of(store, [AccountantProjection()], up_to))["accountant"]
