"""A consumer's rows in memory. Its projection reads and writes them, with undo per event and a list of changes.

A table is a frozen struct. Its first two fields are `scope: UUID` (the run or entity of the row) and `key: str`.
Together they are the primary key, so the run's id is enough to load, compare and purge a run's rows.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from bus.json_form import json_form

JsonColumns = Mapping[str, Any]
"""Name of a column -> type of its JSON content."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Subclasses set `table`. Fields are UUID, str, int, bool, Decimal or None: Postgres stores them exactly.

    `resident`: the whole table stays in memory, so a reaction can read across runs. Delete a run's rows at its end.
    `indexed`: a field of a resident table. `where` finds rows by its value without a scan of the table.
    `json_columns`: each field that holds JSON text, with the type of its content. The schema version covers that type.
    """

    table: ClassVar[str]
    resident: ClassVar[bool] = False
    indexed: ClassVar[str] = ""
    json_columns: ClassVar[JsonColumns] = {}

    scope: UUID
    key: str


class Parked(Row, frozen=True, kw_only=True):
    """An event that this consumer could not process, or a later event of the same scope, which waits for it."""

    table = "parked"
    resident = True
    error: str


R = TypeVar("R", bound=Row)
Key = tuple[UUID, str]


class Rows:
    """All rows of one consumer that are in memory."""

    def __init__(self, tables: Iterable[type[Row]]) -> None:
        kinds: tuple[type[Row], ...] = (*tables, Parked)
        self.tables = {kind.table: kind for kind in kinds}
        self._rows: dict[str, dict[UUID, dict[str, Row]]] = {name: {} for name in self.tables}
        self._index: dict[str, dict[object, set[Key]]] = {kind.table: {} for kind in kinds if kind.indexed}
        self._undo: list[tuple[str, Key, Row | None]] = []
        self.changed: dict[str, set[Key]] = {name: set() for name in self.tables}

    def get(self, kind: type[R], scope: UUID, key: str) -> R | None:
        return self._rows[kind.table].get(scope, {}).get(key)  # type: ignore[return-value]  # a table holds one kind

    def of(self, kind: type[R], scope: UUID) -> list[R]:
        """Return the rows of one scope, in order of key."""
        rows = self._rows[kind.table].get(scope, {})
        return [rows[key] for key in sorted(rows)]  # type: ignore[misc]  # a table holds one kind

    def all(self, kind: type[R]) -> list[R]:
        """Return every row of a resident table, in order of scope and key."""
        scopes = self._rows[kind.table]
        return [row for scope in sorted(scopes, key=_by_number) for row in self.of(kind, scope)]

    def where(self, kind: type[R], *values: object) -> list[R]:
        """Return a resident table's rows with one of these values in the indexed field, sorted by scope and key."""
        keys = [key for value in values for key in self._index[kind.table].get(value, ())]
        rows = self._rows[kind.table]
        return [rows[scope][key] for scope, key in sorted(keys, key=_by_scope)]  # type: ignore[misc]  # a table holds one kind

    def put(self, row: Row) -> None:
        """Insert or replace by primary key. Raises ValueError if Postgres cannot store it: the event is then parked."""
        for value in astuple(row):
            if isinstance(value, str) and "\0" in value:
                raise ValueError(f"a text of {row.table} has a NUL character")
            if isinstance(value, int) and not -(2**63) <= value < 2**63:
                raise ValueError(f"a number of {row.table} does not fit 64 bits")
        self._set(row.table, (row.scope, row.key), row)

    def drop(self, kind: type[Row], scope: UUID, key: str) -> None:
        """Delete a row, if it exists."""
        self._set(kind.table, (scope, key), None)

    def drop_scope(self, kind: type[Row], scope: UUID) -> None:
        for key in list(self._rows[kind.table].get(scope, {})):
            self._set(kind.table, (scope, key), None)

    def _set(self, table: str, key: Key, row: Row | None) -> None:
        before = self._rows[table].get(key[0], {}).get(key[1])
        if before == row:
            return
        self._undo.append((table, key, before))
        self._place(table, key, row)
        self.changed[table].add(key)

    def _place(self, table: str, key: Key, row: Row | None) -> None:
        scopes = self._rows[table]
        if table in self._index:
            self._move(table, key, scopes.get(key[0], {}).get(key[1]), row)
        if row is not None:
            scopes.setdefault(key[0], {})[key[1]] = row
            return
        rows = scopes.get(key[0], {})
        rows.pop(key[1], None)
        if not rows:
            scopes.pop(key[0], None)

    def _move(self, table: str, key: Key, before: Row | None, after: Row | None) -> None:
        index, field = self._index[table], self.tables[table].indexed
        if before is not None:
            index[getattr(before, field)].discard(key)
        if after is not None:
            index.setdefault(getattr(after, field), set()).add(key)

    def mark(self) -> int:
        """Return a mark for `back`."""
        return len(self._undo)

    def back(self, mark: int) -> None:
        """Undo everything since the mark. The changed keys stay in the list, so their old values are written."""
        while len(self._undo) > mark:
            table, key, before = self._undo.pop()
            self._place(table, key, before)

    def settle(self) -> None:
        """Mark all changes as committed."""
        self._undo.clear()
        for keys in self.changed.values():
            keys.clear()

    def load(self, rows: Iterable[Row]) -> None:
        """Add rows from the database. They do not count as changes."""
        for row in rows:
            self._place(row.table, (row.scope, row.key), row)

    def forget(self, scope: UUID) -> None:
        """Drop a scope's rows from memory, except those of resident tables."""
        for name, kind in self.tables.items():
            if not kind.resident:
                self._rows[name].pop(scope, None)

    def changes(self) -> Iterator[tuple[type[Row], list[Key], list[tuple[object, ...]]]]:
        """Yield, for each table with changes, the row class, the keys to delete, and the records to insert."""
        for name, keys in self.changed.items():
            if keys:
                present = [self._rows[name].get(scope, {}).get(key) for scope, key in keys]
                records = [astuple(row) for row in present if row is not None]
                yield self.tables[name], list(keys), records

    def snapshot(self) -> dict[str, dict[Key, Row]]:
        """Return every row in memory, by table and primary key."""
        return {
            name: {(scope, key): row for scope, rows in scopes.items() for key, row in rows.items()}
            for name, scopes in self._rows.items()
        }


_by_number = attrgetter("int")  # the same order as that of the UUIDs, but faster to compare


def _by_scope(key: Key) -> tuple[int, str]:
    return key[0].int, key[1]


_SQL_TYPES = {UUID: "uuid", str: "text", int: "bigint", bool: "boolean", Decimal: "numeric"}


def sql_types(kind: type[Row]) -> tuple[str, ...]:
    """Return the Postgres type of each column, in the order of the struct's fields."""
    types: list[str] = []
    for hint in get_type_hints(kind).values():
        if get_origin(hint) is not ClassVar and hint is not ClassVar:
            plain = [part for part in get_args(hint) if part is not type(None)] or [hint]
            types.append(_SQL_TYPES[plain[0]])
    return tuple(types)


def form_of(kind: type[Row]) -> str:
    """Return the form of a table: its columns, their types, and the types of the content of JSON columns."""
    typed = zip(columns(kind), sql_types(kind), strict=True)
    forms = {name: json_form(held) for name, held in kind.json_columns.items()}
    return f"{kind.table}({','.join(f'{name} {forms.get(name, sort)}' for name, sort in typed)})"


def columns(kind: type[Row]) -> tuple[str, ...]:
    """Return the column names, in the order of the struct's fields."""
    return kind.__struct_fields__
