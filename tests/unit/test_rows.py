"""Rows in memory: found by their indexed field. An undo also restores the index."""

from uuid import UUID

from bus.projection_rows import Row, Rows
from tests.unit.samples import uuid


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
