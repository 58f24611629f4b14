"""The runner of sql/migrations. It runs each file once, in order, under a lock, and stores the sha256 of the file."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files

import asyncpg

from domain.errors import Unavailable
from sql import named


async def migrate(connection: asyncpg.Connection) -> tuple[str, ...]:
    """Apply the missing migrations and return their names. Raises Unavailable if an applied file has changed."""
    folder = files("sql").joinpath("migrations")
    scripts = sorted(
        (entry.name, entry.read_text(encoding="utf-8")) for entry in folder.iterdir() if _is_sql(entry.name)
    )
    if await _is_complete(connection, scripts):
        return ()
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute(named("ledger_lock"))
        await connection.execute(named("ledger_create"))
        ledger = {row["name"]: row["sha256"] for row in await connection.fetch(named("ledger_read"))}
        for name, text in scripts:
            digest = _digest(text)
            if name not in ledger:
                await connection.execute(text)
                await connection.execute(named("ledger_add"), name, digest)
                applied.append(name)
            elif ledger[name] != digest:
                raise Unavailable(
                    f"The database has the migration {name} with other content than this release.",
                    hint="Released migrations never change. Use the release that matches this database.",
                )
    return tuple(applied)


async def _is_complete(connection: asyncpg.Connection, scripts: Sequence[tuple[str, str]]) -> bool:
    """Return whether all scripts are applied and unchanged. This needs no lock, because entries never change."""
    try:
        ledger = {row["name"]: row["sha256"] for row in await connection.fetch(named("ledger_read"))}
    except asyncpg.UndefinedTableError:
        return False
    return all(ledger.get(name) == _digest(text) for name, text in scripts)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_sql(name: str) -> bool:
    return name.endswith(".sql")
