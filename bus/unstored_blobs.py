"""Blobs that are read from the store, and written only to memory."""

from collections.abc import Iterable, Mapping

from bus.blobs import Blobs
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

    async def put(self, contents: Iterable[bytes], *, redact: bool = True) -> tuple[str, ...]:
        """Keep the bytes in memory, and return their digests. Raises LimitReached above UNSTORED_BYTES_MAX."""
        del redact  # the bytes come from the record, or never leave this process
        digests = []
        for content in contents:
            digest = digest_of(content)
            digests.append(digest)
            if digest not in self._new:
                self._new[digest] = content
                self._new_bytes += len(content)
        if self._new_bytes > UNSTORED_BYTES_MAX:
            raise LimitReached(
                f"The new contents have more than {UNSTORED_BYTES_MAX} bytes.", hint="Use a machine with more memory."
            )
        return tuple(digests)

    async def get_many(self, manifest: Mapping[str, str]) -> dict[str, bytes]:
        """Map each path to the bytes of its digest, from memory or from the store. Raises NotFound."""
        stored = {path: digest for path, digest in manifest.items() if digest not in self._new}
        found = await super().get_many(stored) if stored else {}
        return {path: found[path] if path in found else self._new[digest] for path, digest in manifest.items()}
