"""The classes of rows, and the form in which Postgres stores a row: its columns, their types, and its JSON columns."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Any, ClassVar, Protocol, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from msgspec.structs import astuple

from bus.json_form import json_form

JsonColumns = Mapping[str, msgspec.json.Decoder[Any]]
"""Name of a column -> decoder of its JSON content. The class makes it, so that types are read at import."""
Record = tuple[Any, ...]
"""One row as Postgres stores it: a value for each column, with the content of JSON columns as text."""


class Stored(Protocol):
    """A record from Postgres: its values by column."""

    def items(self) -> Iterable[tuple[str, Any]]: ...


def place_of(record: Sequence[Any]) -> tuple[int, str]:
    """Return the place of a record, or of the key of a row, in its table: by scope, then by key.

    It is the order of Postgres with the collation C.
    """
    return record[0].int, record[1]


ID_KEYS_MAX = 4096
"""Maximum number of texts of ids that are kept."""
_id_keys: dict[int, str] = {}
INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One row. Subclasses set `table`. Fields are UUID, str, int, bool, Decimal or None: Postgres stores them exactly.

    `resident`: the whole table stays in memory, so a reaction can read across runs. Delete a run's rows at its end.
    `of_runs`: the scope of each row is a run, so an event without a run needs no row of this table.
    `indexed`: a field or a property of a resident table. `where` finds rows by its value without a scan of the table.
    `json_columns`: each field that is stored as JSON text, with the decoder of its content. In memory such a field
    holds the frozen object itself. The object is encoded only when the row is written. The schema version covers the
    type.
    """

    table: ClassVar[str]
    resident: ClassVar[bool] = False
    of_runs: ClassVar[bool] = False
    indexed: ClassVar[str] = ""
    json_columns: ClassVar[JsonColumns] = {}

    scope: UUID
    key: str

    def stored(self) -> "Row":
        """Return the row as it is stored. A class may store less than it holds in memory."""
        return self

    def parts(self) -> Iterable["Row"]:
        """Return the rows of other tables that repeat a part of this row in memory. Only resident tables have such."""
        return ()


_SQL_TYPES = {UUID: "uuid", str: "text", int: "bigint", bool: "boolean", Decimal: "numeric"}


class RowForm:
    """The stored form of one class of rows. It is computed once for each class."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind = kind
        self.columns: tuple[str, ...] = kind.__struct_fields__
        self.sql_types = _sql_types(kind)
        typed = list(zip(self.columns, self.sql_types, strict=True))
        self._json = [(index, name) for index, name in enumerate(self.columns) if name in kind.json_columns]
        self._decoders = {name: decoder.decode for name, decoder in kind.json_columns.items()}
        plain = [(name, sort) for name, sort in typed[2:] if name not in kind.json_columns]
        self._texts = _getter([name for name, sort in plain if sort == "text"])
        self._integers = _getter([name for name, sort in plain if sort == "bigint"])

    def record(self, row: Row) -> Record:
        """Return the row as Postgres stores it."""
        values = astuple(row.stored())
        if not self._json:
            return values
        stored = list(values)
        for index, _ in self._json:
            stored[index] = _encode(stored[index]).decode()
        return tuple(stored)

    def row(self, record: Stored) -> Row:
        """Return the row that a record from Postgres holds."""
        values = dict(record.items())
        for name, decode in self._decoders.items():
            values[name] = decode(values[name])
        return self.kind(**values)

    def check(self, row: Row, before: Row | None) -> None:
        """Raise ValueError if Postgres cannot store the row. `before`: the row with the same key that it replaces.

        Only values that differ from `before` are looked at. JSON escapes NUL characters, so JSON columns can be stored.
        """
        if before is None and "\0" in row.key:
            raise ValueError(f"a text of {row.table} has a NUL character")
        if self._texts is not None:
            texts = self._texts(row)
            if (before is None or self._texts(before) != texts) and any(text and "\0" in text for text in texts):
                raise ValueError(f"a text of {row.table} has a NUL character")
        if self._integers is not None:
            self.check_numbers(row, before)

    @property
    def has_numbers(self) -> bool:
        return self._integers is not None

    def check_numbers(self, row: Row, before: Row | None) -> None:
        """Raise ValueError if a number of the row does not fit 64 bits. The class must have numbers."""
        assert self._integers is not None
        numbers = self._integers(row)
        if (before is None or self._integers(before) != numbers) and not all(map(_fits, numbers)):
            raise ValueError(f"a number of {row.table} does not fit 64 bits")


_encode = msgspec.json.Encoder().encode


def _getter(names: list[str]) -> Callable[[Row], tuple[Any, ...]] | None:
    """Return a function that returns these fields of a row as a tuple; None if there are no fields."""
    if not names:
        return None
    # attrgetter returns a tuple for two names or more, so a single name is asked twice
    return attrgetter(*names, *names[: len(names) == 1])


def _fits(number: int | None) -> bool:
    return number is None or INT_MIN <= number <= INT_MAX


@cache
def form_of_rows(kind: type[Row]) -> RowForm:
    """Return the stored form of a class of rows."""
    return RowForm(kind)


def _sql_types(kind: type[Row]) -> tuple[str, ...]:
    types: list[str] = []
    for name, hint in get_type_hints(kind).items():
        if get_origin(hint) is ClassVar or hint is ClassVar:
            continue
        if name in kind.json_columns:
            types.append("text")
            continue
        plain = [part for part in get_args(hint) if part is not type(None)] or [hint]
        types.append(_SQL_TYPES[plain[0]])
    return tuple(types)


def sql_types(kind: type[Row]) -> tuple[str, ...]:
    """Return the Postgres type of each column, in the order of the struct's fields."""
    return form_of_rows(kind).sql_types


def form_of(kind: type[Row]) -> str:
    """Return the form of a table: its columns, their types, and the types of the content of JSON columns."""
    typed = zip(columns(kind), sql_types(kind), strict=True)
    forms = {name: f"json:{json_form(decoder.type)}" for name, decoder in kind.json_columns.items()}
    return f"{kind.table}({','.join(f'{name} {forms.get(name, sort)}' for name, sort in typed)})"


def id_key(id: UUID) -> str:
    """Return the text of an id, as a key. The texts of the last ids are kept: UUID makes its text in Python."""
    text = _id_keys.get(id.int)
    if text is None:
        if len(_id_keys) >= ID_KEYS_MAX:
            _id_keys.clear()
        text = _id_keys[id.int] = str(id)
    return text


@cache
def index_types(kind: type[Row]) -> frozenset[type]:
    """Return the types of a table's indexed values. The set is empty for a table without an index."""
    if not kind.indexed:
        return frozenset()
    attribute = getattr(kind, kind.indexed)
    if isinstance(attribute, property):
        hint = get_type_hints(attribute.fget)["return"]
    else:
        hint = get_type_hints(kind)[kind.indexed]
    return frozenset(get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))


def columns(kind: type[Row]) -> tuple[str, ...]:
    """Return the column names, in the order of the struct's fields."""
    return kind.__struct_fields__


def record_of(row: Row) -> Record:
    """Return a row as Postgres stores it."""
    return form_of_rows(type(row)).record(row)


def stored_columns(row: Row) -> dict[str, object]:
    """Return the values of a row by column, as Postgres stores them."""
    return dict(zip(columns(type(row)), record_of(row), strict=True))


def row_of(kind: type[Row], record: Stored) -> Row:
    """Return the row that a record from Postgres holds."""
    return form_of_rows(kind).row(record)
