"""Rows of a replay that are outside of memory, in a temporary SQLite file. So the memory does not grow with the log.

The file has no name: the system deletes it when the process ends, even if the process is killed.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from bus.row_form import Record, Row, sql_types
from domain.errors import Unavailable
from sql import named

CACHE_BYTES = 32 * 1024 * 1024
READ_ROWS = 500
_SETTINGS = ("journal_mode = OFF", "synchronous = OFF", f"cache_size = {-CACHE_BYTES // 1024}", "temp_store = FILE")
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_FROM_TEXT: dict[str, Callable[[str], Any]] = {"uuid": UUID, "numeric": Decimal}
"""Type of a column -> function that makes its value from text. Values of other types are encoded as they are."""


def encoded(record: Record) -> bytes:
    """Return a record as bytes. Records with the same bytes are equal."""
    return _encode(record)


def plain_record(data: bytes) -> Record:
    """Return a record with ids and decimal numbers as text. COPY into Postgres accepts this form."""
    return tuple(_decode(data))


class _Table:
    """One table: its statements, and the columns whose values are text in the file."""

    def __init__(self, name: str, kind: type[Row]) -> None:
        self.create, self.put, self.scope, self.delete, self.ordered = (
            named(f"row_file_{statement}").format(table=name)
            for statement in ("create", "put", "scope", "delete", "ordered")
        )
        self._from_text = [
            (index, _FROM_TEXT[sort]) for index, sort in enumerate(sql_types(kind)) if sort in _FROM_TEXT
        ]

    def decode(self, data: bytes) -> Record:
        values = _decode(data)
        for index, made in self._from_text:
            if values[index] is not None:
                values[index] = made(values[index])
        return tuple(values)


class RowFile:
    """Records by table, in the order of scope and key. Use it as a context manager."""

    def __init__(self, kinds: Mapping[str, type[Row]]) -> None:
        """kinds: name of a table in this file -> class of its rows."""
        self._tables = {name: _Table(name, kind) for name, kind in kinds.items()}
        self._connection = sqlite3.connect("", isolation_level=None)

    def __enter__(self) -> "RowFile":
        with _unavailable():
            for setting in _SETTINGS:
                self._connection.execute(f"PRAGMA {setting}")
            self._connection.execute("BEGIN")
            for table in self._tables.values():
                self._connection.execute(table.create)
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def put(self, name: str, records: Iterable[Record]) -> None:
        """Add records, or replace those with the same scope and key."""
        rows = ((record[0].bytes, record[1], _encode(record)) for record in records)
        with _unavailable():
            self._connection.executemany(self._tables[name].put, rows)

    def take(self, name: str, scopes: Collection[UUID]) -> Iterator[Record]:
        """Remove the records of these scopes, and yield them."""
        table = self._tables[name]
        with _unavailable():
            for scope in scopes:
                found = self._connection.execute(table.scope, (scope.bytes,)).fetchall()
                if found:
                    self._connection.execute(table.delete, (scope.bytes,))
                    yield from (table.decode(data) for (data,) in found)

    def ordered(self, name: str) -> Iterator[bytes]:
        """Yield all records of a table as bytes, in order of scope and key."""
        with _unavailable():
            found = self._connection.execute(self._tables[name].ordered)
            while page := found.fetchmany(READ_ROWS):
                yield from [data for (data,) in page]

    def decoder(self, name: str) -> Callable[[bytes], Record]:
        """Return the function that makes a record of a table from its bytes."""
        return self._tables[name].decode


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(
            f"The temporary file of the replay cannot be used: {error}.",
            hint="Free space in the folder of temporary files, or set SQLITE_TMPDIR to another folder.",
        ) from error
