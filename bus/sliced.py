"""A message of the stream, split into the parts that the store keeps."""

from dataclasses import dataclass
from uuid import UUID

from bus import codec
from bus.stream import Stored
from domain.errors import Invalid
from domain.message import Envelope


@dataclass(frozen=True, slots=True)
class Sliced:
    """A message, split for the store. A message that is not an event has no `envelope`. It is stored whole, as void."""

    seq: int
    id: UUID
    envelope: Envelope | None
    envelope_bytes: bytes
    payload: bytes | None
    salt: bytes
    blobs: tuple[str, ...]
    subject: str


def slice_message(message: Stored) -> Sliced:
    """Split a message into the parts that are stored."""
    try:
        body = codec.split(message.data)
        envelope = codec.envelope_of(body.envelope)
    except Invalid:
        return Sliced(
            message.seq, codec.alien(message.seq).envelope.id, None, message.data, None, b"", (), message.subject
        )
    return Sliced(
        message.seq,
        envelope.id,
        envelope,
        bytes(body.envelope),
        bytes(body.payload),
        bytes.fromhex(body.salt),
        body.blobs,
        message.subject,
    )
