"""Each query with a struct returns the columns of the struct with its types, and its rows decode to the struct."""

from decimal import Decimal
from types import UnionType
from typing import Any, get_args, get_type_hints
from uuid import UUID, uuid4

import msgspec
import pytest

from bus.projection_tables import Tables
from bus.store import Store
from director.services import cost_views, page_views, scorecard_views, shadow_views
from director.services.views import ORGANISATION, QUERIES, Query
from domain.errors import Unavailable
from runtime.roles import CONSUMERS
from sql import named

pytestmark = pytest.mark.needs_postgres

TYPES = {"uuid": UUID, "text": str, "int4": int, "int8": int, "numeric": Decimal, "bool": bool, "jsonb": str}
"""PostgreSQL's type -> the type of the struct's field."""
ARGUMENTS = {"uuid": uuid4(), "int8": 1, "jsonb": "{}", "text[]": [], "text": "x"}
"""PostgreSQL's type -> an argument of a query."""


def type_of(annotation: Any) -> type:
    """Return a field's type. For a field that may be None, return the other type."""
    kinds = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    (kind,) = {kind for kind in kinds if kind is not type(None)}
    assert isinstance(kind, type)
    return kind


async def test_each_query_has_the_columns_that_its_struct_names(postgres_dsn: str) -> None:
    store = await Store.open(postgres_dsn)
    try:
        async with store.connection() as connection:
            for make in CONSUMERS.values():
                await Tables(make().name, make().tables).create(connection)
            for query in (
                *QUERIES,
                *cost_views.QUERIES,
                *scorecard_views.QUERIES,
                *shadow_views.QUERIES,
                *page_views.QUERIES,
            ):
                statement = await connection.prepare(named(query.name))
                columns = {column.name: TYPES[column.type.name] for column in statement.get_attributes()}
                fields = {name: type_of(hint) for name, hint in get_type_hints(query.row).items() if name[0] != "_"}
                assert fields.items() <= columns.items(), query.name
                arguments = [ARGUMENTS[parameter.name] for parameter in statement.get_parameters()]
                assert await query.read(store, *arguments) == []
    finally:
        await store.close()


async def test_rows_come_as_structs_and_those_of_another_release_are_named(postgres_dsn: str) -> None:
    store = await Store.open(postgres_dsn)
    try:
        assert await ORGANISATION.first(store) is None, "no consumer has begun"
        async with store.connection() as connection:
            await connection.execute("CREATE SCHEMA manager")
            await connection.execute("CREATE TABLE manager.organisation AS SELECT 'running' AS phase, '{}' AS state")
        line = await ORGANISATION.first(store)
        assert line == ORGANISATION.row(phase="running", state="{}")
        async with store.connection() as connection:
            await connection.execute("ALTER TABLE manager.organisation DROP COLUMN state")
        with pytest.raises(Unavailable) as refused:
            await ORGANISATION.read(store)
        assert refused.value.code == "other_release"
    finally:
        await store.close()


class Odd(msgspec.Struct, frozen=True, kw_only=True):
    """A row with an id."""

    phase: UUID


async def test_an_id_is_a_plain_uuid(postgres_dsn: str) -> None:
    """The driver's own class would not be read by a decoder."""
    store = await Store.open(postgres_dsn)
    id = uuid4()
    try:
        async with store.connection() as connection:
            await connection.execute("CREATE SCHEMA manager")
            await connection.execute(f"CREATE TABLE manager.organisation AS SELECT '{id}'::uuid AS phase, '' AS state")
        line = await Query(ORGANISATION.name, Odd).first(store)
    finally:
        await store.close()
    assert line is not None
    assert (type(line.phase), line.phase) == (UUID, id)
