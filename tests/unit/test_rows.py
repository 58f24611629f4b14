"""Rows in memory: found by their indexed field. An undo also restores the index."""

from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, ReplayedRows, Row, Rows
from bus.row_form import columns, row_of
from tests.unit.samples import uuid

_held = msgspec.json.Decoder(tuple[str, ...])


class Thing(Row, frozen=True, kw_only=True):
    table = "thing"
    resident = True
    indexed = "phase"
    phase: str


def thing(scope: UUID, phase: str, key: str = "a") -> Thing:
    return Thing(scope=scope, key=key, phase=phase)


def found(rows: Rows, *phases: str) -> list[tuple[UUID, str]]:
    return [(row.scope, row.key) for row in rows.where(Thing, *phases)]


def test_rows_are_found_by_the_value_they_have_now_in_order_of_scope_and_key() -> None:
    rows = Rows([Thing])
    for row in (thing(uuid(3), "new"), thing(uuid(1), "new", "b"), thing(uuid(1), "new"), thing(uuid(2), "old")):
        rows.put(row)
    assert found(rows, "new") == [(uuid(1), "a"), (uuid(1), "b"), (uuid(3), "a")]
    rows.put(thing(uuid(3), "old"))
    assert found(rows, "new") == [(uuid(1), "a"), (uuid(1), "b")]
    assert found(rows, "old") == [(uuid(2), "a"), (uuid(3), "a")]
    assert found(rows, "new", "old") == [(row.scope, row.key) for row in rows.all(Thing)]
    assert found(rows, "never") == []


def test_what_is_undone_dropped_or_loaded_is_found_as_it_is() -> None:
    rows = Rows([Thing])
    rows.load([thing(uuid(1), "new"), thing(uuid(2), "new")])
    mark = rows.mark()
    rows.put(thing(uuid(1), "old"))
    rows.drop(Thing, uuid(2), "a")
    assert found(rows, "new") == []
    rows.back(mark)
    assert found(rows, "new") == [(uuid(1), "a"), (uuid(2), "a")]
    assert found(rows, "old") == []
    rows.drop_scope(Thing, uuid(1))
    assert found(rows, "new") == [(uuid(2), "a")]


class Spot(NamedTuple):
    floor: str
    room: int


class Placed(Row, frozen=True, kw_only=True):
    table = "placed"
    resident = True
    indexed = "spot"
    floor: str

    @property
    def spot(self) -> Spot:
        return Spot(self.floor, 1)


def test_a_look_up_by_a_value_of_another_type_is_an_error() -> None:
    """Such a look-up would find no row, whatever rows there are."""
    rows = Rows([Thing, Placed])
    rows.put(Placed(scope=uuid(1), key="a", floor="ground"))
    for look in (rows.where, rows.has_where):
        assert look(Placed, Spot("ground", 1))
        with pytest.raises(TypeError, match="rows of placed are found by Spot, not by str"):
            look(Placed, "ground")
        with pytest.raises(TypeError, match="rows of thing are found by str, not by UUID"):
            look(Thing, uuid(1))


def test_rows_of_a_replay_have_no_index() -> None:
    rows = ReplayedRows([Thing])
    rows.put(thing(uuid(1), "new"))
    with pytest.raises(TypeError, match="found by nothing"):
        rows.where(Thing, "new")
    assert found(rows.written(), "new") == [(uuid(1), "a")]


class Numbered(Row, frozen=True, kw_only=True):
    table = "numbered"
    json_columns: ClassVar[JsonColumns] = {"held": _held}
    note: str | None
    count: int | None
    sure: bool
    held: tuple[str, ...]


GOOD = Numbered(scope=uuid(1), key="a", note="n", count=1, sure=True, held=("x",))


@pytest.mark.parametrize("change", [{"note": "\0"}, {"count": 2**63}, {"count": -(2**63) - 1}, {"key": "a\0"}])
def test_a_value_that_postgres_cannot_store_is_refused_in_a_new_row_and_in_a_changed_one(
    change: dict[str, Any],
) -> None:
    rows = Rows([Numbered])
    for _ in range(2):
        with pytest.raises(ValueError, match=r"NUL character|does not fit 64 bits"):
            rows.put(replace(GOOD, **change))
        rows.put(GOOD)  # the control
        assert rows.all(Numbered) == [GOOD]


def test_json_can_hold_every_text_and_is_encoded_when_it_is_written() -> None:
    rows = Rows([Numbered])
    rows.put(replace(GOOD, note=None, count=-(2**63), held=("\0",)))
    ((kind, keys, records),) = rows.changes()
    assert (kind, keys) == (Numbered, [(uuid(1), "a")])
    assert records == [(uuid(1), "a", None, -(2**63), True, '["\\u0000"]')]
    (row,) = rows.all(Numbered)
    assert row_of(Numbered, dict(zip(columns(Numbered), records[0], strict=True))) == row


def test_changes_name_what_is_put_dropped_and_undone() -> None:
    rows = Rows([Thing, Numbered])
    rows.load([thing(uuid(1), "new"), GOOD])
    rows.put(thing(uuid(1), "new"))
    assert list(rows.changes()) == [], "an equal row is no change"
    mark = rows.mark()
    rows.put(thing(uuid(1), "old"))
    rows.drop(Numbered, uuid(1), "a")
    assert {(kind.table, key, row) for kind, key, row in rows.changed()} == {
        ("thing", (uuid(1), "a"), thing(uuid(1), "old")),
        ("numbered", (uuid(1), "a"), None),
    }
    rows.back(mark)
    assert {row for _, _, row in rows.changed()} == {thing(uuid(1), "new"), GOOD}, "the old values are written"
    rows.settle()
    assert list(rows.changed()) == []
    assert list(rows.changes()) == []
