"""Queries on the consumers' rows as of an earlier event: the same statement reads the history instead of the rows.

A history is written in the background, so it can end some events before its consumer. If the wanted event is after the
end of a history, but is the last one that the consumer has committed, the live rows are the answer.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import asyncpg

from bus.history_tables import HistoryTables
from bus.projection import Projection
from bus.store import Store
from domain.errors import Unavailable
from projections.accountant import AccountantProjection
from projections.auditor import AuditorProjection
from projections.hr import HRProjection
from projections.manager import ManagerProjection
from projections.verifier import VerifierProjection
from sql import named

HISTORY_WAIT_S = 5.0
"""The longest wait for a history that is some events behind."""
POLL_S = 0.1
_KNOWN: Sequence[Projection] = (
    *(ManagerProjection(), VerifierProjection(), AuditorProjection(), AccountantProjection(), HRProjection()),
)
PROJECTIONS: Mapping[str, Projection] = {projection.name: projection for projection in _KNOWN}
_TABLE = re.compile(rf"\b({'|'.join(PROJECTIONS)})\.([a-z_]+)\b")
_VIEW = re.compile(r"^CREATE VIEW \{schema\}\.(\w+) AS\n(.*?);$", re.MULTILINE | re.DOTALL)


class HistoryBehind(Unavailable):
    """The history of a consumer does not reach the wanted event yet."""


@cache
def _views(consumer: str) -> Mapping[str, str]:
    """Return the SQL views of a consumer: name -> query on the rows, with `{schema}` for the schema."""
    folder = files("sql").joinpath("projections", consumer)
    texts = [file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".sql")]
    return {match[1]: match[2] for text in texts for match in _VIEW.finditer(text)}


def past_statement(statement: str, seq: int, projections: Mapping[str, Projection]) -> str:
    """Return a statement that reads the histories of these projections where `statement` reads their rows."""

    def versions(match: re.Match[str]) -> str:
        projection = projections.get(match[1])
        if projection is None:
            return match[0]
        if match[2] in _views(match[1]):
            return f"({_TABLE.sub(versions, _views(match[1])[match[2]].replace('{schema}', match[1]))})"
        history = HistoryTables(projection.name, projection.tables)
        kind = next(kind for kind in history.kinds if kind.table == match[2])
        return f"({history.sql('history_all', kind).replace('$1', str(seq))})"

    lines = [line for line in statement.split("\n") if not line.startswith("--")]
    return _TABLE.sub(versions, "\n".join(lines))


async def fetch_past(store: Store, seq: int, query: str, parameters: Sequence[object]) -> Sequence[Any]:
    """Return the records of a named query as of the event at `seq`.

    Raises HistoryBehind if a history does not reach this event within HISTORY_WAIT_S.
    """
    statement = named(query)
    wanted = {match[1] for match in _TABLE.finditer(statement)}
    deadline = asyncio.get_running_loop().time() + HISTORY_WAIT_S
    while True:
        try:
            return await _fetch(store, seq, statement, parameters, {name: PROJECTIONS[name] for name in wanted})
        except HistoryBehind:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(POLL_S)


async def _fetch(
    store: Store, seq: int, statement: str, parameters: Sequence[object], projections: Mapping[str, Projection]
) -> Sequence[Any]:
    """Fetch in one snapshot, so that no history is replaced between the check and the read."""
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        old = await _not_live(connection, seq, projections)
        records: Sequence[Any] = await connection.fetch(past_statement(statement, seq, old), *parameters)
    return records


async def _not_live(
    connection: asyncpg.Connection, seq: int, projections: Mapping[str, Projection]
) -> dict[str, Projection]:
    """Return the projections whose history must be read. The live rows of the others are as of `seq`."""
    present = await _present(connection, projections)
    old: dict[str, Projection] = {}
    for name, projection in projections.items():
        live = await connection.fetchrow(named("consumer_position").format(schema=name)) if name in present else None
        if live is not None and live["seq"] == seq:
            continue
        position = await HistoryTables(name, projection.tables).position(connection)
        if position is None or position.seq < seq:
            reached = f"reaches event {position.seq}" if position else "is not written yet"
            raise HistoryBehind(
                f"The state after event {seq} cannot be shown yet: the history of {name} {reached}.",
                hint="Wait some seconds, and see whether the processes run: aura status",
                code="history_behind",
            )
        old[name] = projection
    return old


async def _present(connection: asyncpg.Connection, names: Collection[str]) -> set[str]:
    return {row["nspname"] for row in await connection.fetch(named("consumers_existing"), list(names))}
