"""The events that appear in a log, the process that writes each, and the fields that are omitted."""

import json
from io import StringIO
from typing import Any
from uuid import UUID

import msgspec
import pytest

from bus.logger import open_logger
from bus.projection_rows import Parked, Rows
from bus.redaction import Redactor
from bus.sliced import Sliced
from domain.message import Envelope, Event, Recorded
from observability.event_logging import TOLD, WARNINGS, Lines
from runtime.roles import CONSUMERS
from tests.unit.samples import AT, COMMAND, PRINCIPAL, RUN, SAMPLES, uuid

FREE_TEXTS = ("wrote x.py", "Agents may not", "lunch", "I ran it", "Stay in a.py", "Slug maker", "deliveries/slug")


def recorded(seq: int, event: Event, *, void: str | None = None) -> Recorded:
    entity, entity_id = event.entity()
    run = getattr(event, "run", None)
    envelope = Envelope(
        id=uuid(1000 + seq),
        type=event.type,
        version=event.version,
        entity=entity,
        entity_id=entity_id,
        run=run if isinstance(run, UUID) else None,
        employee=None,
        principal=PRINCIPAL,
        role="manager",
        occurred_at=AT,
        command=COMMAND,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event, void=void)


def told(consumer: str, *batch: Recorded, rows: Rows | None = None, live: bool = True) -> list[dict[str, Any]]:
    stream = StringIO()
    lines = Lines(open_logger("json", stream, Redactor(), role="organisation"))
    lines.on_commit(consumer)(batch, rows or Rows([]), 0.1, live)
    return [json.loads(line) for line in stream.getvalue().splitlines()]


ALL = [recorded(seq, event) for seq, event in enumerate(SAMPLES, start=1)]


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_a_consumer_tells_of_its_own_events_by_ids_and_kinds(consumer: str) -> None:
    lines = told(consumer, *ALL)
    own = [one.seq for one in ALL if type(one.event) in TOLD.get(consumer, {})]
    assert [line["seq"] for line in lines] == own
    assert {line["role"] for line in lines} <= {consumer}
    for line in lines:
        assert (line["level"] == "warning") == (line["event"] in WARNINGS)
        assert not [text for text in FREE_TEXTS if text in json.dumps(line)], line
        about = next(one for one in ALL if one.seq == line["seq"])
        assert line.get("run") == (str(RUN) if getattr(about.event, "run", None) else None)


def test_each_event_is_told_by_one_role_at_most() -> None:
    kinds = [kind for events in TOLD.values() for kind in events]
    assert len(kinds) == len(set(kinds))
    assert any(one in json.dumps(msgspec.to_builtins(SAMPLES)) for one in FREE_TEXTS), "they are in the events"


def test_a_void_event_is_told_by_the_auditor_alone_and_only_as_void() -> None:
    void = [recorded(one.seq, one.event, void="paused") for one in ALL if isinstance(one.event, Event)]
    assert told("verifier", *void) == []
    lines = told("auditor", *void)
    assert {line["event"] for line in lines} == {"void"}
    assert {line["reason"] for line in lines} == {"paused"}


def test_a_rebuild_tells_nothing_anew() -> None:
    assert told("verifier", *ALL, live=False) == []


def test_a_parked_event_is_told_when_it_is_parked_and_without_the_text_of_its_error() -> None:
    rows = Rows([])
    rows.put(Parked(scope=RUN, key=f"{1:020}", error="KeyError: 'parked long ago'"))
    rows.put(Parked(scope=RUN, key=f"{2:020}", error="ValueError: the answer was 42"))
    (line,) = [line for line in told("hr", ALL[1], rows=rows, live=False) if line["event"] == "parked"]
    assert (line["level"], line["seq"], line["scope"], line["error"]) == ("error", 2, str(RUN), "ValueError")


def test_the_recorder_tells_of_a_run_once() -> None:
    stream = StringIO()
    kept = Lines(open_logger("json", stream, Redactor())).on_recorded()
    slices = [Sliced(one.seq, one.envelope.id, one.envelope, b"", None, b"", (), "") for one in ALL]
    alien = Sliced(99, uuid(99), None, b"?", None, b"", (), "")
    kept([*slices, alien], 0.1)
    (line,) = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert (line["event"], line["role"], line["run"]) == ("run_recorded", "recorder", str(RUN))
