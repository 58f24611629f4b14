"""A rebuild fills `<name>_next` from the log, and then replaces the live schema of a consumer by it.

The log is read once for all projections. Each row is written once, with COPY and in the order of its key, after the
last event is folded. Only the events that come meanwhile are written like those of a live consumer.
"""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec

from bus.projection import Projection, fold, scope_id
from bus.projection_rows import Parked, Rows, columns
from bus.projection_tables import Tables
from bus.short_transaction import short_transaction
from bus.store import Store, read_page, recorded_up_to
from domain.errors import Unavailable
from domain.message import Recorded
from projections.log_fold import Progress, View, file_tables, fold_log, no_progress
from projections.replay_jobs import grouped, run_jobs
from projections.row_file import RowFile, plain_record

PAGE_EVENTS = 2000
RECORDER_WAIT_S = 10.0
SWAP_EVENTS_MAX = 2000
"""Maximum number of events that are left for the swap, during which the live runner waits."""
SWAP_IDLE_MAX_S = 30.0
"""A swap of schemas locks the live checkpoint while it waits for the recorder. A swap that hangs this long is ended."""
SWAP_MAX_S = 300.0


class _Rebuild:
    """The rebuild of one projection. `seq`: the last sequence that its new rows contain."""

    def __init__(self, projection: Projection, react_again: bool) -> None:
        self.projection = projection
        self.live = Tables(projection.name, projection.tables)
        self.following = Tables(projection.name, projection.tables, schema=f"{projection.name}_next")
        self.view = View(projection, 0)
        self.rows = Rows(projection.tables)  # the rows after the pass
        self.exists = False
        self.swapped = False
        self._react_again = react_again

    @property
    def seq(self) -> int:
        return self.view.up_to

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Create the new schema. A schema that a killed rebuild has left is dropped."""
        await self.following.drop(connection)
        await self.following.create(connection)
        self.exists = await self.live.exists(connection)

    async def end(self, connection: asyncpg.Connection) -> int:
        """Return the sequence of the last event for the rebuilt rows."""
        if not self.exists:
            return await recorded_up_to(connection)
        position = (await self.live.checkpoint(connection))[0]
        keys = [int(row.key) for row in await self.live.read_all(connection, Parked)]
        if not keys:
            return position
        return min(keys) - 1 if self._react_again else position - 1

    async def write(self, connection: asyncpg.Connection, file: RowFile) -> None:
        """Copy all rows of the view into the new tables, which are empty."""
        for name, kind in self.view.rows.tables.items():
            await connection.copy_records_to_table(
                name,
                records=map(plain_record, file.ordered(self.view.file_table(name))),
                columns=list(columns(kind)),
                schema_name=self.following.schema,
            )
        self.rows = self.view.rows.written()

    async def swap(self, store: Store, connection: asyncpg.Connection) -> None:
        """Fold the events that came meanwhile, and replace the live schema by the new one."""
        while self.exists and await self._reachable(connection) - self.seq > SWAP_EVENTS_MAX:
            await self._catch_up(connection, await self._reachable(connection))
        async with short_transaction(connection, idle_max_s=SWAP_IDLE_MAX_S, total_max_s=SWAP_MAX_S):
            wanted = self.seq
            if self.exists:
                await self.live.lock_checkpoint(connection)
                wanted = await self.end(connection)
            await store.wait_recorded(wanted, RECORDER_WAIT_S)
            await self._catch_up(connection, wanted)
            await self.following.move_checkpoint(connection, self.seq)
            await self.following.swap_in(connection, self.live)
        self.swapped = True

    async def _reachable(self, connection: asyncpg.Connection) -> int:
        return min(await self.end(connection), await recorded_up_to(connection))

    async def _catch_up(self, connection: asyncpg.Connection, up_to: int) -> None:
        """Fold the stored events up to a sequence into the new tables."""
        while self.seq < up_to:
            page = await read_page(connection, self.seq, up_to, PAGE_EVENTS)
            await self._take(connection, page)
            self.view.up_to = page[-1].seq

    async def _take(self, connection: asyncpg.Connection, page: Sequence[Recorded]) -> None:
        rows = self.rows
        scopes = {scope_id(recorded) for recorded in page}
        for kind in rows.tables.values():
            if not kind.resident:
                rows.load(await self.following.read_scopes(connection, kind, scopes))
        for recorded in page:
            fold(self.projection, None, recorded, rows, 0)
        async with connection.transaction():
            await self.following.write(connection, rows)
        rows.settle()
        for scope in scopes:
            rows.forget(scope)


async def rebuild_all(
    store: Store,
    projections: Iterable[Projection],
    on_progress: Progress = no_progress,
    *,
    react_again: Collection[str] = (),
) -> dict[str, int]:
    """Rebuild these projections. Return name of the projection -> sequence of its rows. See `replay.rebuild`.

    react_again: the names of projections whose runner reacts to parked events again.
    """
    rebuilds = [_Rebuild(projection, projection.name in react_again) for projection in projections]
    try:
        await _fill(store, rebuilds, on_progress)
        for rebuild in rebuilds:
            async with store.connection() as connection:
                await rebuild.swap(store, connection)
    except BaseException:
        with suppress(Unavailable):  # if Postgres cannot be reached, the next rebuild drops the schemas
            async with store.connection() as connection:
                for rebuild in rebuilds:
                    if not rebuild.swapped:
                        await rebuild.following.drop(connection)
        raise
    return {rebuild.projection.name: rebuild.seq for rebuild in rebuilds}


class RebuildRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The projections that one process rebuilds."""

    dsn: str
    projections: tuple[Any, ...]
    react_again: frozenset[str]


async def rebuild_with_jobs(
    store: Store,
    projections: Sequence[Projection],
    on_progress: Progress = no_progress,
    *,
    react_again: Collection[str] = (),
    jobs: int = 1,
) -> dict[str, int]:
    """Rebuild these projections in `jobs` processes. Raises Invalid for a wrong number."""
    groups = grouped(projections, jobs)
    if jobs == 1:
        return await rebuild_all(store, projections, on_progress, react_again=react_again)
    again = frozenset(react_again)
    requests = [RebuildRequest(dsn=store.dsn, projections=tuple(group), react_again=again) for group in groups]
    parts = await run_jobs(rebuild_apart, requests, on_progress)
    return {
        projection.name: part[projection.name]
        for projection in projections
        for part in parts
        if projection.name in part
    }


async def rebuild_apart(request: RebuildRequest, on_progress: Progress) -> dict[str, int]:
    """Rebuild projections in a process of its own."""
    store = await Store.open(request.dsn, pool_max=4)
    try:
        return await rebuild_all(store, request.projections, on_progress, react_again=request.react_again)
    finally:
        await store.close()


async def _fill(store: Store, rebuilds: Sequence[_Rebuild], on_progress: Progress) -> None:
    """Create the new schemas, and write the rows that follow from the log as it is now."""
    async with store.connection() as connection:
        for rebuild in rebuilds:
            await rebuild.begin(connection)
    views = [rebuild.view for rebuild in rebuilds]
    with RowFile(file_tables(views)) as file:
        async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            recorded = await recorded_up_to(connection)
            for rebuild in rebuilds:
                rebuild.view.up_to = min(await rebuild.end(connection), recorded)
            await fold_log(connection, views, file, on_progress)
        async with store.connection() as connection:
            for rebuild in rebuilds:
                await rebuild.write(connection, file)
