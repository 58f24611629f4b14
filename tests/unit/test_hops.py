"""The hop tracer: it is off by default, keeps the moments of each event, and holds a bounded number of events."""

from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from bus import codec, hops
from bus.hops import ACKNOWLEDGED, DECIDED, LOADED, MARKED, RECEIVED, WORK, Tracer
from domain.message import Recorded
from domain.organisation import Paused

ORIGIN = codec.Origin(command=uuid4(), cause=None, principal=uuid4(), role="director", at=1, policy="1")


def recorded(seq: int, cause: UUID | None = None) -> Recorded:
    event = Paused(reason="a test")
    envelope = codec.envelope_for(event, id=uuid4(), origin=replace(ORIGIN, cause=cause))
    return Recorded(seq=seq, envelope=envelope, event=event)


def traced(tracer: Tracer, seq: int, cause: UUID | None = None) -> Recorded:
    command, event = uuid4(), recorded(seq, cause)
    for hop in (RECEIVED, LOADED, DECIDED):
        tracer.command(command, hop)
    tracer.published(command, [seq])
    tracer.passed_on([event])
    return event


def test_it_is_off_unless_a_context_switches_it_on() -> None:
    assert hops.tracer is None
    with hops.recording() as tracer:
        assert hops.tracer is tracer
    assert hops.tracer is None


def test_the_hops_of_an_event_come_in_the_order_of_their_moments() -> None:
    tracer = Tracer()
    first = traced(tracer, 1)
    traced(tracer, 2, first.envelope.id)
    tracer.hop([1, 2], hops.folded("manager"))
    times = tracer.times()
    names = [each.hop for each in times]
    assert names == [WORK, LOADED, DECIDED, ACKNOWLEDGED, MARKED, hops.folded("manager")]
    assert [each.ms for each in times[1:]] == sorted(each.ms for each in times[1:])
    assert {each.hop: each.events for each in times} == {WORK: 1} | dict.fromkeys(names[1:], 2)


def test_an_event_of_another_process_has_no_times_because_its_command_was_not_seen() -> None:
    tracer = Tracer()
    tracer.passed_on([recorded(1)])
    assert tracer.times() == []
    traced(tracer, 2)  # the control
    assert tracer.times()


def test_the_times_of_one_type_are_only_those_of_its_events() -> None:
    tracer = Tracer()
    type = traced(tracer, 1).envelope.type
    assert tracer.times(type=type) == tracer.times()
    assert tracer.times(type="other.event") == []


def test_the_oldest_events_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hops, "EVENTS_MAX", 3)
    tracer = Tracer()
    for seq in range(1, 6):
        traced(tracer, seq)
    assert list(tracer.events) == [3, 4, 5]
