"""Descriptions of objects in a bucket, in the form of the JetStream object store."""

import time
from base64 import urlsafe_b64encode

import msgspec

from domain.errors import Invalid

CHUNK_BYTES = 512 * 1024
"""Size of one message. A NATS server with default settings accepts messages of 1 MiB."""
CHUNKS_MAX = 8192
"""Maximum number of messages of one object. A hostile writer could write many tiny ones."""


class Damaged(Invalid):
    """An object whose bytes do not have its digest, or whose description is wrong."""

    kind = "damaged"


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """Description of an object. `part`: the end of the subject of its chunks. `stored_at`: seconds since the epoch,
    from the writer's clock.
    """

    name: str
    size: int
    chunks: int
    part: str
    stored_at: float


class _Options(msgspec.Struct, frozen=True):
    max_chunk_size: int


class _Description(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the JetStream object store, and the time as a number."""

    name: str
    bucket: str
    nuid: str
    size: int
    chunks: int
    digest: str
    mtime: str
    stored_at: float
    options: _Options = _Options(CHUNK_BYTES)


_description = msgspec.json.Decoder(_Description)


def described(name: str, bucket: str, part: str, size: int) -> bytes:
    """Return the description of an object that is stored now."""
    now = time.time()
    return msgspec.json.encode(
        _Description(
            name=name,
            bucket=bucket,
            nuid=part,
            size=size,
            chunks=-(-size // CHUNK_BYTES),
            digest=f"SHA-256={urlsafe_b64encode(bytes.fromhex(name)).decode()}",
            mtime=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            stored_at=now,
        )
    )


def read_description(data: bytes, name: str | None, bucket: str) -> StoredObject:
    """Read the description of the object `name`, or of any object. Raises Damaged if it cannot be true."""
    try:
        read = _description.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise damaged(name or "?", bucket, "its description cannot be read") from error
    wanted = read.name if name is None else name
    end = read.nuid.removeprefix(f"{wanted}.")
    if read.name != wanted or not is_name(wanted) or end == read.nuid or not (end.isalnum() and end.isascii()):
        raise damaged(wanted, bucket, "its description is about another object")
    if not 0 <= read.chunks <= CHUNKS_MAX or not 0 <= read.size <= read.chunks * CHUNK_BYTES:
        raise damaged(wanted, bucket, "its description has impossible sizes")
    return StoredObject(name=read.name, size=read.size, chunks=read.chunks, part=read.nuid, stored_at=read.stored_at)


def is_name(name: str) -> bool:
    """Return whether a text is a sha256 in hex."""
    return len(name) == 64 and not set(name) - set("0123456789abcdef")


def damaged(name: str, bucket: str, why: str) -> Damaged:
    """Return the error for an object."""
    return Damaged(f"The object {name} in {bucket} is damaged: {why}.", hint="It must be stored again.")
