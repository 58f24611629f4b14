"""Message bodies: `{envelope, payload, salt, blobs}` as JSON. Envelope and payload keep their published bytes."""

import hmac
import re
from collections.abc import Callable
from uuid import UUID

import msgspec

from domain.errors import Invalid, said_by
from domain.message import NAMESPACE, Envelope, Erased, Event, Recorded, Unreadable, derive
from domain.registry import EVENTS, UPCASTERS

SALT_BYTES = 32
NUL = rb"\u0000"
"""A NUL character in JSON. The decoder accepts no other form of it."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SALT = re.compile(r"(?:[0-9a-f]{2}){0,64}")
_TYPE = re.compile(r"[a-z_]{1,40}\.[a-z_]{1,40}")
_DOES_NOT_READ = (
    msgspec.MsgspecError,
    UnicodeDecodeError,
    RecursionError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    AttributeError,
)
"""Exceptions that decoders and upcasters raise on foreign bytes, including deep nesting and invalid UTF-8."""


class Body(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One message. `envelope` and `payload` stay undecoded bytes. `salt` is hex, and empty after a purge."""

    envelope: msgspec.Raw
    payload: msgspec.Raw
    salt: str
    blobs: tuple[str, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Origin of an event: who caused it, why and when. These envelope fields are not part of the event itself."""

    command: UUID
    cause: UUID | None
    principal: UUID
    role: str
    at: int
    policy: str


_decode_body = msgspec.json.Decoder(Body).decode
_decode_envelope = msgspec.json.Decoder(Envelope).decode
_payload_decoders = {name: msgspec.json.Decoder(kind) for name, kind in EVENTS.items()}


def commitment(salt: bytes, payload: bytes) -> str:
    """Return the hex HMAC-SHA256(salt, payload). It proves the payload. Without the salt it reveals nothing."""
    return hmac.digest(salt, payload, "sha256").hex()


def envelope_for(event: Event, *, id: UUID, origin: Origin, commitment: str = "") -> Envelope:
    """Return the envelope of an event that will be published."""
    kind, entity = event.entity()
    return Envelope(
        id=id,
        type=event.type,
        version=event.version,
        entity=kind,
        entity_id=entity,
        run=getattr(event, "run", None),
        employee=getattr(event, "employee", None),
        principal=origin.principal,
        role=origin.role,
        occurred_at=origin.at,
        command=origin.command,
        cause=origin.cause,
        policy=origin.policy,
        commitment=commitment,
    )


def encode(
    event: Event, *, id: UUID, origin: Origin, salt: bytes, clean: Callable[[bytes], bytes] = bytes
) -> tuple[bytes, Envelope]:
    """Return the body of one message and its envelope. `clean` removes secrets before the commitment is computed."""
    payload = clean(msgspec.json.encode(event, order="sorted"))
    envelope = envelope_for(event, id=id, origin=origin, commitment=commitment(salt, payload))
    body = Body(
        envelope=msgspec.Raw(msgspec.json.encode(envelope, order="sorted")),
        payload=msgspec.Raw(payload),
        salt=salt.hex(),
        blobs=event.blobs(),
    )
    return msgspec.json.encode(body), envelope


def split(data: bytes) -> Body:
    """Return the parts of a message without decoding them. Raises Invalid if the bytes are not a message body."""
    try:
        body = _decode_body(data)
    except _DOES_NOT_READ as error:
        raise Invalid(f"This is not an event message: {error}.", hint="Only the gate publishes events.") from error
    if not _SALT.fullmatch(body.salt) or not all(map(_DIGEST.fullmatch, body.blobs)):
        raise Invalid(
            "This is not an event message: its salt or its blobs are malformed.", hint="Only the gate publishes events."
        )
    return body


def envelope_of(data: bytes | msgspec.Raw) -> Envelope:
    """Decode an envelope. Raises Invalid."""
    try:
        envelope = _decode_envelope(data)
    except _DOES_NOT_READ as error:
        raise Invalid(f"This is not an envelope: {error}.", hint="Only the gate publishes events.") from error
    if envelope.type not in EVENTS and not _TYPE.fullmatch(envelope.type):
        raise Invalid("This is not an envelope: its type is malformed.", hint="Only the gate publishes events.")
    return envelope


def event_of(envelope: Envelope, payload: bytes | msgspec.Raw | None) -> Event | Erased:
    """Return the event in the present version of its type.

    The result is Erased if there is no payload, and Unreadable if the payload cannot be decoded.
    """
    if payload is None:
        return Erased(type=envelope.type, entity_kind=envelope.entity, entity_id=envelope.entity_id, run=envelope.run)
    decoder = _payload_decoders.get(envelope.type)
    if decoder is None:
        return _unreadable(envelope, "this release does not know the type")
    present = EVENTS[envelope.type].version
    if envelope.version > present:
        return _unreadable(envelope, f"version {envelope.version} is newer than this release's {present}")
    try:
        if envelope.version == present:
            return decoder.decode(payload)
        fields = msgspec.json.decode(payload)
        for version in range(envelope.version, present):
            fields = UPCASTERS[envelope.type, version](fields)
        return decoder.decode(msgspec.json.encode(fields))
    except _DOES_NOT_READ as error:
        return _unreadable(envelope, f"version {envelope.version}: {said_by(error)}")


def _unreadable(envelope: Envelope, error: str) -> Unreadable:
    return Unreadable(
        type=envelope.type, entity_kind=envelope.entity, entity_id=envelope.entity_id, run=envelope.run, error=error
    )


ALIEN = "it is not an event message"


def recorded(seq: int, data: bytes, void: str | None = None) -> Recorded:
    """Decode a whole message as an event of the log. A message that is not an event is void with the reason ALIEN."""
    try:
        body = split(data)
        envelope = envelope_of(body.envelope)
    except Invalid:
        return alien(seq)
    return Recorded(
        seq=seq, envelope=envelope, event=event_of(envelope, body.payload if body.salt else None), void=void
    )


def alien(seq: int) -> Recorded:
    """Make the void record of a message that is not an event. Its id is derived from the sequence."""
    id = derive(NAMESPACE, "alien", seq)
    envelope = Envelope(
        id=id,
        type="alien",
        version=1,
        entity="alien",
        entity_id=id,
        run=None,
        employee=None,
        principal=id,
        role="unknown",
        occurred_at=0,
        command=id,
        cause=None,
        policy="",
        commitment="",
    )
    return Recorded(seq=seq, envelope=envelope, event=event_of(envelope, None), void=ALIEN)
