"""The history of a consumer's rows in Postgres: every version of every row, with the sequences for which it is valid.

The schema `<consumer>_history` has the same tables as the consumer. Each table has the same columns, and four more:

- `from_seq`, `to_seq`: the version is valid after the events `from_seq <= S < to_seq`. The open version ends at `OPEN`.
- `born_seq`: the event that inserted the row for the first time, or for the first time after its last deletion.
- `newest`: no later version follows within the same life of the row.

A deleted row has no version: its last version just ends.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from functools import cache
from typing import NamedTuple
from uuid import UUID

import asyncpg

from bus.projection_rows import Key, Row, Rows, columns
from bus.projection_tables import Tables, typed_columns
from bus.row_form import Record, place_of
from domain.tree import digest_of
from sql import named

OPEN = 2**62
"""`to_seq` of the open version of a row."""
HISTORY_FORM = "history(from_seq,to_seq,born_seq,newest)"
BOUNDS = ("from_seq", "to_seq", "born_seq", "newest")
FIRST = (UUID(int=0), "")
"""The place before the first row of a table."""
ROWS_MAX = 2**31
STREAMED_ROWS = 1000


class Position(NamedTuple):
    """The progress of a history. `seq`: the last event in it. `purges`: how often a scope was erased from it."""

    seq: int
    purges: int


class Changes:
    """The changes of rows by a series of events: for each table and key, the record after each event, None if deleted.

    The events of one object must follow one another without a gap.
    """

    def __init__(self) -> None:
        self.chains: dict[str, dict[Key, list[tuple[int, Record | None]]]] = {}

    def note(self, seq: int, rows: Rows) -> None:
        """Note the rows that the event at `seq` has changed, and mark these changes as done."""
        for kind, keys, records in rows.changes():
            chains = self.chains.setdefault(kind.table, {})
            present = {(record[0], record[1]): record for record in records}
            for key in keys:
                record, chain = present.get(key), chains.setdefault(key, [])
                if not chain or chain[-1][1] != record:
                    chain.append((seq, record))
        rows.settle()


def _ends(chains: dict[Key, list[tuple[int, Record | None]]]) -> tuple[list[UUID], list[str], list[int], list[bool]]:
    """Return, for each key, where its open version ends if there is one, and whether the row was deleted there."""
    firsts = [(key, chain[0]) for key, chain in chains.items()]
    return (
        [scope for (scope, _), _ in firsts],
        [key for (_, key), _ in firsts],
        [seq for _, (seq, _) in firsts],
        [record is None for _, (_, record) in firsts],
    )


def _versions(chain: Sequence[tuple[int, Record | None]], born: int | None) -> Iterator[Record]:
    """Yield the versions of one row with their bounds. born: the begin of the life that was open before."""
    for (seq, record), (end, following) in zip(chain, [*chain[1:], (OPEN, None)], strict=True):
        if record is None:
            born = None
        else:
            born = seq if born is None else born
            yield (*record, seq, end, born, following is None)


_TYPES = {"key": 'text COLLATE "C"'}
"""Keys are in the order of their code points, which is the order of Python."""


@cache
def _version(name: str, kinds: tuple[type[Row], ...]) -> str:
    return digest_of(f"{HISTORY_FORM};{Tables(name, kinds).version()}".encode())[:16]


class HistoryTables:
    """The tables with the history of one consumer."""

    def __init__(self, name: str, kinds: Sequence[type[Row]]) -> None:
        self.name = name
        self.schema = f"{name}_history"
        self.kinds = tuple(Rows(kinds).tables.values())
        self._live = Tables(name, kinds)

    def sql(self, query: str, kind: type[Row] | None = None, **more: str) -> str:
        """Return a named query with the names of this history's schema and of a table."""
        values = {"schema": self.schema, "far": str(OPEN), **more}
        if kind is not None:
            values = {"table": kind.table, "columns": ", ".join(columns(kind)), **values}
        return named(query).format(**values)

    def version(self) -> str:
        """Return the version of the form: it differs if the form of the consumer's rows differs."""
        return _version(self._live.name, self._live.kinds)

    async def begin(self, connection: asyncpg.Connection) -> Position:
        """Return the position. Create the tables before if they are missing, or if they have another form.

        Call it in a transaction. It takes the lock with which a runner creates or replaces the consumer's tables.
        """
        await self._live.begin(connection)
        position = await self.position(connection)
        if position is not None:
            return position
        await connection.execute(self.sql("history_drop"))
        await connection.execute(self.sql("history_create", version=self.version()))
        for kind in self.kinds:
            typed = ", ".join(f"{name} {_TYPES.get(name, sort)}" for name, sort in typed_columns(kind))
            await connection.execute(self.sql("history_table", kind, columns=typed))
        return Position(0, 0)

    async def position(self, connection: asyncpg.Connection) -> Position | None:
        """Return the position; None if there is no history, or if it has the form of another release."""
        if not await connection.fetchval(named("consumer_schema_exists"), self.schema):
            return None
        row = await connection.fetchrow(self.sql("history_checkpoint"))
        return Position(row["seq"], row["purges"]) if row is not None and row["version"] == self.version() else None

    async def write(self, connection: asyncpg.Connection, before: Position, after: int, changes: Changes) -> bool:
        """Move the position by compare-and-set, and write the changes of the events in between, in a transaction.

        Return False if the position was not at `before`. Then nothing is written.
        """
        async with connection.transaction():
            if await connection.fetchval(self.sql("history_checkpoint_move"), before.seq, before.purges, after) is None:
                return False
            for kind in self.kinds:
                if kind.table in changes.chains:
                    await self._write(connection, kind, changes.chains[kind.table])
        return True

    async def _write(
        self, connection: asyncpg.Connection, kind: type[Row], chains: dict[Key, list[tuple[int, Record | None]]]
    ) -> None:
        ended = await connection.fetch(self.sql("history_end", kind), *_ends(chains))
        born = {(row["scope"], row["key"]): row["born_seq"] for row in ended}
        await connection.copy_records_to_table(
            kind.table,
            records=[record for key, chain in chains.items() for record in _versions(chain, born.get(key))],
            columns=[*columns(kind), *BOUNDS],
            schema_name=self.schema,
        )

    async def open_rows(
        self, connection: asyncpg.Connection, kind: type[Row], scopes: Collection[UUID] | None = None
    ) -> list[asyncpg.Record]:
        """Return the open versions of a table, or only those of some scopes. The result has no order."""
        if scopes is None:
            return list(await connection.fetch(self.sql("history_open", kind)))
        return list(await connection.fetch(self.sql("history_open_scopes", kind), list(scopes)))

    async def page(
        self,
        connection: asyncpg.Connection,
        kind: type[Row],
        seq: int,
        *,
        scope: UUID | None = None,
        after: Key = FIRST,
        limit: int | None = None,
    ) -> list[Record]:
        """Return the records of a table after the event at `seq`, in order of scope and key.

        `seq` must not be beyond the position of the history.
        """
        most = ROWS_MAX if limit is None else limit
        if scope is not None:
            key = after[1] if after[0] == scope else ""
            found = await connection.fetch(self.sql("history_scope", kind), seq, scope, key, most)
        elif limit is None and after == FIRST:
            found = await connection.fetch(self.sql("history_all", kind), seq)
            return sorted(map(tuple, found), key=place_of)
        else:
            found = await connection.fetch(self.sql("history_page", kind), seq, *after, most)
        return [tuple(record) for record in found]

    async def stream(self, connection: asyncpg.Connection, kind: type[Row], seq: int) -> AsyncIterator[Record]:
        """Yield the records of a table after the event at `seq`, without an order, inside the caller's transaction."""
        async for record in connection.cursor(self.sql("history_all", kind), seq, prefetch=STREAMED_ROWS):
            yield tuple(record)

    async def erase(self, connection: asyncpg.Connection, scope: UUID) -> None:
        """Delete every version of every row of a scope, in a transaction.

        A historian that works at the same time has rows of this scope in memory. Its next write fails, and it begins
        again with the rows that are left.
        """
        async with connection.transaction():
            await connection.execute(self.sql("history_purged"))
            for kind in self.kinds:
                await connection.execute(self.sql("history_erase", kind), scope)
