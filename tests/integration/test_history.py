"""The history of rows: as of any event it equals the fold, whoever is killed or writes at the same time."""

import asyncio
import random
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from bus import history as historian_module
from bus.history import Historian
from bus.history_tables import FIRST, OPEN, Changes, HistoryTables
from bus.projection import Projection, fold
from bus.projection_rows import Row, Rows, columns
from bus.store import FAR, Store
from domain.errors import NotFound, Unavailable
from domain.message import Recorded
from projections.accountant import AccountantProjection
from projections.history_check import check_history
from projections.manager import ManagerProjection
from projections.replay import rebuild
from projections.time_travel import Selection, add_changes, rows_as_of
from runtime.roles import CONSUMERS
from tests.integration.consumers import Crash
from tests.integration.house import House, Sample
from tests.recording import fixture
from tests.tiers import CI

pytestmark = pytest.mark.needs_postgres
State = dict[str, dict[Any, Any]]


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[Store]:
    """Return a store with the recorded log of release 0.1.0, and no rows."""
    opened = await Store.open(postgres_dsn)
    await fixture.load(opened)
    yield opened
    await opened.close()


def projections() -> list[Projection]:
    return [make() for make in CONSUMERS.values()]


async def folded(store: Store, projection: Projection) -> list[State]:
    """Return the records of every table after each event of the log, the state before the first event included."""
    rows, state = Rows(projection.tables), dict[str, dict[Any, Any]]()
    states: list[State] = [{}]
    for recorded in await store.read(0, limit=10_000):
        fold(projection, None, recorded, rows, 0)
        add_changes(state, rows)
        states.append({name: {key: row for key, row in table.items() if row} for name, table in state.items()})
    return states


async def as_of(store: Store, projection: Projection, seq: int, **chosen: Any) -> State:
    kinds = tuple(Rows(projection.tables).tables.values())
    selected = await rows_as_of(store, projection, Selection(kinds=kinds, **chosen), seq)
    return {name: {record[:2]: record for record in records} for name, records in selected.records.items()}


def same(found: State, expected: State) -> bool:
    return {name: table for name, table in found.items() if table} == {
        name: table for name, table in expected.items() if table
    }


def versions(states: list[State]) -> dict[str, set[tuple[Any, ...]]]:
    """Return the versions that a history of these states must have, by table."""
    found: dict[str, set[tuple[Any, ...]]] = {}
    for table in {name for state in states for name in state}:
        rows = found.setdefault(table, set())
        for key in {key for state in states for key in state.get(table, {})}:
            values = [state.get(table, {}).get(key) for state in states]
            starts = [seq for seq in range(1, len(values)) if values[seq] != values[seq - 1]]
            born = 0
            for start, end in zip(starts, [*starts[1:], OPEN], strict=True):
                born = start if values[start - 1] is None else born
                if (record := values[start]) is not None:
                    rows.add((*record, start, end, born, end == OPEN or values[end] is None))
    return found


async def stored(store: Store, projection: Projection) -> dict[str, set[tuple[Any, ...]]]:
    async with store.connection() as connection:
        return {
            table: {
                tuple(record) for record in await connection.fetch(f"SELECT * FROM {projection.name}_history.{table}")
            }
            for table in Rows(projection.tables).tables
        }


def equal(found: dict[str, set[tuple[Any, ...]]], expected: dict[str, set[tuple[Any, ...]]]) -> bool:
    return all(found.get(name, set()) == expected.get(name, set()) for name in found.keys() | expected.keys())


