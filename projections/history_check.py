"""A check of the history of rows: at random positions of the log, the history equals a fold of the log.

The log is read once. At each position, every row of every table is compared.
"""

import random
from collections.abc import Sequence

import asyncpg
import msgspec

from bus.history_tables import HistoryTables
from bus.projection import Projection, fold
from bus.projection_rows import Key, Row, Rows
from bus.row_form import place_of
from bus.store import Store, stream_log
from domain.errors import Unavailable
from projections.log_fold import Progress, no_progress

DIFFERENCES_MAX = 1000
"""The check ends at the first position with differences, and names at most this many."""


class HistoryDifference(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the history that differs from the fold. `key`: `scope/key` of the row."""

    as_of: int
    consumer: str
    table: str
    key: str
    what: str  # changed, missing or surplus

    def __str__(self) -> str:
        return f"{self.consumer}.{self.table}: row {self.key} is {self.what} as of event {self.as_of}"


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the check. `positions`: the sequences that were compared. `rows`: the rows at all of them."""

    seed: int
    positions: tuple[int, ...]
    rows: int
    differences: tuple[HistoryDifference, ...]


class _Compared:
    """The fold of one consumer, and its history. Of each folded row only a hash is kept besides the fold itself."""

    def __init__(self, projection: Projection, position: int) -> None:
        self.projection = projection
        self.history = HistoryTables(projection.name, projection.tables)
        self.position = position
        self.rows = Rows(projection.tables)
        self._hashes: dict[str, dict[Key, int]] = {kind.table: {} for kind in self.history.kinds}

    def settle(self) -> None:
        """Take the hash of each row that has changed."""
        for kind, keys, records in self.rows.changes():
            hashes = self._hashes[kind.table]
            for key in keys:
                hashes.pop(key, None)
            hashes.update({(record[0], record[1]): hash(record) for record in records})
        self.rows.settle()

    async def compare(self, connection: asyncpg.Connection, seq: int) -> tuple[int, list[HistoryDifference]]:
        """Return the number of rows of the history after the event at `seq`, and how they differ from the fold."""
        self.settle()
        differences: list[HistoryDifference] = []
        rows = 0
        for kind in self.history.kinds:
            count, found = await self._compare(connection, kind, seq)
            rows += count
            differences += [
                HistoryDifference(
                    as_of=seq, consumer=self.projection.name, table=kind.table, key=f"{key[0]}/{key[1]}", what=what
                )
                for key, what in found
            ]
        return rows, differences

    async def _compare(
        self, connection: asyncpg.Connection, kind: type[Row], seq: int
    ) -> tuple[int, list[tuple[Key, str]]]:
        folded, seen, found = self._hashes[kind.table], set[Key](), list[tuple[Key, str]]()
        async for record in self.history.stream(connection, kind, seq):
            key: Key = (record[0], record[1])
            if key in seen or key not in folded:
                found.append((key, "surplus"))
            elif folded[key] != hash(record):
                found.append((key, "changed"))
            seen.add(key)
        found += [(key, "missing") for key in folded.keys() - seen]
        return len(seen), sorted(found, key=lambda each: place_of(each[0]))


async def check_history(
    store: Store,
    projections: Sequence[Projection],
    sample: int,
    seed: int,
    on_progress: Progress = no_progress,
) -> Sampled:
    """Compare the history of every consumer with the fold at `sample` random positions, all in one snapshot.

    A larger sample than the history is every position. Raises Unavailable if a consumer has no history yet.
    """
    async with store.connection() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        compared = [await _opened(connection, projection) for projection in projections]
        last = max((each.position for each in compared), default=0)
        positions = sorted(random.Random(seed).sample(range(1, last + 1), min(sample, last)))
        rows, done, differences = 0, 0, list[HistoryDifference]()
        for place in positions:
            await _fold(connection, compared, done, place)
            done = place
            for each in compared:
                if place <= each.position:
                    count, found = await each.compare(connection, place)
                    rows += count
                    differences += found
            on_progress(place, positions[-1])
            if differences:
                break
    return Sampled(seed=seed, positions=tuple(positions), rows=rows, differences=tuple(differences[:DIFFERENCES_MAX]))


async def _opened(connection: asyncpg.Connection, projection: Projection) -> _Compared:
    position = await HistoryTables(projection.name, projection.tables).position(connection)
    if position is None:
        raise Unavailable(
            f"The rows of {projection.name} have no history yet.",
            hint="The process of the consumer writes it in the background. Start it with `aura up`, and try again.",
        )
    return _Compared(projection, position.seq)


async def _fold(connection: asyncpg.Connection, compared: Sequence[_Compared], after: int, up_to: int) -> None:
    async for page in stream_log(connection, after, up_to):
        for recorded in page.events:
            for each in compared:
                if recorded.seq <= each.position:
                    fold(each.projection, None, recorded, each.rows, 0)
        for each in compared:
            each.settle()
