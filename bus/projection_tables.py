"""A consumer's schema in Postgres: create, read, write, swap. Its tables are defined in sql/projections/<consumer>/."""

from collections.abc import Collection, Sequence
from importlib.resources import files
from uuid import UUID

import asyncpg

from bus.projection_rows import Key, Row, Rows
from bus.row_form import Record, columns, form_of, row_of, sql_types
from domain.errors import Unavailable
from domain.tree import digest_of
from sql import named

SWAPPED = (
    asyncpg.UndefinedTableError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.DeadlockDetectedError,
)
"""Exceptions that a runner gets when a rebuild replaces its tables. The runner then begins again on the new tables."""

CHECKPOINT_FORM = "checkpoint(seq,version,commands_after)"


class Tables:
    """The tables of one consumer in the schema `schema` (its name, or `<name>_next` during a rebuild)."""

    def __init__(self, name: str, kinds: Sequence[type[Row]], *, schema: str | None = None) -> None:
        self.name = name
        self.kinds = tuple(kinds)
        self.schema = schema or name
        self._statement: str | None = None

    def _sql(self, query: str, kind: type[Row] | None = None) -> str:
        values = {"schema": self.schema}
        if kind is not None:
            values.update({"table": kind.table, "columns": ", ".join(columns(kind))})
        return named(query).format(**values)

    async def exists(self, connection: asyncpg.Connection) -> bool:
        return bool(await connection.fetchval(named("consumer_schema_exists"), self.schema))

    async def begin(self, connection: asyncpg.Connection) -> None:
        """Lock this consumer's schema against creation and rebuild by other processes, until the transaction ends."""
        await connection.execute(named("consumer_begin"), self.name)

    async def create(self, connection: asyncpg.Connection, *, seq: int = 0, commands_after: int = 0) -> None:
        """Create the schema with its checkpoint at `seq`.

        commands_after: the last sequence for which the previous schema version sent commands.
        """
        await connection.execute(self._sql("consumer_schema_create"))
        await connection.execute(self._sql("consumer_checkpoint_set"), seq, self.version(), commands_after)
        folder = files("sql").joinpath("projections", self.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".sql"):
                await connection.execute(entry.read_text(encoding="utf-8").replace("{schema}", self.schema))

    def version(self) -> str:
        """Return the schema version: a digest of the tables' form, without class names. A change needs a rebuild."""
        form = ";".join((CHECKPOINT_FORM, *map(form_of, self.kinds)))
        return digest_of(form.encode())[:16]

    async def checkpoint(self, connection: asyncpg.Connection) -> tuple[int, str]:
        """Return position and schema version of the rows. Raises Unavailable if there is no checkpoint."""
        row = await connection.fetchrow(self._sql("consumer_checkpoint"))
        if row is None:
            raise Unavailable(f"The rows of {self.name} have no checkpoint.", hint=f"Run `aura replay {self.name}`.")
        return row["seq"], row["version"]

    async def commands_after(self, connection: asyncpg.Connection) -> int:
        """Return the last sequence for which the previous schema version sent commands."""
        return int(await connection.fetchval(self._sql("consumer_commands_after")))

    async def lock_checkpoint(self, connection: asyncpg.Connection) -> int:
        """Return the position and lock it until the transaction ends. The live runner waits with its next batch."""
        await connection.execute(self._sql("consumer_lock"))
        return (await self.checkpoint(connection))[0]

    async def move_checkpoint(self, connection: asyncpg.Connection, seq: int) -> None:
        """Set the position of rows that a rebuild has made."""
        await connection.execute(self._sql("consumer_checkpoint_move"), seq)

    async def commit(self, connection: asyncpg.Connection, rows: Rows, before: int, after: int) -> bool:
        """Move the checkpoint by compare-and-set and write the changed rows, in one statement.

        Return False if the checkpoint was not at `before`. Then nothing is written.
        """
        values: list[object] = [before, after]
        changes = {kind.table: (keys, records) for kind, keys, records in rows.changes()}
        for name, kind in rows.tables.items():
            keys, records = changes.get(name, ([], []))
            gone = _gone(keys, records)
            # NULL and an empty array both give no rows. NULL is cheaper: the driver walks an array several times.
            values += [[scope for scope, _ in gone], [key for _, key in gone]] if gone else [None, None]
            values += [list(column) for column in zip(*records, strict=True)] or [None for _ in columns(kind)]
        return bool(await connection.fetchval(self._commit_statement(tuple(rows.tables.values())), *values))

    def _commit_statement(self, kinds: tuple[type[Row], ...]) -> str:
        """Return the statement of `commit`. It is always the same for a consumer, so that the server plans it once."""
        if self._statement is None:
            parts, place = [], 3
            for kind in kinds:
                names = columns(kind)
                first = place + 2
                arrays = [f"${first + index}::{sort}[]" for index, sort in enumerate(sql_types(kind))]
                parts.append(
                    named("rows_commit_part").format(
                        schema=self.schema,
                        table=kind.table,
                        columns=", ".join(names),
                        gone=f"${place}::uuid[], ${place + 1}::text[]",
                        arrays=", ".join(arrays),
                        assignments=", ".join(f"{name} = EXCLUDED.{name}" for name in names[2:]),
                    )
                )
                place = first + len(names)
            self._statement = named("rows_commit").format(schema=self.schema, parts="".join(parts))
        return self._statement

    async def write(self, connection: asyncpg.Connection, rows: Rows) -> None:
        """Write the changed rows: delete by key, then insert with COPY."""
        for kind, keys, records in rows.changes():
            await connection.execute(
                self._sql("rows_delete", kind), [scope for scope, _ in keys], [key for _, key in keys]
            )
            if records:
                await connection.copy_records_to_table(
                    kind.table, records=records, columns=list(columns(kind)), schema_name=self.schema
                )

    async def read_all(self, connection: asyncpg.Connection, kind: type[Row]) -> list[Row]:
        return rows_of(kind, await self.records(connection, kind))

    async def records(self, connection: asyncpg.Connection, kind: type[Row]) -> list[asyncpg.Record]:
        """Return all rows of a table as the driver returns them. `rows_of` decodes them."""
        return list(await connection.fetch(self._sql("rows_all", kind)))

    async def read_scopes(self, connection: asyncpg.Connection, kind: type[Row], scopes: Collection[UUID]) -> list[Row]:
        records = await connection.fetch(self._sql("rows_scopes", kind), list(scopes))
        return rows_of(kind, records)

    async def names(self, connection: asyncpg.Connection) -> set[str]:
        """Return the names of the tables that exist in the schema."""
        return {row["relname"] for row in await connection.fetch(named("consumer_tables"), self.schema)}

    async def drop(self, connection: asyncpg.Connection) -> None:
        await connection.execute(self._sql("consumer_drop"))

    async def swap_in(self, connection: asyncpg.Connection, live: "Tables") -> None:
        """Replace the live schema by this one, inside the caller's transaction."""
        await live.drop(connection)
        await connection.execute(named("consumer_rename").format(schema=self.schema, target=live.schema))


def typed_columns(kind: type[Row]) -> list[tuple[str, str]]:
    """Return the name and the Postgres type of each column."""
    return list(zip(columns(kind), sql_types(kind), strict=True))


def rows_of(kind: type[Row], records: Sequence[asyncpg.Record]) -> list[Row]:
    """Decode the rows of a table."""
    return [row_of(kind, record) for record in records]


def _gone(keys: Sequence[Key], records: Sequence[Record]) -> list[Key]:
    """Return the changed keys that have no record any more."""
    if len(keys) == len(records):
        return []
    present = {(record[0], record[1]) for record in records}
    return [key for key in keys if key not in present]
