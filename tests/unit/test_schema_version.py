"""A consumer's schema version: it depends on the content of its rows at every level, and not on class names."""

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal
from uuid import UUID

import msgspec
import pytest

from bus.json_form import json_form
from bus.projection_rows import JsonColumns, Row
from bus.projection_tables import Tables
from runtime.roles import CONSUMERS


class Amount(msgspec.Struct):
    usd: Decimal
    tokens: int = 0


class State(msgspec.Struct):
    phase: Literal["open", "ended"]
    spent: Mapping[UUID, Amount]
    outcome: str | None = None


class Sum(msgspec.Struct):
    usd: Decimal
    tokens: int = 0


class Renamed(msgspec.Struct):
    phase: Literal["open", "ended"]
    spent: Mapping[UUID, Sum]
    outcome: str | None = None


class OtherPhases(msgspec.Struct):
    phase: Literal["open", "over"]
    spent: Mapping[UUID, Amount]
    outcome: str | None = None


class Cents(msgspec.Struct):
    cents: int
    tokens: int = 0


class DeepName(msgspec.Struct):
    phase: Literal["open", "ended"]
    spent: Mapping[UUID, Cents]
    outcome: str | None = None


class Count(msgspec.Struct):
    usd: int
    tokens: int = 0


class DeepType(msgspec.Struct):
    phase: Literal["open", "ended"]
    spent: Mapping[UUID, Count]
    outcome: str | None = None


class FieldMore(State):
    due_at: int = 0


def version(held: type) -> str:
    class Thing(Row, frozen=True, kw_only=True):
        table = "thing"
        json_columns: ClassVar[JsonColumns] = {"state": msgspec.json.Decoder(held)}
        state: str

    return Tables("anybody", [Thing]).version()


def test_another_name_of_a_class_is_the_same_version() -> None:
    assert version(Renamed) == version(State)


@pytest.mark.parametrize("other", [OtherPhases, DeepName, DeepType, FieldMore])
def test_another_field_or_type_is_another_version_however_deep(other: type) -> None:
    assert version(other) != version(State)


def test_another_column_or_type_of_column_is_another_version() -> None:
    class Thing(Row, frozen=True, kw_only=True):
        table = "thing"
        count: int

    class Wider(Row, frozen=True, kw_only=True):
        table = "thing"
        count: int
        note: str

    class Typed(Row, frozen=True, kw_only=True):
        table = "thing"
        count: str

    versions = {Tables("anybody", [kind]).version() for kind in (Thing, Wider, Typed)}
    assert len(versions) == 3


class Tree(msgspec.Struct):
    name: str
    below: list["Tree"]


def test_a_struct_that_holds_itself_has_a_form() -> None:
    assert json_form(Tree) == "{name:str,below:list(^1)}"


def test_a_class_whose_form_is_not_known_is_refused() -> None:
    with pytest.raises(TypeError, match="complex in JSON is not known"):
        json_form(list[complex])


def test_no_consumer_has_a_column_for_json_that_is_not_there() -> None:
    for make in CONSUMERS.values():
        for kind in make().tables:
            assert set(kind.json_columns) <= set(kind.__struct_fields__), kind.table
