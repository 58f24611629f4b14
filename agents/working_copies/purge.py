"""The purge of a content from packs and caches. Packs are made again from the blobs that still exist.

Purge the blobs first, then the buckets, then the cache of each worker. A session that has the content in its box keeps
it until it ends.
"""

from agents.working_copies.cache import CacheEntry, CopyCache
from agents.working_copies.pack_contents import holds
from agents.working_copies.pack_limits import BASE_LIMITS
from agents.working_copies.working_copy import cached_copy
from bus.object_bucket import ObjectBucket
from bus.object_description import Damaged
from domain.errors import Invalid, LimitReached, NotFound


async def purge_bucket(bucket: ObjectBucket, digest: str) -> tuple[str, ...]:
    """Delete every object of a bucket that holds the content with this sha256, and return their names.

    An object that cannot be read is deleted, too, because it could hold the content. So are chunks that belong to no
    object: call it while nobody stores one. Raises Unavailable.
    """
    await bucket.drop_strays()
    gone: list[str] = []
    for found in await bucket.objects():
        if await _may_hold(bucket, found.name, digest):
            await bucket.delete(found.name)
            gone.append(found.name)
    return tuple(gone)


async def _may_hold(bucket: ObjectBucket, name: str, digest: str) -> bool:
    try:
        return holds(await bucket.get(name, BASE_LIMITS.bytes_max), name, digest)
    except NotFound:  # it has expired
        return False
    except (Damaged, Invalid, LimitReached):
        return True


def purge_cache(cache: CopyCache, digest: str) -> tuple[CacheEntry, ...]:
    """Delete every entry of a cache that holds the content with this sha256, and return them. It blocks.

    A reader of an entry that is deleted keeps the bytes that it has read.
    """
    gone: list[CacheEntry] = []
    for entry in cache.entries():
        if _entry_may_hold(cache, entry, digest):
            cache.remove(entry.shelf, entry.name)
            gone.append(entry)
    return tuple(gone)


def _entry_may_hold(cache: CopyCache, entry: CacheEntry, digest: str) -> bool:
    content = cache.get(entry.shelf, entry.name)
    if content is None:  # damaged, and removed by the cache
        return False
    try:
        if entry.shelf == "packs":
            return holds(content, entry.name, digest)
        digests = cached_copy.decode(content).digests
    except (Invalid, LimitReached, ValueError):
        return True
    wanted = bytes.fromhex(digest)
    return any(digests[at : at + 32] == wanted for at in range(0, len(digests), 32))
