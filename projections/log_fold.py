"""One pass over the log that folds each event into several projections, in bounded memory.

The rows of a scope stay in memory while its events come. If other scopes were used since then, its rows are moved to a
file. A late event of the scope loads them again.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

import asyncpg

from bus.projection import Projection, Selective, fold, fold_page, scope_id
from bus.projection_rows import ReplayedRows, Row
from bus.row_form import Record, columns, record_of, row_of
from bus.store import Page, stream_log
from domain.message import Recorded, Unreadable
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
        self.rows = ReplayedRows(projection.tables)
        self.parked = False  # whether an event of this pass failed
        self._reads = (*projection.reads, Unreadable) if isinstance(projection, Selective) else (object,)
        self._is_read: dict[type, bool] = {}

    def take(self, page: Sequence[Recorded]) -> None:
        """Fold the events of a page, up to the end of this view. None of them is void."""
        if page and page[-1].seq > self.up_to:
            page = [recorded for recorded in page if recorded.seq <= self.up_to]
        if not self.parked:
            failed = fold_page(self.projection, self._read_of(page), self.rows)
            self.parked = failed is not None
            page = [recorded for recorded in page if failed is not None and recorded.seq >= failed.seq]
        for recorded in page:  # after a failed event, each event may have to wait for an earlier one of its scope
            fold(self.projection, None, recorded, self.rows, 0)
        self.rows.settle()

    def _read_of(self, page: Sequence[Recorded]) -> list[Recorded]:
        """Return the events of the page that the projection reads."""
        is_read = self._is_read
        for kind in {type(recorded.event) for recorded in page} - is_read.keys():
            is_read[kind] = issubclass(kind, self._reads)
        return [recorded for recorded in page if is_read[type(recorded.event)]]

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
        # The scopes in memory by their numbers; the one whose last event is the oldest comes first.
        self._held: dict[int, UUID] = {}
        self._movable = [(view, kind) for view in views for kind in view.rows.tables.values() if not kind.resident]

    def take(self, page: Page) -> None:
        """Fold one page. A void event changes no row."""
        counting = [recorded for recorded in page.events if recorded.void is None]
        self._load(counting)
        for view in self._views:
            view.rows.may_have_nul |= page.may_have_nul
            view.take(counting)
        self._move_out(len(self._held) - self._scopes_max)

    def _load(self, page: Sequence[Recorded]) -> None:
        """Load the rows of the page's scopes that are not in memory. A run that begins in the page has no rows yet."""
        held = self._held
        firsts = {scope_id(recorded).int: recorded for recorded in reversed(page)}
        missing = [
            scope_id(first)
            for scope, first in firsts.items()
            if scope not in held and first.envelope.type != RUN_BEGINS
        ]
        if missing:
            for view, kind in self._movable:
                view.rows.load(map(_row_maker(kind), self._file.take(view.file_table(kind.table), missing)))
        for scope, first in firsts.items():
            held.pop(scope, None)
            held[scope] = scope_id(first)

    def _move_out(self, count: int) -> None:
        """Move the rows of the `count` scopes that were not used for the longest time from memory to the file."""
        scopes = [scope for scope, _ in zip(self._held.values(), range(count), strict=False)]
        if not scopes:
            return
        for view, kind in self._movable:
            self._file.put(view.file_table(kind.table), map(record_of, view.rows.move_out(kind, scopes)))
        for scope in scopes:
            del self._held[scope.int]

    def finish(self) -> None:
        """Complete the file: move the rows of all scopes, and copy the resident tables. These stay in memory, too."""
        self._move_out(len(self._held))
        for view in self._views:
            kinds = [kind for kind in view.rows.tables.values() if kind.resident]
            for kind in kinds:
                view.rows.load([part for row in view.rows.all(kind) for part in row.parts()])
            for kind in kinds:
                self._file.put(view.file_table(kind.table), map(record_of, view.rows.all(kind)))


async def fold_log(connection: asyncpg.Connection, views: Sequence[View], file: RowFile, on_progress: Progress) -> None:
    """Fold the log into the views, up to the last sequence that one of them needs. `file` then has all rows.

    The log is read in the connection's transaction.
    """
    last = max((view.up_to for view in views), default=0)
    log_fold = LogFold(views, file)
    with rare_collections():
        async for page in stream_log(connection, 0, last):
            log_fold.take(page)
            on_progress(page.events[-1].seq, last)
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
