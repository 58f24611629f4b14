"""A consumer's rows in memory. Its projection reads and writes them, with undo per event and a list of changes.

A table is a frozen struct. Its first two fields are `scope: UUID` (the run or entity of the row) and `key: str`.
Together they are the primary key, so the run's id is enough to load, compare and purge a run's rows.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import ClassVar, TypeVar
from uuid import UUID

from bus.row_form import JsonColumns as JsonColumns
from bus.row_form import Record, form_of_rows, index_types
from bus.row_form import Row as Row
from bus.row_form import columns as columns


class Parked(Row, frozen=True, kw_only=True):
    """An event that this consumer could not process, or a later event of the same scope, which waits for it."""

    table = "parked"
    resident = True
    error: str


R = TypeVar("R", bound=Row)
Key = tuple[UUID, str]


class _Table:
    """One table in memory. `rows`: number of a scope -> key -> row. `changed`: the keys that changed, by scope.

    UUID computes its hash in Python, so the number of a UUID is faster in a dict.
    """

    __slots__ = ("changed", "check", "check_numbers", "field", "index", "kind", "record", "rows")

    def __init__(self, kind: type[Row]) -> None:
        form = form_of_rows(kind)
        self.kind = kind
        self.check, self.record = form.check, form.record
        self.check_numbers = form.check_numbers if form.has_numbers else None
        self.rows: dict[int, dict[str, Row]] = {}
        self.changed: dict[tuple[int, str], None] = {}
        self.field = kind.indexed
        self.index: dict[object, set[tuple[int, str]]] = {}

    def get(self, scope: int, key: str) -> Row | None:
        rows = self.rows.get(scope)
        return rows.get(key) if rows is not None else None

    def places(self, value: object) -> Collection[tuple[int, str]]:
        """Return scope and key of the rows with this indexed value.

        Raises TypeError if no row can have it, because the answer would always be "no rows".
        """
        if not self.field or type(value) not in index_types(self.kind):
            wanted = " or ".join(sorted(each.__name__ for each in index_types(self.kind))) if self.field else "nothing"
            raise TypeError(f"the rows of {self.kind.table} are found by {wanted}, not by {type(value).__name__}")
        return self.index.get(value, ())

    def place(self, scope: int, key: str, before: Row | None, row: Row | None) -> None:
        """Put a row in the place of `before`, or remove it."""
        if self.field:
            self._move((scope, key), before, row)
        rows = self.rows.get(scope)
        if row is not None:
            if rows is None:
                self.rows[scope] = {key: row}
            else:
                rows[key] = row
        elif rows is not None:
            rows.pop(key, None)
            if not rows:
                del self.rows[scope]

    def _move(self, place: tuple[int, str], before: Row | None, after: Row | None) -> None:
        old = getattr(before, self.field) if before is not None else None
        new = getattr(after, self.field) if after is not None else None
        if before is not None and after is not None and old == new:
            return
        if before is not None:
            self.index[old].discard(place)
        if after is not None:
            self.index.setdefault(new, set()).add(place)


class Rows:
    """All rows of one consumer that are in memory."""

    keeps_parts: ClassVar[bool] = True
    """Whether a projection also puts rows that only repeat a part of another row in memory (`put_parts`)."""

    def __init__(self, tables: Iterable[type[Row]]) -> None:
        kinds: tuple[type[Row], ...] = (*tables, Parked)
        self.tables = {kind.table: kind for kind in kinds}
        self._tables = {kind.table: _Table(kind) for kind in kinds}
        self._undo: list[tuple[_Table, int, str, Row | None]] = []
        self._touched: dict[_Table, None] = {}

    def get(self, kind: type[R], scope: UUID, key: str) -> R | None:
        rows = self._tables[kind.table].rows.get(scope.int)
        return rows.get(key) if rows is not None else None  # type: ignore[return-value]  # a table holds one kind

    def has(self, kind: type[Row], scope: UUID) -> bool:
        """Return whether the scope has a row in memory."""
        return scope.int in self._tables[kind.table].rows

    def of(self, kind: type[R], scope: UUID) -> list[R]:
        """Return the rows of one scope, in order of key."""
        rows = self._tables[kind.table].rows.get(scope.int, {})
        return [rows[key] for key in sorted(rows)]  # type: ignore[misc]  # a table holds one kind

    def all(self, kind: type[R]) -> list[R]:
        """Return every row of a resident table, in order of scope and key."""
        scopes = self._tables[kind.table].rows
        return [scopes[scope][key] for scope in sorted(scopes) for key in sorted(scopes[scope])]  # type: ignore[misc]  # a table holds one kind

    def where(self, kind: type[R], *values: object) -> list[R]:
        """Return a resident table's rows with one of these values in the indexed field, sorted by scope and key."""
        table = self._tables[kind.table]
        places = [place for value in values for place in table.places(value)]
        return [table.rows[scope][key] for scope, key in sorted(places)]  # type: ignore[misc]  # a table holds one kind

    def has_where(self, kind: type[Row], *values: object) -> bool:
        """Return whether a resident table has a row with one of these values in the indexed field."""
        table = self._tables[kind.table]
        return any(table.places(value) for value in values)

    def put(self, row: Row) -> None:
        """Insert or replace by primary key. Raises ValueError if Postgres cannot store it: the event is then parked."""
        table, scope, key = self._tables[row.table], row.scope.int, row.key
        before = table.get(scope, key)
        if before is row or before == row:
            return
        table.check(row, before)
        self._set(table, scope, key, before, row)

    def drop(self, kind: type[Row], scope: UUID, key: str) -> None:
        """Delete a row, if it exists."""
        table = self._tables[kind.table]
        before = table.get(scope.int, key)
        if before is not None:
            self._set(table, scope.int, key, before, None)

    def drop_scope(self, kind: type[Row], scope: UUID) -> None:
        table = self._tables[kind.table]
        for key, row in list(table.rows.get(scope.int, {}).items()):
            self._set(table, scope.int, key, row, None)

    def _set(self, table: _Table, scope: int, key: str, before: Row | None, row: Row | None) -> None:
        self._undo.append((table, scope, key, before))
        table.place(scope, key, before, row)
        table.changed[scope, key] = None
        self._touched[table] = None

    def mark(self) -> int:
        """Return a mark for `back`."""
        return len(self._undo)

    def back(self, mark: int) -> None:
        """Undo everything since the mark. The changed keys stay in the list, so their old values are written."""
        while len(self._undo) > mark:
            table, scope, key, before = self._undo.pop()
            table.place(scope, key, table.get(scope, key), before)

    def settle(self) -> None:
        """Mark all changes as committed."""
        self._undo.clear()
        for table in self._touched:
            table.changed.clear()
        self._touched.clear()

    def load(self, rows: Iterable[Row]) -> None:
        """Add rows from the database. They do not count as changes."""
        for row in rows:
            table, scope = self._tables[row.table], row.scope.int
            table.place(scope, row.key, table.get(scope, row.key), row)

    def move_out(self, kind: type[R], scopes: Iterable[UUID]) -> Iterator[R]:
        """Drop the rows of these scopes from memory, and yield them. The table must not be resident."""
        rows = self._tables[kind.table].rows
        for scope in scopes:
            yield from rows.pop(scope.int, {}).values()  # type: ignore[misc]  # a table holds one kind

    def forget(self, scope: UUID) -> None:
        """Drop a scope's rows from memory, except those of resident tables."""
        for table in self._tables.values():
            if not table.kind.resident:
                table.rows.pop(scope.int, None)

    def changed(self) -> Iterator[tuple[type[Row], Key, Row | None]]:
        """Yield the class, the primary key and the present row of each changed row. The row is None if it is gone."""
        for table in self._touched:
            for scope, key in table.changed:
                row = table.get(scope, key)
                yield table.kind, (row.scope if row is not None else UUID(int=scope), key), row

    def changed_of(self, kind: type[R]) -> list[R]:
        """Return the present rows of one table that changed since the last commit."""
        table = self._tables[kind.table]
        present = (table.get(scope, key) for scope, key in table.changed)
        return [row for row in present if row is not None]  # type: ignore[misc]  # a table holds one kind

    def changed_scopes(self, kind: type[Row]) -> set[UUID]:
        """Return the scopes of one table with a row that changed or is gone since the last commit."""
        return {UUID(int=scope) for scope, _ in self._tables[kind.table].changed}

    def changes(self) -> Iterator[tuple[type[Row], list[Key], list[Record]]]:
        """Yield, for each table with changes, the row class, the keys of all changed rows, and the records to insert.

        A changed key without a record belongs to a row that is gone. JSON columns are encoded here.
        """
        for table in self._touched:
            keys: list[Key] = []
            records: list[Record] = []
            for scope, key in table.changed:
                row = table.get(scope, key)
                keys.append((row.scope if row is not None else UUID(int=scope), key))
                if row is not None:
                    records.append(table.record(row))
            yield table.kind, keys, records

    def snapshot(self) -> dict[str, dict[Key, Row]]:
        """Return every row in memory, by table and primary key."""
        return {
            name: {(row.scope, key): row for rows in table.rows.values() for key, row in rows.items()}
            for name, table in self._tables.items()
        }


