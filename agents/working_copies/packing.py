"""The manager's side of packs: made from the blobs in Postgres when an order needs them, and kept in a bucket.

Postgres is the store of record. A pack that the bucket has lost is made again, from the same blobs.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from nats.aio.client import Client

from agents.run_content import Library, pack_manifest
from agents.working_copies.pack import PackKind, encode
from agents.working_copies.pack_limits import PACK_REFRESH_AGE_S, PACKS, PACKS_LIMITS
from bus.blobs import Blobs
from bus.object_bucket import ObjectBucket
from bus.object_description import StoredObject
from domain.errors import LimitReached, Unavailable
from domain.run import RunState
from domain.tree import Manifest, contents_of, digest_of

KNOWN_MAX = 4096
"""Maximum number of packs whose names are remembered."""


def packs_bucket(client: Client) -> ObjectBucket:
    """Return the bucket of packs. Workers read it; only the manager writes to it."""
    return ObjectBucket(client, PACKS, PACKS_LIMITS)


class Packs:
    """Makes packs, and keeps them in the bucket as long as orders need them."""

    def __init__(self, blobs: Blobs, bucket: ObjectBucket) -> None:
        self._blobs = blobs
        self._bucket = bucket
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    async def names_of_task(self, library: Library, state: RunState, task: UUID) -> tuple[str, ...]:
        """Return the names of the packs that an order of a task needs. Raises the errors of `names_for`."""
        submitted = state.submitted
        has_base = submitted is not None and submitted.base_tree is not None
        base = await library.base_manifest(submitted) if submitted is not None and has_base else None
        history = submitted.base_history if submitted is not None else None
        return await self.names_for(base, history, library.differences_before(state, task))

    async def names_for(
        self, base: Manifest | None, history: str | None, differences: Sequence[Manifest]
    ) -> tuple[str, ...]:
        """Return the names of the packs of an order, after a check that the bucket has them. The base is the first.

        `base`: the manifest of the base commit, if the run has one. `history`: the digest of its stored history.
        `differences`: of the verified tasks, in the order of the plan. Raises NotFound for a purged blob, PackRefused
        for a tree that cannot be a working copy, LimitReached and Unavailable.
        """
        names = [] if base is None else [await self._ensured("base", base, history)]
        names += [await self._ensured("difference", each, None) for each in differences if each]
        return tuple(names)

    async def _ensured(self, kind: PackKind, manifest: Manifest, history: str | None) -> str:
        """Return the name of a pack. If the bucket does not have it, or not for much longer, store it."""
        key = (digest_of(pack_manifest(manifest)), f"{kind} {history or ''}")
        name = self._known.get(key)
        if name is not None and await self._is_fresh(name):
            return name
        read = await self._blobs.get_many(contents_of(manifest))
        contents = {entry.digest: read[path] for path, entry in manifest.items() if entry.is_file}
        stored = await self._blobs.get(history) if history else b""
        data = await asyncio.to_thread(encode, kind, manifest, contents, stored)
        name = digest_of(data)
        if not await self._is_fresh(name):
            await self._stored(data)
        self._known[key] = name
        while len(self._known) > KNOWN_MAX:
            self._known.popitem(last=False)
        return name

    async def _is_fresh(self, name: str) -> bool:
        found = await self._bucket.find(name)
        return found is not None and time.time() - found.stored_at < PACK_REFRESH_AGE_S

    async def _stored(self, data: bytes) -> None:
        """Store a pack. If the bucket is lost, create it; if it is full, delete its oldest packs."""
        try:
            await self._put(data)
        except Unavailable as error:
            if error.code != "bucket_lost":
                raise
            await self._bucket.ensure()
            await self._put(data)

    async def _put(self, data: bytes) -> None:
        older: list[StoredObject] | None = None
        while True:
            try:
                await self._bucket.put(data)
                return
            except LimitReached:
                await self._bucket.delete(digest_of(data))  # the part that was stored
                older = await self._bucket.objects() if older is None else older
                if not older:
                    raise
                await self._bucket.delete(older.pop(0).name)
