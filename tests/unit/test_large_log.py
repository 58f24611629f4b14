"""A large log has the bytes that the codec writes, new ids in each repetition, and answers that come late."""

from collections import Counter

from bench.large_log import LATE_REPETITIONS, LargeLog
from bus import codec
from domain.message import Envelope, Erased, Event
from tests.recording.large_template import template

EVENTS = 20_000


def as_written(event: Event, envelope: Envelope, salt: bytes) -> bytes:
    origin = codec.Origin(
        command=envelope.command,
        cause=envelope.cause,
        principal=envelope.principal,
        role=envelope.role,
        at=envelope.occurred_at,
        policy=envelope.policy,
    )
    return bytes(codec.split(codec.encode(event, id=envelope.id, origin=origin, salt=salt)[0]).envelope)


def test_bytes_are_those_of_the_codec() -> None:
    checked = 0
    for template_event, data, payload, _ in LargeLog(template()).events(2000):
        envelope = codec.envelope_of(data)
        assert (
            payload is None
            or not template_event.event.salt
            or envelope.commitment == codec.commitment(template_event.event.salt, payload)
        )
        event = codec.event_of(envelope, payload)
        if isinstance(event, Erased) or envelope.version != type(event).version:
            continue  # an event of an older version is written in its own version
        assert as_written(event, envelope, template_event.event.salt) == data
        checked += 1
    assert checked > 500


def test_ids_are_new_and_the_kinds_of_events_repeat() -> None:
    types: Counter[str] = Counter()
    ids, runs, begun = set(), set(), {}
    late = 0
    for place, (template_event, data, _, _) in enumerate(LargeLog(template()).events(EVENTS)):
        envelope = codec.envelope_of(data)
        types[envelope.type] += 1
        if template_event.event.void is None:
            assert envelope.id not in ids
            ids.add(envelope.id)
        if envelope.type == "run.submitted":
            runs.add(envelope.run)
            begun[envelope.run] = place
        if envelope.type == "run.approved":
            late = max(late, place - begun[envelope.run])
    assert len(runs) == types["run.submitted"] > 500
    assert types["organisation.paused"] > 10
    assert late > LATE_REPETITIONS * 100
    assert types["employee.hired"] < 10, "employees are hired once"
