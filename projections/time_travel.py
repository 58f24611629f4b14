"""Rows as of an earlier event. They come from the history of a consumer, and later events are folded on top.

The result always equals a fold of the whole log up to that event. If there is no history, the whole log is folded.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import msgspec

from bus.history_tables import FIRST, HistoryTables
from bus.projection import Projection, fold, scope_id
from bus.projection_rows import Key, Row, Rows
from bus.projection_tables import rows_of
from bus.row_form import Record, place_of
from bus.store import Store, read_page, recorded_up_to
from domain.errors import NotFound
from projections.log_fold import Progress, no_progress

PAGE_EVENTS = 2000


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """The rows to return: of these tables, of one scope or of all, after a key, and at most `limit` of each table."""

    kinds: tuple[type[Row], ...]
    scope: UUID | None = None
    after: Key = FIRST
    limit: int | None = None

    def covers(self, key: Key) -> bool:
        """Return whether a row with this key can be in the result."""
        if self.scope is not None and key[0] != self.scope:
            return False
        return place_of(key) > place_of(self.after)


class Selected(msgspec.Struct, frozen=True, kw_only=True):
    """The records of each table after the event `seq`.

    `history_up_to`: the last event of the history; None without one. `folded`: the number of events that were folded on
    top of the history. `more`: tables that have rows after the last one of the result.
    """

    seq: int
    records: dict[str, list[Record]]
    history_up_to: int | None
    folded: int
    more: tuple[str, ...]


async def rows_as_of(
    store: Store,
    projection: Projection,
    selection: Selection,
    seq: int | None = None,
    on_progress: Progress = no_progress,
) -> Selected:
    """Return rows after the event at `seq`, or after the last event. Raises NotFound if the log ends before `seq`."""
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        last = await recorded_up_to(connection)
        wanted = last if seq is None else seq
        if wanted > last:
            raise NotFound(
                f"There is no event {wanted}: the log ends at {last}.", hint=f"Write a sequence up to {last}."
            )
        history = HistoryTables(projection.name, projection.tables)
        position = await history.position(connection)
        begun = position.seq if position else 0
        later = await _later(connection, projection, history, begun, wanted, on_progress)
        chosen: dict[str, list[Record]] = {}
        more: list[str] = []
        for kind in selection.kinds:
            changed = {key: record for key, record in later.get(kind.table, {}).items() if selection.covers(key)}
            records = await _selected(connection, history, kind, selection, min(begun, wanted), changed)
            if selection.limit is not None and len(records) > selection.limit:
                more.append(kind.table)
            chosen[kind.table] = records[: selection.limit]
    return Selected(
        seq=wanted,
        records=chosen,
        history_up_to=position.seq if position else None,
        folded=max(0, wanted - begun),
        more=tuple(more),
    )


async def _selected(
    connection: asyncpg.Connection,
    history: HistoryTables,
    kind: type[Row],
    selection: Selection,
    seq: int,
    changed: dict[Key, Record | None],
) -> list[Record]:
    """Return the records of one table: those of the history as of `seq`, with later changes; one more than the limit.

    Each changed key can remove one record of the history, so that many more are read.
    """
    most = None if selection.limit is None else selection.limit + 1 + len(changed)
    records: Sequence[Record] = ()
    if seq:
        records = await history.page(connection, kind, seq, scope=selection.scope, after=selection.after, limit=most)
    if not changed:
        return list(records)
    kept = [record for record in records if (record[0], record[1]) not in changed]
    merged = sorted([*kept, *(record for record in changed.values() if record is not None)], key=place_of)
    return merged if most is None else merged[: most - len(changed)]


async def _later(
    connection: asyncpg.Connection,
    projection: Projection,
    history: HistoryTables,
    begun: int,
    last: int,
    on_progress: Progress,
) -> dict[str, dict[Key, Record | None]]:
    """Fold the events after the history up to `last`, and return the changed rows: None for a deleted row."""
    if begun >= last:
        return {}
    rows = Rows(projection.tables)
    if begun:
        for kind in history.kinds:
            if kind.resident:
                rows.load(rows_of(kind, await history.open_rows(connection, kind)))
    loaded: set[UUID] = set()
    changed: dict[str, dict[Key, Record | None]] = {}
    seq = begun
    while page := await read_page(connection, seq, last, PAGE_EVENTS):
        scopes = set(map(scope_id, page)) - loaded
        loaded |= scopes
        if begun:
            await _load(connection, history, rows, scopes)
        for recorded in page:
            fold(projection, None, recorded, rows, 0)
        add_changes(changed, rows)
        seq = page[-1].seq
        on_progress(seq - begun, last - begun)
    return changed


async def _load(connection: asyncpg.Connection, history: HistoryTables, rows: Rows, scopes: Collection[UUID]) -> None:
    for kind in history.kinds:
        if not kind.resident:
            rows.load(rows_of(kind, await history.open_rows(connection, kind, scopes)))


def add_changes(changed: dict[str, dict[Key, Record | None]], rows: Rows) -> None:
    """Add the present record of each changed row, None for a deleted row. Mark the changes as done."""
    for kind, keys, records in rows.changes():
        table = changed.setdefault(kind.table, {})
        table.update(dict.fromkeys(keys))
        table.update({(record[0], record[1]): record for record in records})
    rows.settle()
