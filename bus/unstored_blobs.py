"""Blobs that are read from the store, and written only to memory."""

from collections.abc import Iterable, Mapping, Sequence

from bus.blobs import Blob, Blobs
from bus.redaction import Redactor
from bus.store import Store
from domain.errors import LimitReached
from domain.tree import digest_of

UNSTORED_BYTES_MAX = 2 * 1024**3
"""The most bytes that are held in memory."""


class UnstoredBlobs(Blobs):
    """A view of the stored blobs that never changes them. New bytes last as long as this object."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, Redactor())
        self._new: dict[str, bytes] = {}
        self._new_bytes = 0

    def named(self, contents: Iterable[bytes], *, redact: bool = True) -> list[Blob]:
        """Return the bytes with their digests."""
        del redact  # the bytes come from the record, or never leave this process
        return [Blob(digest_of(content), content) for content in contents]

    async def store(self, blobs: Sequence[Blob]) -> None:
        """Keep the bytes in memory. Raises LimitReached above UNSTORED_BYTES_MAX."""
        for blob in blobs:
            if blob.digest not in self._new:
                self._new[blob.digest] = blob.content
                self._new_bytes += len(blob.content)
        if self._new_bytes > UNSTORED_BYTES_MAX:
            raise LimitReached(
                f"The new contents have more than {UNSTORED_BYTES_MAX} bytes.", hint="Use a machine with more memory."
            )

    async def get_many(self, manifest: Mapping[str, str]) -> dict[str, bytes]:
        """Map each path to the bytes of its digest, from memory or from the store. Raises NotFound."""
        stored = {path: digest for path, digest in manifest.items() if digest not in self._new}
        found = await super().get_many(stored) if stored else {}
        return {path: found[path] if path in found else self._new[digest] for path, digest in manifest.items()}
