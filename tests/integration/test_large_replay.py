"""Replay of a log of 4,000 events: equal rows, every altered row found, and a killed rebuild leaves whole rows."""

import asyncio
import multiprocessing
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from bench.large_log import LargeLog, write_large_log
from bus.projection import Projection
from bus.store import Store
from domain.errors import Failed, Invalid, NotFound
from projections import replay
from projections.rebuilding import rebuild_all, rebuild_with_jobs
from projections.replay_jobs import run_jobs
from runtime.roles import CONSUMERS
from tests.integration.killed_rebuild import POINTS
from tests.integration.replay_jobs_at_work import endless, killed
from tests.recording.large_template import template

pytestmark = pytest.mark.needs_postgres
EVENTS = 1500
KILL_EVENTS = 600


def consumers() -> list[Projection]:
    return [make() for make in CONSUMERS.values()]


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[Store]:
    store = await Store.open(postgres_dsn)
    yield store
    await store.close()


async def test_a_rebuild_equals_the_log_and_each_altered_row_is_found(store: Store) -> None:
    seen: list[tuple[int, int]] = []
    await write_large_log(store, LargeLog(template()), EVENTS)
    await rebuild_all(store, consumers(), lambda done, all_: seen.append((done, all_)))
    assert seen[-1] == (EVENTS, EVENTS)
    assert seen == sorted(seen)
    checked = await replay.check(store, consumers())
    assert checked.differences == ()
    assert set(checked.positions.values()) == {EVENTS}
    async with store.connection() as connection:
        expected = [found for name in CONSUMERS for found in await _alter(connection, name)]
    found = (await replay.check(store, consumers())).differences
    assert [(one.consumer, one.table, one.key, one.what) for one in found] == sorted(expected, key=_in_order)
    assert {one.what for one in found} == {"changed", "missing", "surplus"}
    async with store.connection() as connection:
        await connection.execute("DELETE FROM manager.parked")  # a rebuild ends before a parked event
    assert await replay.rebuild(store, CONSUMERS["manager"]()) == EVENTS
    assert "manager" not in {one.consumer for one in (await replay.check(store, consumers())).differences}


def _in_order(one: tuple[str, str, str, str]) -> tuple[int, int, str]:
    tables = [*(kind.table for kind in CONSUMERS[one[0]]().tables), "parked"]
    return list(CONSUMERS).index(one[0]), tables.index(one[1]), one[2]


async def _alter(connection: asyncpg.Connection, schema: str) -> list[tuple[str, str, str, str]]:
    """Alter a row, remove a row and add a row in each table of a consumer. Return the expected differences."""
    expected: list[tuple[str, str, str, str]] = []
    for table in (*(kind.table for kind in CONSUMERS[schema]().tables), "parked"):
        rows = await connection.fetch(f"SELECT * FROM {schema}.{table} ORDER BY scope, key")
        columns = await connection.fetch(
            "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
            " WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position",
            schema,
            table,
        )
        if len(rows) > 1:
            where = f"{schema}.{table} WHERE scope = $1 AND key = $2"
            gone, changed = rows[0], rows[len(rows) // 2]
            await connection.execute(f"DELETE FROM {where}", gone["scope"], gone["key"])
            name, kind = columns[-1]["name"], columns[-1]["type"]
            statement = f"UPDATE {schema}.{table} SET {name} = $3 WHERE scope = $1 AND key = $2"
            await connection.execute(statement, changed["scope"], changed["key"], _other(kind, changed[name]))
            expected.append((schema, table, f"{gone['scope']}/{gone['key']}", "missing"))
            expected.append((schema, table, f"{changed['scope']}/{changed['key']}", "changed"))
        added = [uuid4(), "added", *(_other(column["type"], None) for column in columns[2:])]
        marks = ", ".join(f"${index}" for index in range(1, len(added) + 1))
        await connection.execute(f"INSERT INTO {schema}.{table} VALUES ({marks})", *added)
        expected.append((schema, table, f"{added[0]}/added", "surplus"))
    return expected


def _other(kind: str, value: Any) -> Any:
    other = {"uuid": uuid4(), "text": "made up", "bigint": 987_654_321, "boolean": True, "numeric": 987_654_321}[kind]
    return not value if kind == "boolean" else other


@pytest.mark.slow
async def test_a_rebuild_that_is_killed_leaves_the_old_rows_or_the_new_ones(store: Store, postgres_dsn: str) -> None:
    await write_large_log(store, LargeLog(template()), KILL_EVENTS)
    await rebuild_all(store, consumers())
    for point, expected in POINTS.items():
        async with store.connection() as connection:
            await connection.execute("UPDATE manager.run SET title = 'altered'")
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.killed_rebuild", point, postgres_dsn
        )
        assert await child.wait() == -signal.SIGKILL, point
        checked = await replay.check(store, consumers())
        assert {one.what for one in checked.differences} == expected, point
        assert {(one.consumer, one.table) for one in checked.differences} <= {("manager", "run")}, point
    assert set(map(frozenset, POINTS.values())) == {frozenset({"changed"}), frozenset()}, "control: both ends occur"
    await replay.rebuild(store, CONSUMERS["manager"]())
    async with store.connection() as connection:
        names = {row["nspname"] for row in await connection.fetch("SELECT nspname FROM pg_namespace")}
    assert "manager_next" not in names
    assert (await replay.check(store, consumers())).differences == ()


