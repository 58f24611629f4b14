"""A consumer's rows in memory. Its projection reads and writes them, with undo per event and a list of changes.

A table is a frozen struct. Its first two fields are `scope: UUID` (the run or entity of the row) and `key: str`.
Together they are the primary key, so the run's id is enough to load, compare and purge a run's rows.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar
from uuid import UUID

from bus.row_form import JsonColumns as JsonColumns
from bus.row_form import Record, form_of_rows
from bus.row_form import Row as Row
from bus.row_form import columns as columns


class Parked(Row, frozen=True, kw_only=True):
    """An event that this consumer could not process, or a later event of the same scope, which waits for it."""

    table = "parked"
    resident = True
    error: str


R = TypeVar("R", bound=Row)
Key = tuple[UUID, str]
_Place = tuple[int, str]
"""The number of a scope's UUID, and the key. UUID computes its hash in Python, so its number is faster in a dict."""


class Rows:
    """All rows of one consumer that are in memory."""

    def __init__(self, tables: Iterable[type[Row]]) -> None:
        kinds: tuple[type[Row], ...] = (*tables, Parked)
        self.tables = {kind.table: kind for kind in kinds}
        self._forms = {kind.table: form_of_rows(kind) for kind in kinds}
        self._rows: dict[str, dict[int, dict[str, Row]]] = {name: {} for name in self.tables}
        self._index: dict[str, dict[object, set[_Place]]] = {kind.table: {} for kind in kinds if kind.indexed}
        self._undo: list[tuple[str, _Place, Row | None]] = []
        self._changed: dict[str, dict[_Place, None]] = {}

    def get(self, kind: type[R], scope: UUID, key: str) -> R | None:
        rows = self._rows[kind.table].get(scope.int)
        return rows.get(key) if rows is not None else None  # type: ignore[return-value]  # a table holds one kind

    def has(self, kind: type[Row], scope: UUID) -> bool:
        """Return whether the scope has a row in memory."""
        return scope.int in self._rows[kind.table]

    def of(self, kind: type[R], scope: UUID) -> list[R]:
        """Return the rows of one scope, in order of key."""
        rows = self._rows[kind.table].get(scope.int, {})
        return [rows[key] for key in sorted(rows)]  # type: ignore[misc]  # a table holds one kind

    def all(self, kind: type[R]) -> list[R]:
        """Return every row of a resident table, in order of scope and key."""
        scopes = self._rows[kind.table]
        return [scopes[scope][key] for scope in sorted(scopes) for key in sorted(scopes[scope])]  # type: ignore[misc]  # a table holds one kind

    def where(self, kind: type[R], *values: object) -> list[R]:
        """Return a resident table's rows with one of these values in the indexed field, sorted by scope and key."""
        places = [place for value in values for place in self._index[kind.table].get(value, ())]
        rows = self._rows[kind.table]
        return [rows[scope][key] for scope, key in sorted(places)]  # type: ignore[misc]  # a table holds one kind

    def put(self, row: Row) -> None:
        """Insert or replace by primary key. Raises ValueError if Postgres cannot store it: the event is then parked."""
        table, place = row.table, (row.scope.int, row.key)
        before = self._at(table, place)
        if before is row or before == row:
            return
        self._forms[table].check(row, before)
        self._set(table, place, before, row)

    def drop(self, kind: type[Row], scope: UUID, key: str) -> None:
        """Delete a row, if it exists."""
        place = (scope.int, key)
        before = self._at(kind.table, place)
        if before is not None:
            self._set(kind.table, place, before, None)

    def drop_scope(self, kind: type[Row], scope: UUID) -> None:
        for key, row in list(self._rows[kind.table].get(scope.int, {}).items()):
            self._set(kind.table, (scope.int, key), row, None)

    def _at(self, table: str, place: _Place) -> Row | None:
        rows = self._rows[table].get(place[0])
        return rows.get(place[1]) if rows is not None else None

    def _set(self, table: str, place: _Place, before: Row | None, row: Row | None) -> None:
        self._undo.append((table, place, before))
        self._place(table, place, before, row)
        self._changed.setdefault(table, {})[place] = None

    def _place(self, table: str, place: _Place, before: Row | None, row: Row | None) -> None:
        if table in self._index:
            self._move(table, place, before, row)
        scopes, (scope, key) = self._rows[table], place
        if row is not None:
            rows = scopes.get(scope)
            if rows is None:
                scopes[scope] = {key: row}
            else:
                rows[key] = row
            return
        rows = scopes.get(scope, {})
        rows.pop(key, None)
        if not rows:
            scopes.pop(scope, None)

    def _move(self, table: str, place: _Place, before: Row | None, after: Row | None) -> None:
        index, field = self._index[table], self.tables[table].indexed
        if before is not None:
            index[getattr(before, field)].discard(place)
        if after is not None:
            index.setdefault(getattr(after, field), set()).add(place)

    def mark(self) -> int:
        """Return a mark for `back`."""
        return len(self._undo)

    def back(self, mark: int) -> None:
        """Undo everything since the mark. The changed keys stay in the list, so their old values are written."""
        while len(self._undo) > mark:
            table, place, before = self._undo.pop()
            self._place(table, place, self._at(table, place), before)

    def settle(self) -> None:
        """Mark all changes as committed."""
        self._undo.clear()
        self._changed.clear()

    def load(self, rows: Iterable[Row]) -> None:
        """Add rows from the database. They do not count as changes."""
        for row in rows:
            place = (row.scope.int, row.key)
            self._place(row.table, place, self._at(row.table, place), row)

    def forget(self, scope: UUID) -> None:
        """Drop a scope's rows from memory, except those of resident tables."""
        for name, kind in self.tables.items():
            if not kind.resident:
                self._rows[name].pop(scope.int, None)

    def changed(self) -> Iterator[tuple[type[Row], Key, Row | None]]:
        """Yield the class, the primary key and the present row of each changed row. The row is None if it is gone."""
        for name, places in self._changed.items():
            kind, rows = self.tables[name], self._rows[name]
            for scope, key in places:
                row = rows.get(scope, {}).get(key)
                yield kind, (row.scope if row is not None else UUID(int=scope), key), row

    def changed_of(self, kind: type[R]) -> list[R]:
        """Return the present rows of one table that changed since the last commit."""
        rows = self._rows[kind.table]
        present = (rows.get(scope, {}).get(key) for scope, key in self._changed.get(kind.table, ()))
        return [row for row in present if row is not None]  # type: ignore[misc]  # a table holds one kind

    def changes(self) -> Iterator[tuple[type[Row], list[Key], list[Record]]]:
        """Yield, for each table with changes, the row class, the keys of all changed rows, and the records to insert.

        A changed key without a record belongs to a row that is gone. JSON columns are encoded here.
        """
        changed: dict[type[Row], tuple[list[Key], list[Record]]] = {}
        for kind, key, row in self.changed():
            keys, records = changed.setdefault(kind, ([], []))
            keys.append(key)
            if row is not None:
                records.append(self._forms[kind.table].record(row))
        for kind, (keys, records) in changed.items():
            yield kind, keys, records

    def snapshot(self) -> dict[str, dict[Key, Row]]:
        """Return every row in memory, by table and primary key."""
        return {
            name: {(row.scope, key): row for rows in scopes.values() for key, row in rows.items()}
            for name, scopes in self._rows.items()
        }
