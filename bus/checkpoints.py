"""Positions of consumers, read from their checkpoints in Postgres. The processes of the consumers need not run.

Each function asks Postgres for all consumers or tables at once. Under load, each further question waits for a
processor, on both sides.
"""

from collections.abc import Callable, Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from bus.projection_rows import Parked, Row, Rows, columns
from bus.projection_tables import SWAPPED, Tables, typed_columns
from bus.row_form import row_of
from bus.store import Store
from sql import named

UNION = " UNION ALL "
_record = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_FROM_JSON: dict[str, Callable[[Any], Any]] = {"uuid": UUID, "numeric": Decimal}
"""Type of a column -> function that makes its value from the text in JSON."""


async def checkpoints(store: Store, consumers: Collection[str]) -> dict[str, int]:
    """Map each consumer to the sequence of its rows.

    A consumer is left out if it has no rows, or if a rebuild replaces its tables at this moment.
    :raises Unavailable: if Postgres cannot be reached.
    """
    found = await _of_all(store, consumers, "consumer_position")
    positions = {row["consumer"]: row["seq"] for row in found}
    return {name: positions[name] for name in consumers if name in positions}


async def parked(store: Store, consumers: Collection[str]) -> dict[str, list[Parked]]:
    """Map each consumer to its parked events: for each blocked scope the first one, in the order of the log.

    :raises Unavailable: if Postgres cannot be reached.
    """
    first: dict[str, dict[UUID, Parked]] = {}
    for row in sorted(await _of_all(store, consumers, "consumer_parked"), key=lambda row: row["key"]):
        event = Parked(scope=UUID(int=row["scope"].int), key=row["key"], error=row["error"])
        first.setdefault(row["consumer"], {}).setdefault(event.scope, event)
    return {name: list(first[name].values()) for name in consumers if name in first}


async def _of_all(store: Store, consumers: Collection[str], query: str) -> list[asyncpg.Record]:
    """Return the rows of a query on each consumer that has tables. If a rebuild swaps tables, ask one by one."""
    async with store.connection() as connection:
        present = {row["nspname"] for row in await connection.fetch(named("consumers_existing"), list(consumers))}
        parts = [named(query).format(schema=name) for name in consumers if name in present]
        try:
            return list(await connection.fetch(UNION.join(parts))) if parts else []
        except SWAPPED:
            found: list[asyncpg.Record] = []
    for part in parts:
        async with store.connection() as connection:
            try:
                found += await connection.fetch(part)
            except SWAPPED:
                continue
    return found


async def read_rows(store: Store, consumer: str, kinds: Sequence[type[Row]]) -> Rows:
    """Return whole tables of a consumer, all as of one moment.

    The result is empty before the consumer has begun, or while a rebuild swaps tables.
    :raises Unavailable: if Postgres cannot be reached.
    """
    tables, held = Tables(consumer, ()), Rows(kinds)
    parts = [
        named("rows_as_json").format(schema=tables.schema, table=kind.table, columns=", ".join(columns(kind)))
        for kind in kinds
    ]
    async with store.connection() as connection:
        try:
            found = await connection.fetch(UNION.join(parts)) if await tables.exists(connection) else []
        except SWAPPED:
            return Rows(kinds)
    for kind in kinds:
        made = [(name, _FROM_JSON[sort]) for name, sort in typed_columns(kind) if sort in _FROM_JSON]
        records = [_record.decode(row["record"]) for row in found if row["kind"] == kind.table]
        for record in records:
            record.update({name: make(record[name]) for name, make in made if record[name] is not None})
        held.load(row_of(kind, record) for record in records)
    return held
