"""Packs on a real JetStream and a real Postgres: made, lost, made again, read with direct gets alone, and purged."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from agents.run_content import pack_manifest
from agents.working_copies import hand_over as handing
from agents.working_copies import packing
from agents.working_copies.cache import CacheEntry, CopyCache
from agents.working_copies.hand_over import HandedOver, hand_over, take_over, upload_bucket
from agents.working_copies.pack import decode, encode
from agents.working_copies.pack_limits import BASE_LIMITS, INLINE_BYTES_MAX
from agents.working_copies.packing import Packs, packs_bucket
from agents.working_copies.purge import purge_bucket, purge_cache
from agents.working_copies.source_history import history_of
from agents.working_copies.tree_rules import PackRefused
from agents.working_copies.working_copy import WorkingCopies
from bus import object_bucket
from bus.blobs import Blobs
from bus.object_bucket import BucketLimits, ObjectBucket
from bus.object_description import CHUNK_BYTES, Damaged
from bus.redaction import Redactor
from bus.store import Store
from bus.stream import connect
from domain.errors import LimitReached, NotFound, Unavailable
from domain.tree import DELETED, Entry, Manifest, Tree, digest_of
from tests.integration.worker_access import access
from tests.unit.repositories import git, needs_git
from tests.unit.source_repositories import read, with_history

WORKER = "workers"
SMALL = BucketLimits(bytes_max=300_000, age_s=600)


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = await connect(nats_url, name="test")
    yield client
    await client.close()


@pytest.fixture
async def blobs(postgres_dsn: str) -> AsyncIterator[Blobs]:
    store = await Store.open(postgres_dsn)
    yield Blobs(store, Redactor([]))
    await store.close()


@pytest.fixture
def bucket(client: Client) -> ObjectBucket:
    return packs_bucket(client)


@pytest.fixture
def cache(tmp_path: Path) -> CopyCache:
    return CopyCache(tmp_path / "cache")


async def stored(blobs: Blobs, tree: Tree) -> Manifest:
    """Store the files of a tree as `aura submit` does, and return its manifest."""
    await blobs.put(tree.values(), redact=False)
    await blobs.put([pack_manifest(tree.manifest())], redact=False)
    return tree.manifest()


async def test_an_object_comes_back_and_the_tools_of_nats_read_it(client: Client) -> None:
    bucket = ObjectBucket(client, "TEST", BucketLimits(bytes_max=8 * 1024**2, age_s=600))
    await bucket.ensure()
    await bucket.ensure()
    for data in (b"", b"x", os.urandom(CHUNK_BYTES), os.urandom(3 * CHUNK_BYTES + 1)):
        name = await bucket.put(data)
        assert name == digest_of(data)
        assert await bucket.get(name, len(data)) == data
        theirs = await client.jetstream().object_store("TEST")
        assert (await theirs.get(name)).data == data
    assert len(await bucket.objects()) == 4
    with pytest.raises(NotFound):
        await bucket.get(digest_of(b"never stored"), 100)
    with pytest.raises(LimitReached, match="has 1 bytes"):
        await bucket.get(digest_of(b"x"), 0)


async def test_a_changed_or_incomplete_object_is_damaged(client: Client) -> None:
    bucket = ObjectBucket(client, "TEST", BucketLimits(bytes_max=8 * 1024**2, age_s=600))
    await bucket.ensure()
    data = os.urandom(2 * CHUNK_BYTES)
    name = await bucket.put(data)
    assert await bucket.get(name, len(data)) == data  # the control
    found = await bucket.find(name)
    assert found is not None
    stream = client.jetstream()
    await stream.publish(f"$O.TEST.C.{found.part}", b"one chunk more, which the description does not count")
    assert await bucket.get(name, len(data)) == data
    await stream.delete_msg("OBJ_TEST", 1)
    with pytest.raises(Damaged, match="do not have its digest"):
        await bucket.get(name, len(data))
    assert await bucket.put(data) == name
    assert await bucket.get(name, len(data)) == data


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nuid", "A" * 20),
        ("nuid", "*"),
        ("nuid", f"{'0' * 64}.>"),
        ("name", "0" * 64),
        ("size", -1),
        ("size", 10**12),
        ("chunks", 10**9),
        ("chunks", -1),
        ("size", "many"),
    ],
)
async def test_a_hostile_description_is_damaged(client: Client, field: str, value: object) -> None:
    bucket = ObjectBucket(client, "TEST", BucketLimits(bytes_max=8 * 1024**2, age_s=600))
    await bucket.ensure()
    name = await bucket.put(b"content")
    place = bucket._place(name)
    message = await client.jetstream().get_last_msg("OBJ_TEST", place)
    described = msgspec.json.decode(message.data or b"")
    await client.jetstream().publish(place, msgspec.json.encode(described))
    assert await bucket.get(name, 100) == b"content"  # the control: the same bytes, written by the test
    await client.jetstream().publish(
        place, msgspec.json.encode({**described, field: value}), headers={"Nats-Rollup": "sub"}
    )
    with pytest.raises(Damaged):
        await bucket.get(name, 100)
    assert await bucket.objects() == []


@needs_git
async def test_from_the_blobs_to_a_working_copy(
    blobs: Blobs, bucket: ObjectBucket, cache: CopyCache, tmp_path: Path
) -> None:
    base = read(tmp_path / "site", with_history(tmp_path / "site"))
    manifest = await stored(blobs, base.files)
    (history,) = await blobs.put([history_of(base) or b""], redact=False)
    await blobs.put([b"new"], redact=False)
    difference = {"new.py": Entry(kind="file", digest=digest_of(b"new")), "main.py": DELETED}
    names = await Packs(blobs, bucket).names_for(manifest, history, [difference, {}])
    assert len(names) == 2
    assert await Packs(blobs, bucket).names_for(manifest, history, [difference]) == names
    copy = await WorkingCopies(bucket, cache).open(names)
    (tmp_path / "work").mkdir()
    copy.write_to(tmp_path / "work")
    assert git(tmp_path / "work", "status", "--porcelain") == ""
    assert git(tmp_path / "work", "rev-parse", "HEAD~1").strip() == base.commit
    assert (tmp_path / "work" / "new.py").read_bytes() == b"new"
    assert (await WorkingCopies(bucket, cache).open(names)).whole() == copy.whole()


async def test_a_lost_bucket_is_filled_again_on_demand(
    blobs: Blobs, bucket: ObjectBucket, client: Client, tmp_path: Path
) -> None:
    manifest = await stored(blobs, Tree({"a.py": b"a", "b.py": b"b"}))
    packs = Packs(blobs, bucket)
    names = await packs.names_for(manifest, None, [])
    assert await bucket.find(names[0]) is not None
    await client.jetstream().delete_stream(bucket.stream)
    fresh = WorkingCopies(bucket, CopyCache(tmp_path / "other"))
    with pytest.raises(NotFound):
        await fresh.open(names)
    assert await packs.names_for(manifest, None, []) == names
    assert (await fresh.open(names)).initial == Tree({"a.py": b"a", "b.py": b"b"})


async def test_an_old_pack_is_stored_again_before_it_expires(
    blobs: Blobs, bucket: ObjectBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = await stored(blobs, Tree({"a.py": b"a"}))
    packs = Packs(blobs, bucket)
    (name,) = await packs.names_for(manifest, None, [])
    first = await bucket.find(name)
    await packs.names_for(manifest, None, [])
    assert await bucket.find(name) == first
    monkeypatch.setattr(packing, "PACK_REFRESH_AGE_S", 0.0)
    await packs.names_for(manifest, None, [])
    second = await bucket.find(name)
    assert first is not None
    assert second is not None
    assert second.stored_at > first.stored_at


async def test_a_full_bucket_loses_its_oldest_packs(blobs: Blobs, client: Client) -> None:
    bucket = ObjectBucket(client, "SMALL", SMALL)
    packs = Packs(blobs, bucket)
    trees = [Tree({"a.bin": os.urandom(100_000)}) for _ in range(4)]
    names = [(await packs.names_for(await stored(blobs, tree), None, []))[0] for tree in trees]
    kept = {found.name for found in await bucket.objects()}
    assert names[-1] in kept
    assert names[0] not in kept
    assert (await packs.names_for(await stored(blobs, trees[0]), None, []))[0] == names[0]
    assert await bucket.get(names[0], BASE_LIMITS.bytes_max)
    with pytest.raises(LimitReached, match="is full"):
        await packs.names_for(await stored(blobs, Tree({"a.bin": os.urandom(400_000)})), None, [])


async def test_a_purged_blob_makes_no_pack(blobs: Blobs, bucket: ObjectBucket) -> None:
    manifest = {**await stored(blobs, Tree({"a.py": b"a"})), "b.py": Entry(kind="file", digest="0" * 64)}
    with pytest.raises(NotFound, match=r"b\.py"):
        await Packs(blobs, bucket).names_for(manifest, None, [])


async def test_a_damaged_cache_entry_is_fetched_again(
    blobs: Blobs, bucket: ObjectBucket, cache: CopyCache, tmp_path: Path
) -> None:
    names = await Packs(blobs, bucket).names_for(await stored(blobs, Tree({"a.py": b"a"})), None, [])
    copies = WorkingCopies(bucket, cache)
    await copies.open(names)
    await bucket.clear()
    await copies.open(names)  # the control: the cache is enough
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(NotFound):
        await copies.open(names)
    await Packs(blobs, bucket).names_for(await stored(blobs, Tree({"a.py": b"a"})), None, [])
    assert (await copies.open(names)).initial == Tree({"a.py": b"a"})


async def test_a_pack_of_another_digest_is_refused(cache: CopyCache) -> None:
    data = encode("base", Tree({"a.py": b"a"}).manifest(), {digest_of(b"a"): b"a"})

    class Liar:
        async def get(self, name: str, bytes_max: int) -> bytes:
            assert name
            assert len(data) < bytes_max
            return data

    with pytest.raises(PackRefused, match="do not have the digest"):
        await WorkingCopies(Liar(), cache).open(["0" * 64])
    assert (await WorkingCopies(Liar(), cache).open([digest_of(data)])).initial == Tree({"a.py": b"a"})


@needs_git
async def test_a_purge_reaches_packs_and_caches(
    blobs: Blobs, bucket: ObjectBucket, cache: CopyCache, tmp_path: Path
) -> None:
    base = read(tmp_path / "site", with_history(tmp_path / "site"))
    manifest = await stored(blobs, base.files)
    (history,) = await blobs.put([history_of(base) or b""], redact=False)
    packs, copies = Packs(blobs, bucket), WorkingCopies(bucket, cache)
    with_it = await packs.names_for(manifest, history, [])
    without = await packs.names_for(await stored(blobs, Tree({"x.py": b"x"})), None, [])
    for names in (with_it, without):
        await copies.open(names)
    for content in (base.files["src/app.py"], b"gone = True\n"):  # of the base, and of an earlier commit alone
        assert await purge_bucket(bucket, digest_of(content)) == with_it
        shelves = {entry.shelf for entry in await asyncio.to_thread(purge_cache, cache, digest_of(content))}
        assert shelves == {"packs", "copies"}
        assert await bucket.find(without[0]) is not None  # the control
        assert CacheEntry("packs", without[0]) in cache.entries()
        assert len(cache.entries()) == 2
        with pytest.raises(NotFound):
            await copies.open(with_it)
        await packs.names_for(manifest, history, [])
        await copies.open(with_it)
    assert await purge_bucket(bucket, digest_of(b"nobody has it")) == ()
    assert await purge_bucket(bucket, history) == with_it


async def test_a_deleted_pack_leaves_no_chunk(bucket: ObjectBucket, client: Client) -> None:
    await bucket.ensure()
    canary = b"CANARY" * 10
    name = await bucket.put(canary)
    await bucket.put(canary)
    info = await client.jetstream().stream_info(bucket.stream)
    assert info.state.messages == 3  # two chunks and one description: the control
    await bucket.delete(name)
    info = await client.jetstream().stream_info(bucket.stream)
    assert info.state.messages == 0


async def test_a_purge_reaches_chunks_of_an_object_that_was_never_finished(
    bucket: ObjectBucket, client: Client
) -> None:
    await bucket.ensure()
    data = encode("base", Tree({"a.py": b"a"}).manifest(), {digest_of(b"a"): b"a"})
    name = await bucket.put(data)
    await client.jetstream().publish(f"$O.AURA_PACKS.C.{digest_of(b'x')}.0123", b"CANARY")
    assert await purge_bucket(bucket, digest_of(b"CANARY")) == ()
    info = await client.jetstream().stream_info(bucket.stream)
    assert info.state.messages == 2  # the stray chunk is gone, the object is not
    assert await bucket.get(name, len(data)) == data


async def test_a_small_difference_goes_inline_and_a_large_one_through_the_bucket(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = upload_bucket(client, WORKER)
    await uploads.ensure()
    monkeypatch.setattr(handing, "INLINE_BYTES_MAX", 10_000)
    handed = HandedOver(pack="", size=0)
    for size, inline in ((100, True), (50_000, False)):
        files = {"a.bin": os.urandom(size)}
        difference = {**Tree(files).manifest(), "old.py": DELETED}
        handed = await hand_over(difference, files, uploads)
        assert bool(handed.inline) == inline
        pack = await take_over(handed, uploads)
        assert (pack.manifest, pack.tree()) == (difference, Tree(files))
        await uploads.delete(handed.pack)
    with pytest.raises(NotFound):
        await take_over(handed, uploads)


async def test_a_hostile_upload_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = upload_bucket(client, WORKER)
    await uploads.ensure()
    data = encode("base", Tree({"a.py": b"a"}).manifest(), {digest_of(b"a"): b"a"})
    name = await uploads.put(data)
    with pytest.raises(PackRefused, match="a difference was expected"):
        await take_over(HandedOver(pack=name, size=len(data)), uploads)
    with pytest.raises(LimitReached):
        await take_over(HandedOver(pack=name, size=len(data) - 1), uploads)
    with pytest.raises(PackRefused, match="do not have the digest"):
        await take_over(HandedOver(pack="0" * 64, size=1, inline=b"x"), uploads)
    monkeypatch.setattr(handing, "INLINE_BYTES_MAX", 10)
    with pytest.raises(LimitReached):
        await take_over(HandedOver(pack=name, size=len(data), inline=data), uploads)
    assert decode(await uploads.get(name, len(data)), name).kind == "base"  # the control: the upload is complete


async def test_a_reader_needs_nothing_but_direct_gets(
    tmp_path: Path, cache: CopyCache, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with access(tmp_path / "accounts") as reach:
        manager, worker = reach.core.client, (await reach.worker("anna")).client
        tree = Tree({"a.bin": os.urandom(3 * CHUNK_BYTES), "b.py": b"b"})
        names = await Packs(blobs, packs_bucket(manager)).names_for(await stored(blobs, tree), None, [])
        assert (await WorkingCopies(packs_bucket(worker), cache).open(names)).initial == tree
        files = {"c.bin": os.urandom(INLINE_BYTES_MAX + 1)}
        handed = await hand_over(Tree(files).manifest(), files, upload_bucket(worker, "anna"))
        assert handed.inline == b""
        assert (await take_over(handed, upload_bucket(manager, "anna"))).tree() == Tree(files)
        monkeypatch.setattr(object_bucket, "REQUEST_WAIT_S", 0.2)  # a denied request has no answer
        await _worker_can_do_no_more(worker, names[0])


async def _worker_can_do_no_more(worker: Client, name: str) -> None:
    bucket = packs_bucket(worker)
    for act in (bucket.put(b"x"), bucket.delete(name), bucket.clear(), bucket.remove(), bucket.ensure()):
        with pytest.raises((Unavailable, NotFound)):
            await act
    theirs = worker.jetstream(timeout=0.2)
    with pytest.raises((NatsError, JetStreamError, TimeoutError)):
        await theirs.object_store("AURA_PACKS")
    with pytest.raises((NatsError, JetStreamError, TimeoutError)):
        await theirs.subscribe("$O.AURA_PACKS.C.>", stream="OBJ_AURA_PACKS", ordered_consumer=True)
    assert await bucket.find(name) is not None  # the control: the pack is still there, and can be read


@pytest.mark.slow
@pytest.mark.ci
@needs_git
async def test_five_thousand_files_are_laid_out_from_the_cache(
    blobs: Blobs, bucket: ObjectBucket, cache: CopyCache, tmp_path: Path
) -> None:
    files = {f"pkg{n % 50}/sub{n % 7}/module_{n}.py": f"value_{n} = {n}\n".encode() * 60 for n in range(5000)}
    names = await Packs(blobs, bucket).names_for(await stored(blobs, Tree(files)), None, [])
    copies = WorkingCopies(bucket, cache)
    await copies.open(names)
    copy = await copies.open(names)
    (tmp_path / "work").mkdir()
    await asyncio.to_thread(copy.write_to, tmp_path / "work")
    assert sum(path.is_file() for path in (tmp_path / "work").rglob("*.py")) == 5000
    assert git(tmp_path / "work", "status", "--porcelain") == ""
    in_cache = {path.stat().st_ino for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    in_box = {path.stat().st_ino for path in (tmp_path / "work").rglob("*") if path.is_file()}
    assert not in_cache & in_box
    (tmp_path / "work" / "pkg0" / "sub0" / "module_0.py").write_text("changed")
    assert (await copies.open(names)).initial == Tree(files)
