"""One pass over the log that folds each event into several projections, in bounded memory.

The rows of a scope stay in memory while its events come. If other scopes were used since then, its rows are moved to a
file. A late event of the scope loads them again.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from bus.projection import Projection, fold_page, scope_id
from bus.projection_rows import Row, Rows
from bus.row_form import Record, columns, record_of, row_of
from bus.store import stream_log
from domain.message import Recorded
from domain.registry import RUN_BEGINS
from projections.row_file import RowFile

SCOPES_MAX = 4096
"""Maximum number of scopes whose rows are in memory after a page. Resident tables stay in memory as a whole."""
GC_ALLOCATIONS = 100_000
"""Number of new objects after which the garbage collector looks for cycles. A fold makes none, but allocates much."""


Progress = Callable[[int, int], None]
"""Callback that receives the number of folded events and the number of all events."""


def no_progress(_done: int, _all: int) -> None:
    """Show no progress."""


class View:
    """The rows of one projection during a pass. `up_to`: the last sequence that is folded."""

    def __init__(self, projection: Projection, up_to: int) -> None:
        self.projection = projection
        self.up_to = up_to
        self.rows = Rows(projection.tables)
        self.parked = False  # whether an event of this pass failed

    def file_table(self, table: str) -> str:
        """Return the name of a table in the file of rows."""
        return f"{self.projection.name}.{table}"


def file_tables(views: Sequence[View]) -> dict[str, type[Row]]:
    """Return the tables that the file of rows needs for these views."""
    return {view.file_table(name): kind for view in views for name, kind in view.rows.tables.items()}


class LogFold:
    """Folds pages of the log into views. `file` gets the rows of scopes that are not used any more."""

    def __init__(self, views: Sequence[View], file: RowFile, *, scopes_max: int = SCOPES_MAX) -> None:
        self._views = views
        self._file = file
        self._scopes_max = scopes_max
        self._held: dict[UUID, None] = {}  # the scopes in memory; the one whose last event is the oldest comes first

    def take(self, page: Sequence[Recorded]) -> None:
        """Fold one page. A void event changes no row."""
        counting = [recorded for recorded in page if recorded.void is None]
        self._load(counting)
        for view in self._views:
            wanted = counting
            if counting and counting[-1].seq > view.up_to:
                wanted = [recorded for recorded in counting if recorded.seq <= view.up_to]
            view.parked = fold_page(view.projection, wanted, view.rows, parked=view.parked)
            view.rows.settle()
        self._move_out(len(self._held) - self._scopes_max)

    def _load(self, page: Sequence[Recorded]) -> None:
        """Load the rows of the page's scopes that are not in memory. A run that begins in the page has no rows yet."""
        begins = {scope_id(recorded): recorded.envelope.type == RUN_BEGINS for recorded in reversed(page)}
        missing = [scope for scope, begin in begins.items() if not begin and scope not in self._held]
        if missing:
            for view, kind in self._movable():
                view.rows.load(map(_row_maker(kind), self._file.take(view.file_table(kind.table), missing)))
        for scope in begins:
            self._held.pop(scope, None)
            self._held[scope] = None

    def _move_out(self, count: int) -> None:
        """Move the rows of the `count` scopes that were not used for the longest time from memory to the file."""
        scopes = [scope for scope, _ in zip(self._held, range(count), strict=False)]
        if not scopes:
            return
        for view, kind in self._movable():
            self._file.put(
                view.file_table(kind.table), (record_of(row) for scope in scopes for row in view.rows.of(kind, scope))
            )
        for scope in scopes:
            del self._held[scope]
            for view in self._views:
                view.rows.forget(scope)

    def finish(self) -> None:
        """Complete the file: move the rows of all scopes, and copy the resident tables. These stay in memory, too."""
        self._move_out(len(self._held))
        for view in self._views:
            for kind in view.rows.tables.values():
                self._file.put(view.file_table(kind.table), map(record_of, view.rows.all(kind)))

    def _movable(self) -> Iterator[tuple[View, type[Row]]]:
        return ((view, kind) for view in self._views for kind in view.rows.tables.values() if not kind.resident)


async def fold_log(connection: asyncpg.Connection, views: Sequence[View], file: RowFile, on_progress: Progress) -> None:
    """Fold the log into the views, up to the last sequence that one of them needs. `file` then has all rows.

    The log is read in the connection's transaction.
    """
    last = max((view.up_to for view in views), default=0)
    log_fold = LogFold(views, file)
    with rare_collections():
        async for page in stream_log(connection, 0, last):
            log_fold.take(page)
            on_progress(page[-1].seq, last)
        log_fold.finish()


def _row_maker(kind: type[Row]) -> Callable[[Record], Row]:
    names = columns(kind)
    return lambda record: row_of(kind, dict(zip(names, record, strict=True)))


@contextmanager
def rare_collections() -> Iterator[None]:
    """Let the garbage collector run rarely, and only over new objects. The former settings return at the end."""
    former = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS, *former[1:])
    try:
        yield
    finally:
        gc.set_threshold(*former)
        gc.unfreeze()
