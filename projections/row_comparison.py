"""Comparison of a consumer's live rows with its rebuilt rows: a merge of two sorted streams, in bounded memory."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bus.projection_rows import Row, columns
from bus.projection_tables import Tables
from bus.row_form import Record, place_of
from projections.row_file import RowFile, encoded
from sql import named

PAGE_ROWS = 500


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


class TableComparison:
    """The comparison of one table of a file with its live rows. `rows`: number of live rows."""

    def __init__(self, consumer: str, kind: type[Row], file: RowFile, name: str) -> None:
        """name: the table's name in the file."""
        self.rows = 0
        self.differences: list[Difference] = []
        self._consumer = consumer
        self._kind = kind
        self._rebuilt = file.ordered(name)
        self._decode = file.decoder(name)
        self._next = next(self._rebuilt, None)

    def take(self, page: Sequence[Record] | Sequence[asyncpg.Record]) -> None:
        """Compare the next live records."""
        self.rows += len(page)
        for live in map(tuple, page):
            if encoded(live) == self._next:
                self._next = next(self._rebuilt, None)
            else:
                self._compare(live)

    def _compare(self, live: Record) -> None:
        """Compare a record that has other bytes than the next rebuilt one. Different bytes may be the same number."""
        while self._next is not None and place_of(rebuilt := self._decode(self._next)) <= place_of(live):
            self._next = next(self._rebuilt, None)
            if place_of(rebuilt) == place_of(live):
                pairs = zip(columns(self._kind), live, rebuilt, strict=True)
                changed = tuple(name for name, before, after in pairs if before != after)
                if changed:
                    self._note(live, "changed", changed)
                return
            self._note(rebuilt, "missing")
        self._note(live, "surplus")

    def finish(self) -> None:
        """Note the rebuilt rows that come after the last live row."""
        while self._next is not None:
            self._note(self._decode(self._next), "missing")
            self._next = next(self._rebuilt, None)

    def _note(self, record: Record, what: str, changed: tuple[str, ...] = ()) -> None:
        key = f"{record[0]}/{record[1]}"
        self.differences.append(
            Difference(consumer=self._consumer, table=self._kind.table, key=key, what=what, columns=changed)
        )


async def compare_table(
    connection: asyncpg.Connection, tables: Tables, kind: type[Row], file: RowFile, name: str
) -> TableComparison:
    """Compare one live table, which is read in the connection's transaction. `name`: the table's name in the file."""
    comparison = TableComparison(tables.name, kind, file, name)
    query = named("rows_ordered").format(columns=", ".join(columns(kind)), schema=tables.schema, table=kind.table)
    live = await connection.cursor(query)
    while page := await live.fetch(PAGE_ROWS):
        comparison.take(page)
    comparison.finish()
    return comparison


def missing_table(tables: Tables, kind: type[Row], file: RowFile, name: str) -> TableComparison:
    """Return the comparison with a live table that does not exist: every rebuilt row is missing."""
    comparison = TableComparison(tables.name, kind, file, name)
    comparison.finish()
    return comparison
