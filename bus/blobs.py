"""Blobs by digest: prompts, answers, files and evidence, redacted before they are kept."""

from collections.abc import Iterable, Mapping

import asyncpg

from bus.redaction import Redactor
from bus.store import Store
from domain.errors import Invalid, NotFound
from domain.tree import digest_of
from sql import named

BLOB_BYTES_MAX = 8 * 1024**2


class Blobs:
    """Content-addressed bytes in Postgres, put before the event that names them: no digest in the log is empty."""

    def __init__(self, store: Store, redactor: Redactor) -> None:
        self._store = store
        self._redactor = redactor

    async def put(self, contents: Iterable[bytes], *, redact: bool = True) -> tuple[str, ...]:
        """Keep the bytes; their hex sha256 digests, of the redacted form, in the order given.

        redact=False is for files of a tree, whose digests a verdict is about. Raises Invalid above BLOB_BYTES_MAX.
        """
        rows: list[tuple[str, bytes]] = []
        for content in contents:
            if len(content) > BLOB_BYTES_MAX:
                raise Invalid(f"A blob has {len(content)} bytes.", hint=f"The most is {BLOB_BYTES_MAX}.")
            kept = self._redactor.clean(content) if redact else content
            rows.append((digest_of(kept), kept))
        if rows:
            async with self._store.connection() as connection:
                await connection.executemany(named("blob_put"), rows)
        return tuple(digest for digest, _ in rows)

    async def get(self, digest: str) -> bytes:
        """The bytes of one digest. Raises NotFound."""
        return (await self.get_many({"blob": digest}))["blob"]

    async def get_many(self, manifest: Mapping[str, str]) -> dict[str, bytes]:
        """Path -> bytes for path -> digest. Raises NotFound naming what is missing."""
        async with self._store.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(named("blob_get"), list(set(manifest.values())))
        found = {row["digest"]: bytes(row["bytes"]) for row in rows}
        missing = [path for path, digest in manifest.items() if digest not in found]
        if missing:
            raise NotFound(f"The content of {', '.join(missing)} is not kept.", hint="It may have been purged.")
        return {path: found[digest] for path, digest in manifest.items()}
