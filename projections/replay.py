"""Replay computes a view from the log only. It can rebuild a view, show a view as of any event, or check all views.

A replay only reads Postgres. It sends no commands and makes no external calls.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import asyncpg
import msgspec

from bus.projection import Projection, fold
from bus.projection_rows import Key, Parked, Row, Rows
from bus.projection_tables import Tables
from bus.short_transaction import short_transaction
from bus.store import FAR, Store, read_page, recorded_up_to
from domain.errors import Failed, NotFound, Unavailable
from domain.message import Recorded
from domain.tree import digest_of

PAGE_EVENTS = 2000
RECORDER_WAIT_S = 10.0
SWAP_IDLE_MAX_S = 30.0
"""A swap of schemas locks the live checkpoint while it waits for the recorder. A swap that hangs this long is ended."""
SWAP_MAX_S = 300.0
CHECKPOINT_TABLE = "checkpoint"
Progress = Callable[[int, int], None]
"""Callback that receives the number of folded events and the number of all events."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between live and rebuilt rows. `key`: `scope/key` of the row."""

    consumer: str
    table: str
    key: str
    what: str  # changed, missing, surplus, or uncovered table
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"{self.consumer}.{self.table}"
        named = f" in {', '.join(self.columns)}" if self.columns else ""
        return f"{where}: row {self.key} is {self.what}{named}" if self.key else f"{where} is an {self.what}"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check. `positions`: consumer -> sequence of its rows."""

    events: int
    positions: Mapping[str, int]
    tables: int
    rows: int
    differences: tuple[Difference, ...]


async def pages(connection: asyncpg.Connection, up_to: int) -> AsyncIterator[Sequence[Recorded]]:
    """Yield the log in order, in pages, up to a sequence."""
    after = 0
    while page := await read_page(connection, after, up_to, PAGE_EVENTS):
        yield page
        after = page[-1].seq


async def check(
    store: Store, projections: Iterable[Projection], on_progress: Progress = lambda _done, _all: None
) -> Checked:
    """Rebuild every projection from the event store and compare it with its live rows, all in one snapshot.

    Raises Unavailable if a consumer is ahead of the recorder (try again), NotFound if a consumer has no rows, and
    Failed if the rows of a consumer have another schema version.
    """
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        live = {projection.name: await _Live.read(connection, projection) for projection in projections}
        last = max((view.seq for view in live.values()), default=0)
        if await recorded_up_to(connection) < last:
            raise Unavailable("The recorder is behind the consumers.", hint="Try again in a moment.")
        async for page in pages(connection, last):
            for recorded in page:
                for view in live.values():
                    if recorded.seq <= view.seq:
                        fold(view.projection, None, recorded, view.rebuilt, 0)
            on_progress(page[-1].seq, last)
    differences = [difference for view in live.values() for difference in view.compare()]
    return Checked(
        events=last,
        positions={name: view.seq for name, view in live.items()},
        tables=sum(len(view.rebuilt.tables) for view in live.values()),
        rows=sum(len(rows) for view in live.values() for rows in view.rows.values()),
        differences=tuple(differences),
    )


class _Live:
    """One consumer's live rows, and its rebuilt rows for comparison."""

    def __init__(self, projection: Projection, seq: int, rows: dict[str, dict[Key, Row]], uncovered: set[str]) -> None:
        self.projection = projection
        self.seq = seq
        self.rows = rows
        self.rebuilt = Rows(projection.tables)
        self._uncovered = uncovered

    @classmethod
    async def read(cls, connection: asyncpg.Connection, projection: Projection) -> "_Live":
        tables = Tables(projection.name, projection.tables)
        if not await tables.exists(connection):
            raise NotFound(f"The rows of {projection.name} do not exist.", hint=f"Run `aura replay {projection.name}`.")
        seq, version = await tables.checkpoint(connection)
        if version != tables.version():
            raise Failed(
                f"The rows of {projection.name} have the form of another release.",
                hint=f"Run `aura replay {projection.name}`.",
            )
        kinds: dict[str, type[Row]] = Rows(projection.tables).tables
        existing = await tables.names(connection) - {CHECKPOINT_TABLE}
        rows: dict[str, dict[Key, Row]] = {name: {} for name in kinds}
        for name in existing & set(kinds):
            rows[name] = {(row.scope, row.key): row for row in await tables.read_all(connection, kinds[name])}
        return cls(projection, seq, rows, existing - set(kinds) | {f"{name} (gone)" for name in set(kinds) - existing})

    def compare(self) -> Iterable[Difference]:
        name = self.projection.name
        for table in sorted(self._uncovered):
            yield Difference(consumer=name, table=table, key="", what="uncovered table")
        for table, rebuilt in self.rebuilt.snapshot().items():
            live = self.rows[table]
            for key in sorted(live.keys() | rebuilt.keys()):
                difference = _compare(live.get(key), rebuilt.get(key))
                if difference is not None:
                    what, columns = difference
                    yield Difference(consumer=name, table=table, key=f"{key[0]}/{key[1]}", what=what, columns=columns)


