"""A pass over the log gives the same rows, whether it keeps all scopes in memory or moves almost all to the file."""

from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from bus.projection import Projection, fold
from bus.projection_rows import Rows
from bus.row_form import Record, Row, record_of
from domain.message import Recorded
from projections.log_fold import LogFold, View, file_tables
from projections.row_file import RowFile
from runtime.roles import CONSUMERS
from tests.recording.fixture import kept_log


class Counted(Row, frozen=True, kw_only=True):
    table = "counted"
    events: int


PAGES = (1, 7, 250)
SCOPES = (1, 3, 4096)


def log() -> list[Recorded]:
    return [kept.recorded() for kept in kept_log() if kept.void != "it is not an event message"]


def rows_by_pass(pages: Sequence[Sequence[Recorded]], scopes_max: int, up_to: int = 2**62) -> dict[str, list[Record]]:
    views = [View(make(), up_to) for make in CONSUMERS.values()]
    with RowFile(file_tables(views)) as file:
        log_fold = LogFold(views, file, scopes_max=scopes_max)
        for page in pages:
            log_fold.take(page)
        log_fold.finish()
        return {name: list(map(file.decoder(name), file.ordered(name))) for name in file_tables(views)}


def rows_in_memory(projection: Projection, events: Sequence[Recorded]) -> dict[str, list[Record]]:
    rows = Rows(projection.tables)
    for recorded in events:
        fold(projection, None, recorded, rows, 0)
    return {f"{projection.name}.{name}": list(map(record_of, rows.all(kind))) for name, kind in rows.tables.items()}


def test_pages_and_moved_scopes_change_no_row() -> None:
    events = log()
    expected = {name: rows for make in CONSUMERS.values() for name, rows in rows_in_memory(make(), events).items()}
    assert sum(map(len, expected.values())) > 100, "control: there are rows"
    for size in PAGES:
        pages = [events[start : start + size] for start in range(0, len(events), size)]
        for scopes_max in SCOPES:
            assert rows_by_pass(pages, scopes_max) == expected, f"pages of {size}, {scopes_max} scopes in memory"


def test_each_view_ends_at_its_own_sequence() -> None:
    events, end = log(), 200
    expected = rows_in_memory(CONSUMERS["auditor"](), [recorded for recorded in events if recorded.seq <= end])
    found = rows_by_pass([events], 4096, end)
    assert {name: found[name] for name in expected} == expected
    assert found != rows_by_pass([events], 4096), "control: later events change rows"


def test_control_a_scope_that_is_not_loaded_again_would_be_seen() -> None:
    class Forgetful(RowFile):
        def take(self, name: str, scopes: Collection[UUID]) -> Iterator[Record]:
            return iter(list(super().take(name, scopes))[:0])

    events = log()
    views = [View(make(), 2**62) for make in CONSUMERS.values()]
    with Forgetful(file_tables(views)) as file:
        log_fold = LogFold(views, file, scopes_max=1)
        for recorded in events:
            log_fold.take([recorded])
        log_fold.finish()
        found = {name: list(map(file.decoder(name), file.ordered(name))) for name in file_tables(views)}
    assert found != rows_by_pass([events], 4096)


class Failing:
    """Parks each second hand-in, after it has changed a row. Every other event counts one more event of its scope."""

    name = "failing"
    tables = (Counted,)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        scope = recorded.envelope.run or recorded.envelope.entity_id
        row = rows.get(Counted, scope, "events")
        rows.put(Counted(scope=scope, key="events", events=row.events + 1 if row else 1))
        if recorded.envelope.type == "task.submitted" and recorded.seq % 2:
            raise ValueError(f"event {recorded.seq} cannot be processed")


def test_events_that_fail_are_parked_as_by_fold() -> None:
    events = log()
    expected = rows_in_memory(Failing(), [recorded for recorded in events if recorded.void is None])
    assert len(expected["failing.parked"]) > 10, "control: events are parked"
    for size in PAGES:
        view = View(Failing(), 2**62)
        with RowFile(file_tables([view])) as file:
            log_fold = LogFold([view], file, scopes_max=2)
            for start in range(0, len(events), size):
                log_fold.take(events[start : start + size])
            log_fold.finish()
            found = {name: list(map(file.decoder(name), file.ordered(name))) for name in file_tables([view])}
        assert found == expected