class ReplayedRows(Rows):
    """Rows that nobody writes before the last event of a replay, so no list of changes is kept.

    `may_have_nul`: whether an event so far has a NUL character. All texts of rows come from events, so without such an
    event no text of a row is searched. There is no index, so `where` raises TypeError: a projection may not call it.
    """

    keeps_parts = False

    def __init__(self, tables: Iterable[type[Row]]) -> None:
        super().__init__(tables)
        self.may_have_nul = False
        for table in self._tables.values():
            table.field = ""

    def put(self, row: Row) -> None:
        table, scope, key = self._tables[row.table], row.scope.int, row.key
        rows = table.rows.get(scope)
        before = rows.get(key) if rows is not None else None
        if self.may_have_nul:
            table.check(row, before)
        elif table.check_numbers is not None:
            table.check_numbers(row, before)
        self._undo.append((table, scope, key, before))
        if rows is None:
            table.rows[scope] = {key: row}
        else:
            rows[key] = row

    def _set(self, table: _Table, scope: int, key: str, before: Row | None, row: Row | None) -> None:
        self._undo.append((table, scope, key, before))
        table.place(scope, key, before, row)

    def settle(self) -> None:
        self._undo.clear()

    def written(self) -> Rows:
        """Return the same rows after they have been written. From now on, the changes are listed."""
        after = Rows(kind for kind in self.tables.values() if kind is not Parked)
        for kind in self.tables.values():
            after.load(self.all(kind))
        return after
