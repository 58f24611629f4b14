"""Message bodies: their bytes are fixed, old versions can be read, and unreadable bytes never raise an exception."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bus import codec
from bus.codec import Origin
from bus.sliced import slice_message
from bus.stream import Stored
from bus.subjects import subject_of
from domain import organisation, task
from domain.errors import Invalid
from domain.message import Erased, Event, Recorded, Unreadable
from domain.organisation import Paused
from domain.registry import EVENTS, UPCASTERS
from tests.unit.samples import AT, COMMAND, EMPLOYEE, FIRST, PRINCIPAL, RUN, SAMPLES, uuid

ID, CAUSE = uuid(200), uuid(201)
SALT = bytes(range(32))
ORIGIN = Origin(command=COMMAND, cause=CAUSE, principal=PRINCIPAL, role="manager", at=AT, policy="matrix-1")
PAUSED = Paused(reason="lunch")


def body(event: Event = PAUSED, **changes: object) -> bytes:
    """Return a whole message. `changes` replace fields of its envelope."""
    data, _ = codec.encode(event, id=ID, origin=ORIGIN, salt=SALT)
    whole = json.loads(data)
    whole["envelope"] |= {name: str(value) if isinstance(value, UUID) else value for name, value in changes.items()}
    return json.dumps(whole).encode() if changes else data


def with_parts(**parts: object) -> bytes:
    """Return a message with other parts than its own."""
    return json.dumps(json.loads(body()) | parts).encode()


def test_the_bytes_of_a_message_never_change() -> None:
    data, envelope = codec.encode(PAUSED, id=ID, origin=ORIGIN, salt=SALT)
    assert data == (
        b'{"envelope":{"cause":"00000000-0000-0000-0000-0000000000c9",'
        b'"command":"00000000-0000-0000-0000-000000000064",'
        b'"commitment":"' + envelope.commitment.encode() + b'","employee":null,"entity":"organisation",'
        b'"entity_id":"' + str(envelope.entity_id).encode() + b'","id":"00000000-0000-0000-0000-0000000000c8",'
        b'"occurred_at":1800000000000000,"policy":"matrix-1",'
        b'"principal":"00000000-0000-0000-0000-000000000007","role":"manager","run":null,'
        b'"type":"organisation.paused","version":1},"payload":{"reason":"lunch"},'
        b'"salt":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","blobs":[]}'
    )
    assert envelope.commitment == hmac.new(SALT, b'{"reason":"lunch"}', hashlib.sha256).hexdigest()
    assert str(envelope.entity_id) == "357a6c69-274a-547e-9cde-d8688087f73e"


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_every_event_comes_back_as_it_went(event: Event) -> None:
    data, envelope = codec.encode(event, id=ID, origin=ORIGIN, salt=SALT)
    assert codec.recorded(7, data) == Recorded(seq=7, envelope=envelope, event=event)
    parts = codec.split(data)
    assert codec.commitment(bytes.fromhex(parts.salt), bytes(parts.payload)) == envelope.commitment
    assert parts.blobs == event.blobs()
    assert codec.event_of(envelope, None) == Erased(
        type=event.type, entity_kind=envelope.entity, entity_id=envelope.entity_id, run=envelope.run
    )


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: event.type)
def test_nothing_of_the_payload_stands_in_the_envelope(event: Event) -> None:
    envelope = codec.envelope_for(event, id=ID, origin=ORIGIN)
    assert set(envelope.__struct_fields__) == {
        *("id", "type", "version", "entity", "entity_id", "run", "employee", "principal", "role", "occurred_at"),
        *("command", "cause", "policy", "commitment"),
    }
    assert envelope.run == getattr(event, "run", None)
    if event.type.startswith("task."):
        assert (envelope.run, envelope.entity_id, envelope.employee) == (RUN, FIRST, EMPLOYEE)
        assert subject_of(envelope) == f"aura.evt.run.{RUN}.task.{FIRST}.{event.type[5:]}"


def test_an_old_version_is_read_through_its_upcasters(monkeypatch: pytest.MonkeyPatch) -> None:
    def from_minus_one(fields: dict[str, Any]) -> dict[str, Any]:
        return {"text": fields["why"]}

    def from_zero(fields: dict[str, Any]) -> dict[str, Any]:
        return {"reason": fields["text"].upper()}

    monkeypatch.setitem(UPCASTERS, ("organisation.paused", -1), from_minus_one)
    monkeypatch.setitem(UPCASTERS, ("organisation.paused", 0), from_zero)
    old = json.loads(body(version=-1))
    old["payload"] = {"why": "lunch"}
    assert codec.recorded(1, json.dumps(old).encode()).event == Paused(reason="LUNCH")
    assert codec.recorded(1, body()).event == PAUSED


def test_an_old_version_keeps_ids_and_amounts(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = next(sample for sample in SAMPLES if isinstance(sample, task.Assigned))
    event = replace(sample, skill="", choice=None, account="")  # fields that old versions do not have
    monkeypatch.setitem(UPCASTERS, ("task.assigned", 0), lambda fields: {**fields})
    assert codec.recorded(1, body(event, version=0)).event == event


def test_what_was_purged_before_it_was_put_back_is_erased() -> None:
    found = codec.recorded(3, with_parts(payload=None, salt=""))
    assert (type(found.event), found.void) == (Erased, None)


def _unreadable(data: bytes) -> Unreadable:
    found = codec.recorded(3, data)
    assert found.void is None
    assert isinstance(found.event, Unreadable)
    return found.event


BROKEN: tuple[tuple[str, Callable[[], bytes], str], ...] = (
    ("newer", lambda: body(version=2), "newer"),
    ("older", lambda: body(version=0), "version 0"),
    ("no-such-type", lambda: body(type="organisation.merged"), "does not know"),
    ("field-missing", lambda: with_parts(payload={}), "reason"),
    ("field-of-other-type", lambda: with_parts(payload={"reason": 3}), "str"),
    ("no-object", lambda: with_parts(payload=[1]), "object"),
    ("bad-utf8", lambda: body().replace(b"lunch", b"\xff\xfe"), "utf-8"),
)


@pytest.mark.parametrize(("data", "says"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_payload_that_does_not_read_says_why_and_keeps_its_envelope(data: Callable[[], bytes], says: str) -> None:
    event = _unreadable(data())
    assert says in event.error
    assert codec.recorded(3, data()).envelope.id == ID


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AttributeError, ZeroDivisionError])
def test_an_upcaster_that_fails_is_an_event_that_does_not_read(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fails(_: dict[str, Any]) -> dict[str, Any]:
        raise error("odd")

    monkeypatch.setitem(UPCASTERS, ("organisation.paused", 0), fails)
    assert "odd" in _unreadable(body(version=0)).error


ALIENS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"hello",
    "number": lambda: b"7",
    "no-envelope": lambda: b'{"payload":{},"salt":"00","blobs":[]}',
    "a-bare-envelope": lambda: bytes(codec.split(body()).envelope),
    "envelope-of-nothing": lambda: with_parts(envelope={}),
    "salt-not-hex": lambda: with_parts(salt="xyz"),
    "salt-of-odd-length": lambda: with_parts(salt="abc"),
    "salt-endless": lambda: with_parts(salt="00" * 5000),
    "blob-no-digest": lambda: with_parts(blobs=["x"]),
    "blob-with-nul": lambda: with_parts(blobs=["\0"]),
    "blob-endless": lambda: with_parts(blobs=["a" * 5000]),
    "type-with-nul": lambda: body(type="organisation.\0"),
    "type-endless": lambda: body(type="organisation." + "a" * 5000),
    "type-without-entity": lambda: body(type="paused"),
    "id-not-a-uuid": lambda: body(id="x"),
    "bad-utf8": lambda: with_parts(salt="QQ").replace(b"QQ", b"\xff"),
    "deep": lambda: body().replace(b'{"reason":"lunch"}', b"[" * 100_000 + b"]" * 100_000),
    "truncated": lambda: body()[:-1],
    "followed": lambda: body() + b"{}",
}


@pytest.mark.parametrize("data", ALIENS.values(), ids=ALIENS)
def test_what_is_no_event_is_void_for_readers_and_recorder_alike(data: Callable[[], bytes]) -> None:
    message = Stored(9, "aura.evt.x", data())
    found = codec.recorded(9, message.data)
    assert (found.void, found.seq, found.envelope.type) == (codec.ALIEN, 9, "alien")
    kept = slice_message(message)
    assert (kept.envelope, kept.id, kept.envelope_bytes, kept.payload) == (
        None,
        found.envelope.id,
        message.data,
        None,
    )


def test_an_event_is_not_void_and_is_kept_in_its_own_bytes() -> None:
    message = Stored(9, "aura.evt.x", body())
    kept = slice_message(message)
    assert codec.recorded(9, message.data).void is None
    assert (kept.id, kept.payload, kept.salt) == (ID, b'{"reason":"lunch"}', SALT)
    assert kept.envelope_bytes in message.data


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    found = codec.recorded(1, data)
    assert found.void == codec.ALIEN
    with pytest.raises(Invalid):
        codec.envelope_of(codec.split(data).envelope)


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_no_damage_makes_it_raise(at: int, damage: bytes) -> None:
    data = body(SAMPLES[at % len(SAMPLES)])
    place = at % len(data)
    broken = data[:place] + damage + data[place + len(damage) :]
    found = codec.recorded(1, broken)
    kept = slice_message(Stored(1, "aura.evt.x", broken))
    assert (found.void is None) == (kept.envelope is not None)
    assert kept.id == found.envelope.id
    assert msgspec.json.encode(found.envelope)


def test_every_type_has_a_decoder() -> None:
    assert set(EVENTS) == {event.type for event in SAMPLES}
    assert isinstance(codec.event_of(codec.envelope_for(PAUSED, id=ID, origin=ORIGIN), b"{"), Unreadable)
    assert organisation.Paused is EVENTS["organisation.paused"]
