"""A pass over the log gives the same rows, whether it keeps all scopes in memory or moves almost all to the file."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
import pytest
from msgspec.structs import replace

from bus.codec import NUL
from bus.projection import Projection, Selective, fold
from bus.projection_rows import Rows
from bus.row_form import Record, Row, record_of
from bus.store import Page
from domain.message import Recorded, Unreadable
from domain.run_messages import Submitted
from projections.log_fold import LogFold, View, file_tables
from projections.row_file import RowFile
from runtime.roles import CONSUMERS
from tests.recording.fixture import kept_log
from tests.unit.samples import uuid


class Counted(Row, frozen=True, kw_only=True):
    table = "counted"
    events: int


class Titled(Row, frozen=True, kw_only=True):
    table = "titled"
    title: str


PAGES = (1, 7, 250)
SCOPES = (1, 3, 4096)


def log() -> list[Recorded]:
    return [kept.recorded() for kept in kept_log() if kept.void != "it is not an event message"]


def rows_by_pass(pages: Sequence[Sequence[Recorded]], scopes_max: int, up_to: int = 2**62) -> dict[str, list[Record]]:
    views = [View(make(), up_to) for make in CONSUMERS.values()]
    with RowFile(file_tables(views)) as file:
        log_fold = LogFold(views, file, scopes_max=scopes_max)
        for page in pages:
            log_fold.take(Page(list(page), may_have_nul=True))
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
            log_fold.take(Page([recorded], may_have_nul=True))
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
                log_fold.take(Page(events[start : start + size], may_have_nul=True))
            log_fold.finish()
            found = {name: list(map(file.decoder(name), file.ordered(name))) for name in file_tables([view])}
        assert found == expected


def test_a_projection_changes_nothing_for_an_event_that_it_does_not_read() -> None:
    skipped = 0
    for make in CONSUMERS.values():
        projection = make()
        assert isinstance(projection, Selective)
        rows = Rows(projection.tables)
        for recorded in log():
            if recorded.void is not None or isinstance(recorded.event, Unreadable):
                continue
            with suppress(ValueError):  # a row with a NUL character
                projection.apply(recorded, rows)
            if not isinstance(recorded.event, projection.reads):
                skipped += 1
                assert not list(rows.changed()), f"{projection.name}: {recorded.envelope.type}"
            rows.settle()
    assert skipped > 100, "control: each projection leaves events out"


class Titles:
    """Keeps the title of each run, which can have a NUL character."""

    name = "titles"
    tables = (Titled,)

    def apply(self, recorded: Recorded, rows: Rows) -> None:
        if isinstance(recorded.event, Submitted):
            rows.put(Titled(scope=recorded.event.run, key="run", title=recorded.event.title))


def test_a_nul_character_is_parked_in_its_page_and_in_every_later_one() -> None:
    first = next(recorded for recorded in log() if isinstance(recorded.event, Submitted))
    events = [_titled(first, seq, title) for seq, title in enumerate(("good", "bad\0", "good", "bad\0"), start=1)]
    view = View(Titles(), 2**62)
    with RowFile(file_tables([view])) as file:
        log_fold = LogFold([view], file)
        for page, may_have_nul in ((events[:1], False), (events[1:3], True), (events[3:], False)):
            log_fold.take(Page(page, may_have_nul))
        log_fold.finish()
        assert [file.decoder("titles.titled")(data)[2] for data in file.ordered("titles.titled")] == ["good", "good"]
        assert len(list(file.ordered("titles.parked"))) == 2


def _titled(first: Recorded, seq: int, title: str) -> Recorded:
    assert isinstance(first.event, Submitted)
    event, envelope = replace(first.event, run=uuid(seq), title=title), replace(first.envelope, run=uuid(seq))
    return replace(first, seq=seq, event=event, envelope=envelope)


def test_the_json_form_of_a_nul_character_is_found_in_a_page() -> None:
    assert NUL in msgspec.json.encode("a\0b")
    assert NUL not in msgspec.json.encode("a b"), "control"
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(b'"a\0b"')