@pytest.mark.parametrize("batch", [11, pytest.param(1000, marks=CI)])
@pytest.mark.slow
@pytest.mark.ci
async def test_every_version_of_every_row_is_kept_once(
    store: Store, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The versions do not depend on the size of the transactions, nor on restarts between them."""
    monkeypatch.setattr(historian_module, "BATCH_EVENTS_MAX", batch)
    for projection in projections():
        states = await folded(store, projection)
        historian = quiet(store, projection)
        await historian.catch_up()
        assert historian.position.seq == len(states) - 1
        assert equal(await stored(store, projection), versions(states)), projection.name


async def test_rows_as_of_any_event_equal_the_fold(store: Store) -> None:
    """The history ends somewhere in the log, so that some positions need a fold of later events, too."""
    chance = random.Random(seed := random.randrange(2**32))
    print("seed", seed)
    for projection in projections():
        states = await folded(store, projection)
        await up_to(store, projection, end := chance.randrange(len(states)))
        for seq in {0, end, end + 1, len(states) - 1, *chance.sample(range(len(states)), 8)} - {len(states)}:
            found = await as_of(store, projection, seq)
            assert same(found, states[seq]), (projection.name, seq, end)


async def test_a_run_and_a_page_are_those_of_the_fold(store: Store) -> None:
    chance = random.Random(seed := random.randrange(2**32))
    print("seed", seed)
    for projection in projections():
        states = await folded(store, projection)
        await up_to(store, projection, chance.randrange(len(states)))
        for seq in chance.sample(range(1, len(states)), 8):
            state = states[seq]
            keys = sorted({key for table in state.values() for key in table})
            after = chance.choice([FIRST, *keys])
            limit, scope = chance.choice([1, 2, 5]), chance.choice([uuid4(), *(key[0] for key in keys)])
            page = {
                name: dict(sorted((key, row) for key, row in table.items() if key > after)[:limit])
                for name, table in state.items()
            }
            assert same(await as_of(store, projection, seq, after=after, limit=limit), page), (projection.name, seq)
            run = {name: {key: row for key, row in table.items() if key[0] == scope} for name, table in state.items()}
            assert same(await as_of(store, projection, seq, scope=scope), run), (projection.name, seq)


@pytest.mark.parametrize("point", ["before-commit", pytest.param("after-commit", marks=CI)])
async def test_a_historian_killed_at_any_commit_goes_on_where_it_was(
    store: Store, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(historian_module, "BATCH_EVENTS_MAX", 150)
    for projection in (ManagerProjection(), AccountantProjection()):
        kills = 0

        def fault(name: str, projection: Projection = projection) -> None:
            if name == f"{projection.name}-history:{point}":
                raise Crash(name)

        while True:
            historian = quiet(store, projection, fault=fault if kills < 8 else lambda _: None)
            try:
                await historian.catch_up()
                break
            except Crash:
                kills += 1
                if point == "after-commit":
                    kills += historian.position.seq // 459  # all is written: no more kill
        assert kills >= 3
        assert equal(await stored(store, projection), versions(await folded(store, projection)))


async def test_two_historians_never_write_the_same_events(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes may run the same consumer, such as two verifiers. The slower one begins again."""
    monkeypatch.setattr(historian_module, "BATCH_EVENTS_MAX", 20)
    projection, overtaken = ManagerProjection(), 0

    async def write() -> None:
        nonlocal overtaken
        while True:
            try:
                return await quiet(store, projection).catch_up()
            except (Unavailable, asyncpg.PostgresError):
                overtaken += 1

    await asyncio.gather(write(), write(), write())
    assert overtaken
    assert equal(await stored(store, projection), versions(await folded(store, projection)))


@pytest.mark.slow
@pytest.mark.ci
async def test_rows_as_of_an_event_beside_a_historian_are_those_of_one_moment(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader has one snapshot of position, history and log, so a commit in between changes nothing."""
    monkeypatch.setattr(historian_module, "BATCH_EVENTS_MAX", 10)
    projection = ManagerProjection()
    states, historian = await folded(store, projection), quiet(store, projection)
    writing = asyncio.create_task(historian.catch_up())
    checked = 0
    while not writing.done():  # each turn awaits the database
        seq = random.randrange(len(states))
        assert same(await as_of(store, projection, seq), states[seq]), (seq, historian.position)
        checked += 1
    await writing
    assert checked > 3


async def test_a_purged_scope_leaves_no_version_and_does_not_come_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The historian has rows of the scope in memory. They are not written after the purge."""
    monkeypatch.setattr(historian_module, "BATCH_EVENTS_MAX", 100)
    for projection in projections():
        await up_to(store, projection, 200)
        historian = quiet(store, projection)
        await historian._begin()
        await historian._load(await store.read(200, limit=100))
        purged = list(historian._loaded)[:2]
        async with store.connection() as connection:
            for scope in purged:
                await historian.tables.erase(connection, scope)
            for rows in (await stored(store, projection)).values():
                assert not [row for row in rows if row[0] in purged]
            after = historian.position.seq + 1
            written = await historian.tables.write(connection, historian.position, after, Changes())
        assert not written, "a historian that had these rows in memory could write them again"


async def test_a_rebuild_of_the_rows_drops_their_history(store: Store) -> None:
    """Perhaps the code has changed, or events are not parked any more. The historian then begins at event 1."""
    projection = AccountantProjection()
    await quiet(store, projection).catch_up()
    await rebuild(store, projection)
    async with store.connection() as connection:
        assert await HistoryTables(projection.name, projection.tables).position(connection) is None
    states = await folded(store, projection)
    assert same(await as_of(store, projection, 300), states[300]), "without a history the whole log is folded"
    await quiet(store, projection).catch_up()
    assert equal(await stored(store, projection), versions(states))


async def test_a_history_of_another_form_is_made_again(store: Store) -> None:
    projection = AccountantProjection()
    await quiet(store, projection).catch_up()
    async with store.connection() as connection:
        await connection.execute("UPDATE accountant_history.checkpoint SET version = 'former'")
        await connection.execute("ALTER TABLE accountant_history.account DROP COLUMN unpriced")
    states = await folded(store, projection)
    assert same(await as_of(store, projection, 200), states[200])
    await quiet(store, projection).catch_up()
    assert equal(await stored(store, projection), versions(states))


@pytest.mark.slow
async def test_a_sample_of_positions_finds_each_kind_of_difference(store: Store) -> None:
    """The control: one altered, one missing and one surplus version in each table of each consumer are found."""
    for projection in projections():
        await quiet(store, projection).catch_up()
    honest = await check_history(store, projections(), 25, seed=7)
    assert (honest.differences, len(honest.positions), honest.seed) == ((), 25, 7)
    assert honest.positions == (await check_history(store, projections(), 25, seed=7)).positions
    for projection in projections():
        for kind in projection.tables:
            await _tampered(store, projection, kind)
    assert (await check_history(store, projections(), 5, seed=8)).differences == ()


async def _tampered(store: Store, projection: Projection, kind: type[Row]) -> None:
    table = f"{projection.name}_history.{kind.table}"
    names = [*columns(kind), "from_seq", "to_seq", "born_seq", "newest"]
    async with store.connection() as connection:
        longest = await connection.fetchrow(f"SELECT * FROM {table} ORDER BY to_seq - from_seq DESC LIMIT 1")
        if longest is None:
            return
        key = f"{longest['scope']}/{longest['key']}"
        where = (longest["scope"], longest["key"], longest["from_seq"])
        this = "WHERE scope = $1 AND key = $2 AND from_seq = $3"
        marks = ", ".join(f"${index + 1}" for index in range(len(names)))
        changed = names[2]
        await connection.execute(f"UPDATE {table} SET {changed} = $4 {this}", *where, other(longest[changed]))
        seed = seed_in(longest["from_seq"], longest["to_seq"])
        assert await found(store, projection, seed) == {(kind.table, key, "changed")}
        await connection.execute(f"DELETE FROM {table} {this}", *where)
        assert await found(store, projection, seed) == {(kind.table, key, "missing")}
        await connection.execute(f"INSERT INTO {table} VALUES ({marks})", *longest.values())
        made_up = [uuid4(), *list(longest.values())[1:]]
        await connection.execute(f"INSERT INTO {table} VALUES ({marks})", *made_up)
        assert await found(store, projection, seed) == {(kind.table, f"{made_up[0]}/{longest['key']}", "surplus")}
        await connection.execute(f"DELETE FROM {table} WHERE scope = $1", made_up[0])


def seed_in(first: int, end: int) -> int:
    """Return a seed for which a sample of one is a position from `first` on and before `end`."""
    return next(seed for seed in count() if first <= random.Random(seed).sample(range(1, 460), 1)[0] < end)


async def found(store: Store, projection: Projection, seed: int) -> set[tuple[str, str, str]]:
    """Return the differences that a check of one position finds."""
    checked = await check_history(store, [projection], 1, seed)
    return {(each.table, each.key, each.what) for each in checked.differences}


def other(value: object) -> object:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, UUID):
        return uuid4()
    return value + 1 if isinstance(value, int | Decimal) else f"{value} "


async def test_there_is_no_state_after_the_end_of_the_log(store: Store) -> None:
    with pytest.raises(NotFound, match="the log ends at 459"):
        await as_of(store, AccountantProjection(), 460)


async def test_every_consumer_of_a_running_organisation_keeps_its_history(house: House) -> None:
    """The historians work beside the run, and their histories equal the fold."""
    sample = Sample(1)
    await house.hire("anna", {"T1": [sample.wrong("T1"), sample.right("T1")]})
    async with house.running():
        run = await house.submit(sample)
        log = await house.until_type(run, "run.delivered")
        async with asyncio.timeout(60):
            for projection in projections():
                await reached(house.office.store, projection, log[-1].seq)
    for projection in projections():
        states = await folded(house.office.store, projection)
        written = await position(house.office.store, projection)
        assert equal(await stored(house.office.store, projection), versions(states[: written + 1])), projection.name


async def reached(store: Store, projection: Projection, seq: int) -> None:
    while await position(store, projection) < seq:  # noqa: ASYNC110  # another connection writes: nothing to wait for
        await asyncio.sleep(0.1)


async def position(store: Store, projection: Projection) -> int:
    async with store.connection() as connection:
        found = await HistoryTables(projection.name, projection.tables).position(connection)
    return found.seq if found else 0


def quiet(store: Store, projection: Projection, **more: Any) -> Historian:
    """Return a historian whose consumer has nothing to do."""
    historian = Historian(store, projection, **more)
    historian._committed_at = 0.0
    return historian


async def up_to(store: Store, projection: Projection, seq: int) -> None:
    """Write the history of the first events only."""
    async with store.connection() as connection:
        last = await connection.fetchval("SELECT seq FROM log.checkpoint WHERE name = 'recorder'")
    historian = quiet(Cut(store, seq), projection)  # type: ignore[arg-type]  # a store whose log ends earlier
    await historian.catch_up()
    assert historian.position.seq == min(seq, last)


class Cut:
    """A store whose log ends at an earlier event."""

    def __init__(self, store: Store, last: int) -> None:
        self.connection = store.connection
        self._store = store
        self._last = last

    async def read(self, after: int, up_to: int = FAR, limit: int = 500) -> list[Recorded]:
        return await self._store.read(after, min(up_to, self._last), limit)