@pytest.mark.slow
@pytest.mark.ci
async def test_two_processes_find_and_write_the_same(store: Store) -> None:
    await write_large_log(store, LargeLog(template()), KILL_EVENTS)
    positions = await rebuild_with_jobs(store, consumers(), jobs=2)
    assert positions == dict.fromkeys(CONSUMERS, KILL_EVENTS)
    assert list(positions) == list(CONSUMERS)
    alone = await replay.check(store, consumers())
    assert alone.differences == ()
    async with store.connection() as connection:
        for name in CONSUMERS:
            await _alter(connection, name)
    seen: list[tuple[int, int]] = []
    alone = await replay.check(store, consumers())
    for jobs in (2, len(CONSUMERS)):
        assert await replay.check(store, consumers(), lambda *done: seen.append(done), jobs=jobs) == alone
    assert len(alone.differences) > len(CONSUMERS)
    assert seen[-1] == (KILL_EVENTS, KILL_EVENTS)


async def test_an_error_of_one_process_is_the_error_of_the_check(store: Store) -> None:
    await write_large_log(store, LargeLog(template()), KILL_EVENTS)
    await rebuild_all(store, [make() for name, make in CONSUMERS.items() if name != "hr"])
    with pytest.raises(NotFound, match="rows of hr do not exist"):
        await replay.check(store, consumers(), jobs=2)


@pytest.mark.parametrize("jobs", [0, -1, 6, 1000])
async def test_a_number_of_processes_that_makes_no_sense_is_refused(store: Store, jobs: int) -> None:
    for attempt in (replay.check(store, consumers(), jobs=jobs), rebuild_with_jobs(store, consumers(), jobs=jobs)):
        with pytest.raises(Invalid, match=f"--jobs {jobs} is not possible"):
            await attempt


async def test_a_process_that_is_killed_ends_the_work_with_its_status() -> None:
    with pytest.raises(Failed, match="status -9"):
        await run_jobs(killed, ["kill", "wait"], lambda _done, _all: None)
    assert multiprocessing.active_children() == []


async def test_a_process_ends_when_its_parent_hangs_up(tmp_path: Path) -> None:
    begun = [tmp_path / name for name in ("a", "b")]
    task = asyncio.create_task(run_jobs(endless, list(map(str, begun)), lambda _done, _all: None))
    while not all(path.exists() for path in begun):  # noqa: ASYNC110  # another process makes the files
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert multiprocessing.active_children() == []
    assert [path.read_text() for path in begun] == ["closed", "closed"], "each process could remove what it had made"
