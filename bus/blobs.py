"""Blobs by digest: prompts, answers, files and evidence, redacted before they are stored."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import asyncpg

from bus.redaction import Redactor
from bus.store import Store
from domain.errors import Invalid, NotFound
from domain.tree import digest_of
from sql import named

BLOB_BYTES_MAX = 32 * 1024**2
PUT_BYTES_MAX = 32 * 1024**2
"""Limit for the blobs of one INSERT statement. A single larger blob gets a statement of its own."""
CACHED_BYTES_MAX = 16 * 1024**2
CACHED_BLOB_BYTES_MAX = 256 * 1024


class Blob(NamedTuple):
    """Bytes to store, and their digest."""

    digest: str
    content: bytes


class Blobs:
    """Content-addressed bytes in Postgres. A blob is stored before the event that names its digest.

    The blobs that were last stored or read are cached in memory, up to CACHED_BYTES_MAX. The bytes of a digest never
    change.
    """

    def __init__(self, store: Store, redactor: Redactor) -> None:
        self._store = store
        self._redactor = redactor
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0

    async def put(self, contents: Iterable[bytes], *, redact: bool = True) -> tuple[str, ...]:
        """Store the bytes and return their hex sha256 digests, in the same order.

        A digest is computed from the redacted bytes. Pass redact=False for the files of a tree, because a verdict is
        about their digests. Raises Invalid if a blob is above BLOB_BYTES_MAX.
        """
        blobs = self.named(contents, redact=redact)
        await self.store(blobs)
        return tuple(blob.digest for blob in blobs)

    def named(self, contents: Iterable[bytes], *, redact: bool = True) -> list[Blob]:
        """Return what `put` would store. So several kinds of blobs can be stored together. Raises Invalid."""
        blobs: list[Blob] = []
        for content in contents:
            if len(content) > BLOB_BYTES_MAX:
                raise Invalid(
                    f"A blob of {len(content)} bytes is too large.", hint=f"The limit is {BLOB_BYTES_MAX} bytes."
                )
            stored = self._redactor.clean(content) if redact else content
            blobs.append(Blob(digest_of(stored), stored))
        return blobs

    async def store(self, blobs: Sequence[Blob]) -> None:
        """Store blobs that `named` has returned."""
        if not blobs:
            return
        async with self._store.connection() as connection:
            for batch in _batches(blobs):
                await connection.execute(named("blob_put"), [row[0] for row in batch], [row[1] for row in batch])
        self._remember(blobs)

    async def get(self, digest: str) -> bytes:
        """Return the bytes of one digest. Raises NotFound."""
        return (await self.get_many({"blob": digest}))["blob"]

    async def get_many(self, manifest: Mapping[str, str]) -> dict[str, bytes]:
        """Map each path to the bytes of its digest. Raises NotFound, which names the missing paths."""
        contents = {digest: self._cached[digest] for digest in manifest.values() if digest in self._cached}
        uncached = list(set(manifest.values()) - set(contents))
        if uncached:
            async with self._store.connection() as connection:
                rows: list[asyncpg.Record] = await connection.fetch(named("blob_get"), uncached)
            read = {row["digest"]: bytes(row["bytes"]) for row in rows}
            self._remember(read.items())
            contents |= read
        missing = [path for path, digest in manifest.items() if digest not in contents]
        if missing:
            raise NotFound(f"The content of {', '.join(missing)} is not stored.", hint="It may have been purged.")
        return {path: contents[digest] for path, digest in manifest.items()}

    def _remember(self, contents: Iterable[tuple[str, bytes]]) -> None:
        for digest, content in contents:
            if len(content) <= CACHED_BLOB_BYTES_MAX and digest not in self._cached:
                self._cached[digest] = content
                self._cached_bytes += len(content)
        while self._cached_bytes > CACHED_BYTES_MAX:
            self._cached_bytes -= len(self._cached.popitem(last=False)[1])


def _batches(rows: Sequence[Blob]) -> Iterator[Sequence[Blob]]:
    """Split the rows, in order, into batches that fit into one statement."""
    batch: list[Blob] = []
    size = 0
    for row in rows:
        if batch and size + len(row[1]) > PUT_BYTES_MAX:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row[1])
    if batch:
        yield batch
