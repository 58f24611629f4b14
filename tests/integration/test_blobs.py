"""Blobs: they are redacted, limited in size, and stored under the digest of the stored content."""

import hashlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bus import blobs as module
from bus.blobs import BLOB_BYTES_MAX, Blobs
from bus.redaction import Redactor
from bus.store import Store
from domain.errors import Invalid, NotFound, Unavailable
from verification.tree_limits import FILE_BYTES_MAX

SECRET = "correct-horse-battery"


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[Store]:
    store = await Store.open(postgres_dsn)
    yield store
    await store.close()


@pytest.fixture
def blobs(store: Store) -> Blobs:
    return Blobs(store, Redactor([SECRET]))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_what_is_put_comes_back_under_its_digest(blobs: Blobs) -> None:
    contents = [b"", b"one", bytes(range(256)), b"one"]
    digests = await blobs.put(contents)
    assert list(digests) == [sha256(content) for content in contents]
    assert await blobs.put(contents) == digests
    assert [await blobs.get(digest) for digest in digests] == contents
    manifest = {"a.py": digests[1], "b.py": digests[2], "c.py": digests[1]}
    assert await blobs.get_many(manifest) == {"a.py": b"one", "b.py": bytes(range(256)), "c.py": b"one"}
    assert await blobs.get_many({}) == {}
    assert await blobs.put([]) == ()


async def test_a_secret_is_gone_before_it_is_kept(blobs: Blobs, store: Store) -> None:
    (digest,) = await blobs.put([f"key: {SECRET}!".encode()])
    assert await blobs.get(digest) == b"key: [redacted]!"
    assert digest == sha256(b"key: [redacted]!")
    async with store.connection() as connection:
        query = "SELECT count(*) FROM log.blob WHERE position($1::bytea IN bytes) > 0"
        assert await connection.fetchval(query, SECRET.encode()) == 0
        assert await connection.fetchval(query, b"redacted") == 1


async def test_files_of_a_tree_are_kept_as_they_are(blobs: Blobs) -> None:
    content = f"KEY = '{SECRET}'".encode()
    (digest,) = await blobs.put([content], redact=False)
    assert digest == sha256(content)
    assert await blobs.get(digest) == content


async def test_many_bytes_are_put_in_parts(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PUT_BYTES_MAX", 10)
    contents = [b"12345", b"1234", b"x" * 20, b"", b"12"]
    digests = await blobs.put(contents)
    assert [await blobs.get(digest) for digest in digests] == contents
    assert [len(batch) for batch in module._batches([module.Blob("", content) for content in contents])] == [2, 1, 2]


def test_the_largest_file_of_a_tree_is_a_blob() -> None:
    assert FILE_BYTES_MAX <= BLOB_BYTES_MAX


async def test_what_is_not_there_is_named(blobs: Blobs) -> None:
    (there,) = await blobs.put([b"x"])
    with pytest.raises(NotFound, match=r"gone\.py"):
        await blobs.get_many({"there.py": there, "gone.py": sha256(b"y")})
    with pytest.raises(NotFound):
        await blobs.get(sha256(b"y"))
    assert await blobs.get(there) == b"x"


async def test_a_blob_has_its_limit_and_one_that_is_too_large_keeps_the_others_out(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BLOB_BYTES_MAX == 32 * 1024**2
    monkeypatch.setattr(module, "BLOB_BYTES_MAX", 1000)
    with pytest.raises(Invalid, match="1001 bytes"):
        await blobs.put([b"fine", b"x" * 1001])
    with pytest.raises(NotFound):
        await blobs.get(sha256(b"fine"))
    (digest,) = await blobs.put([b"x" * 1000])
    assert len(await blobs.get(digest)) == 1000


async def test_bytes_under_another_digest_are_refused_by_the_store(store: Store) -> None:
    async with store.connection() as connection:
        with pytest.raises(asyncpg.CheckViolationError, match="blob_check"):
            await connection.execute("INSERT INTO log.blob VALUES ($1, $2)", sha256(b"a"), b"b")
        await connection.execute("INSERT INTO log.blob VALUES ($1, $2)", sha256(b"a"), b"a")


async def test_without_a_database_it_says_so() -> None:
    with pytest.raises(Unavailable, match="Postgres does not answer"):
        await Store.open("postgresql://nobody@127.0.0.1:1/none")
