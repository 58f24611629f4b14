"""Replay computes views from the log only. It can rebuild them, check them, or digest them as of any event.

A replay only reads Postgres. It sends no commands and makes no external calls.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from hashlib import sha256
from typing import Any

import asyncpg
import msgspec

from bus.projection import Projection
from bus.projection_rows import Parked
from bus.projection_tables import Tables
from bus.row_form import Record
from bus.store import Store, recorded_up_to
from domain.errors import Failed, NotFound, Unavailable
from projections.log_fold import Progress, View, file_tables, fold_log, no_progress
from projections.rebuilding import rebuild_all
from projections.replay_jobs import grouped, run_jobs
from projections.row_comparison import Difference, TableComparison, compare_table, missing_table
from projections.row_file import RowFile
from sql import named

CHECKPOINT_TABLE = "checkpoint"


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check. `positions`: consumer -> sequence of its rows."""

    events: int
    positions: Mapping[str, int]
    tables: int
    rows: int
    differences: tuple[Difference, ...]


async def check(
    store: Store, projections: Iterable[Projection], on_progress: Progress = no_progress, *, jobs: int = 1
) -> Checked:
    """Rebuild every projection from the event store and compare it with its live rows, all in one snapshot.

    `jobs`: number of processes that share the projections. Raises Invalid for a wrong number, Unavailable if a consumer
    is ahead of the recorder (try again), NotFound if a consumer has no rows, and Failed if the rows of a consumer have
    another schema version.
    """
    wanted = list(projections)
    groups = grouped(wanted, jobs)
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        if jobs == 1:
            parts = [await _check(connection, wanted, on_progress)]
        else:
            snapshot = await connection.fetchval(named("snapshot_export"))
            requests = [CheckRequest(dsn=store.dsn, snapshot=snapshot, projections=tuple(group)) for group in groups]
            parts = await run_jobs(check_apart, requests, on_progress)
    order = [projection.name for projection in wanted]
    return Checked(
        events=max((part.events for part in parts), default=0),
        positions={name: part.positions[name] for name in order for part in parts if name in part.positions},
        tables=sum(part.tables for part in parts),
        rows=sum(part.rows for part in parts),
        differences=tuple(
            sorted(
                (found for part in parts for found in part.differences), key=lambda found: order.index(found.consumer)
            )
        ),
    )


class CheckRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a check that one process does. `snapshot`: the exported snapshot that it reads."""

    dsn: str
    snapshot: str
    projections: tuple[Any, ...]


async def check_apart(request: CheckRequest, on_progress: Progress) -> Checked:
    """Do a part of a check in a process of its own, in the snapshot of its parent."""
    store = await Store.open(request.dsn, pool_max=1)
    try:
        async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(named("snapshot_import").format(snapshot=request.snapshot))
            return await _check(connection, request.projections, on_progress)
    finally:
        await store.close()


async def _check(connection: asyncpg.Connection, projections: Sequence[Projection], on_progress: Progress) -> Checked:
    """Check projections in the connection's transaction."""
    live = [await _Live.read(connection, projection) for projection in projections]
    views = [one.view for one in live]
    last = max((view.up_to for view in views), default=0)
    if await recorded_up_to(connection) < last:
        raise Unavailable("The recorder is behind the consumers.", hint="Try again in a moment.")
    with RowFile(file_tables(views)) as file:
        await fold_log(connection, views, file, on_progress)
        for one in live:
            await one.compare(connection, file)
    return Checked(
        events=last,
        positions={view.projection.name: view.up_to for view in views},
        tables=sum(len(one.compared) for one in live),
        rows=sum(table.rows for one in live for table in one.compared),
        differences=tuple(difference for one in live for difference in one.differences()),
    )


class _Live:
    """One consumer's live rows, which a check compares with the rows of its view."""

    def __init__(self, view: View, tables: Tables, existing: Set[str]) -> None:
        self.view = view
        self._tables = tables
        self._existing = existing
        self.compared: list[TableComparison] = []

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
        return cls(View(projection, seq), tables, await tables.names(connection) - {CHECKPOINT_TABLE})

    async def compare(self, connection: asyncpg.Connection, file: RowFile) -> None:
        """Compare each table with the rows in the file. The rows of a table that does not exist are all missing."""
        for name, kind in self.view.rows.tables.items():
            in_file = self.view.file_table(name)
            if name in self._existing:
                self.compared.append(await compare_table(connection, self._tables, kind, file, in_file))
            else:
                self.compared.append(missing_table(self._tables, kind, file, in_file))

    def differences(self) -> Iterator[Difference]:
        """Yield each table that only the schema or only the projection has, then the differences of rows."""
        kinds, name = self.view.rows.tables.keys(), self.view.projection.name
        for table in sorted((self._existing - kinds) | {f"{gone} (gone)" for gone in kinds - self._existing}):
            yield Difference(consumer=name, table=table, key="", what="uncovered table")
        for comparison in self.compared:
            yield from comparison.differences


async def rebuild(
    store: Store,
    projection: Projection,
    on_progress: Progress = no_progress,
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
    again = {projection.name} if react_again else set()
    return (await rebuild_all(store, [projection], on_progress, react_again=again))[projection.name]


async def digests_as_of(
    store: Store, projections: Iterable[Projection], up_to: int, on_progress: Progress = no_progress
) -> dict[str, dict[str, str]]:
    """Return a digest of each table as of a sequence, by consumer. Equal rows have equal digests."""
    views = [View(projection, up_to) for projection in projections]
    with RowFile(file_tables(views)) as file:
        async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            await fold_log(connection, views, file, on_progress)
        return {view.projection.name: _digests(view, file) for view in views}


def _digests(view: View, file: RowFile) -> dict[str, str]:
    files = {name: view.file_table(name) for name in view.rows.tables}
    found = {name: _digest(map(file.decoder(in_file), file.ordered(in_file))) for name, in_file in files.items()}
    return {name: digest for name, digest in found.items() if name != Parked.table or view.rows.all(Parked)}


def _digest(records: Iterable[Record]) -> str:
    """Return the hex sha256 of the records as a JSON list, without the whole list in memory."""
    digest, before = sha256(b"["), b""
    for record in records:
        digest.update(before + msgspec.json.encode(record))
        before = b","
    digest.update(b"]")
    return digest.hexdigest()