def _compare(live: Row | None, rebuilt: Row | None) -> tuple[str, tuple[str, ...]] | None:
    if live == rebuilt:
        return None
    if live is None:
        return "missing", ()
    if rebuilt is None:
        return "surplus", ()
    names = live.__struct_fields__
    return "changed", tuple(name for name in names if getattr(live, name) != getattr(rebuilt, name))


async def state(
    store: Store, projection: Projection, up_to: int = FAR, on_progress: Progress = lambda _done, _all: None
) -> tuple[Rows, int]:
    """Return a view as of a sequence: its rows, and the last sequence that they contain."""
    rows, seq = Rows(projection.tables), 0
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        last = min(up_to, await recorded_up_to(connection))
        async for page in pages(connection, last):
            for recorded in page:
                fold(projection, None, recorded, rows, 0)
            rows.settle()
            seq = page[-1].seq
            on_progress(seq, last)
    return rows, seq


async def rebuild(
    store: Store,
    projection: Projection,
    on_progress: Progress = lambda _done, _all: None,
    *,
    react_again: bool = False,
) -> int:
    """Fill `<name>_next` from the log, replace the live schema by it, and return the sequence of its rows.

    A live runner may work at the same time. It waits only for the last events and the swap of the schemas.
    The rebuild ends at the runner's position. If it ended later, the runner would skip reactions that it has not sent.

    If events are parked, the rebuild ends one event earlier. The runner then sees that its position has moved, and
    begins again on the new rows. With react_again, the rebuild ends before the first parked event. Then the runner
    reacts to that event and all later ones again, with the same command ids as before.

    If the rebuild fails, it drops `<name>_next`. If the process is killed, the next rebuild drops it.
    """
    following = Tables(projection.name, projection.tables, schema=f"{projection.name}_next")
    try:
        return await _swapped_in(store, projection, following, on_progress, react_again)
    except BaseException:
        with suppress(Unavailable):  # if Postgres cannot be reached, the next rebuild drops the schema
            async with store.connection() as connection:
                await following.drop(connection)
        raise


async def _swapped_in(
    store: Store, projection: Projection, following: Tables, on_progress: Progress, react_again: bool
) -> int:
    """Fill `following`, replace the live schema by it, and return the sequence of its rows."""
    live = Tables(projection.name, projection.tables)
    rows, seq = Rows(projection.tables), 0
    async with store.connection() as connection:
        await following.drop(connection)
        await following.create(connection)
        exists = await live.exists(connection)
        last = await _end(connection, live, react_again) if exists else await recorded_up_to(connection)
        async for page in pages(connection, last):
            seq = await _write(connection, following, projection, rows, page)
            on_progress(seq, last)
        async with short_transaction(connection, idle_max_s=SWAP_IDLE_MAX_S, total_max_s=SWAP_MAX_S):
            wanted = seq
            if exists:
                await live.lock_checkpoint(connection)
                wanted = await _end(connection, live, react_again)
            await store.wait_recorded(wanted, RECORDER_WAIT_S)
            while seq < wanted:
                page = await read_page(connection, seq, wanted, PAGE_EVENTS)
                seq = await _write(connection, following, projection, rows, page)
                on_progress(seq, wanted)
            await following.move_checkpoint(connection, seq)
            await following.swap_in(connection, live)
    return seq


async def _end(connection: asyncpg.Connection, live: Tables, react_again: bool) -> int:
    """Return the sequence of the last event for the rebuilt rows."""
    position = (await live.checkpoint(connection))[0]
    keys = [int(row.key) for row in await live.read_all(connection, Parked)]
    if not keys:
        return position
    return min(keys) - 1 if react_again else position - 1


async def _write(
    connection: asyncpg.Connection, tables: Tables, projection: Projection, rows: Rows, page: Sequence[Recorded]
) -> int:
    for recorded in page:
        fold(projection, None, recorded, rows, 0)
    async with connection.transaction():
        await tables.write(connection, rows)
    rows.settle()
    return page[-1].seq


def digests(rows: Rows) -> dict[str, str]:
    """Map each table to a digest of its rows. Two states are equal if their digests are equal."""
    return {
        name: digest_of(msgspec.json.encode([msgspec.structs.astuple(table[key]) for key in sorted(table)]))
        for name, table in rows.snapshot().items()
        if name != Parked.table or table
    }
