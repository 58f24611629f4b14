"""Hand-over of a session's difference from the worker to the manager: a pack, inline if it is small, else uploaded."""

import asyncio
from collections.abc import Mapping

import msgspec
from nats.aio.client import Client

from agents.working_copies.pack import Pack, decode, encode
from agents.working_copies.pack_limits import DIFFERENCE_LIMITS, INLINE_BYTES_MAX, UPLOADS, UPLOADS_LIMITS
from bus.object_bucket import ObjectBucket
from domain.errors import LimitReached
from domain.tree import Manifest, contents_of, digest_of


class HandedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A difference as a hand-in names it. `inline` is its pack; if it is empty, the pack is in the upload bucket."""

    pack: str
    size: int
    inline: bytes = b""


def upload_bucket(client: Client, worker: str) -> ObjectBucket:
    """Return the upload bucket of one worker credential. The manager creates it; the worker only publishes to it."""
    return ObjectBucket(client, f"{UPLOADS}_{worker}", UPLOADS_LIMITS)


async def hand_over(difference: Manifest, files: Mapping[str, bytes], uploads: ObjectBucket) -> HandedOver:
    """Pack a difference, and upload the pack if it is larger than INLINE_BYTES_MAX. `files`: path -> content.

    Raises PackRefused for entries that cannot be in a tree, LimitReached if the difference is too large or the bucket
    is full, and Unavailable.
    """
    contents = {digest: files[path] for path, digest in contents_of(difference).items()}
    data = await asyncio.to_thread(encode, "difference", difference, contents)
    if len(data) <= INLINE_BYTES_MAX:
        return HandedOver(pack=digest_of(data), size=len(data), inline=data)
    return HandedOver(pack=await uploads.put(data), size=len(data))


async def take_over(handed: HandedOver, uploads: ObjectBucket) -> Pack:
    """Return the difference that a worker handed over. `uploads`: the bucket of the same worker.

    Everything in it is checked. Raises PackRefused, Damaged, LimitReached, NotFound and Unavailable. Delete the upload
    with `delete(handed.pack)` after the event that names the difference is on the log.
    """
    most = DIFFERENCE_LIMITS.bytes_max
    if len(handed.inline) > INLINE_BYTES_MAX:
        raise LimitReached(
            f"A hand-in holds {len(handed.inline)} bytes.", hint=f"Upload more than {INLINE_BYTES_MAX} bytes."
        )
    data = handed.inline or await uploads.get(handed.pack, min(most, handed.size))
    return await asyncio.to_thread(decode, data, handed.pack, "difference")
