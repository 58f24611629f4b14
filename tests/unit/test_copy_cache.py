"""The worker's cache: eviction, locks, damage, unfinished files, and two processes at the same time."""

import fcntl
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from agents.working_copies.cache import NEW, NEW_AGE_S, CacheEntry, CopyCache
from domain.errors import Forbidden

PROCESSES = 4
ROUNDS = 30


@pytest.fixture
def cache(tmp_path: Path) -> CopyCache:
    return CopyCache(tmp_path / "cache")


def used_before(folder: Path, name: str, seconds: float) -> None:
    """Make an entry look as if it was last used that long ago."""
    then = time.time() - seconds
    os.utime(folder / "cache" / "packs" / name, (then, then))


def test_what_is_put_comes_back(cache: CopyCache) -> None:
    assert cache.get("packs", "a") is None
    assert cache.put("packs", "a", b"content")
    assert cache.get("packs", "a") == b"content"
    assert cache.get("copies", "a") is None
    assert cache.entries() == [CacheEntry("packs", "a")]


@pytest.mark.parametrize("damage", ["changed", "cut", "empty"])
def test_a_damaged_entry_is_never_used(cache: CopyCache, tmp_path: Path, damage: str) -> None:
    cache.put("packs", "a", b"content")
    cache.put("packs", "b", b"content")
    path = tmp_path / "cache" / "packs" / "a"
    stored = path.read_bytes()
    path.write_bytes({"changed": stored[:-1] + b"x", "cut": stored[:-1], "empty": b""}[damage])
    assert cache.get("packs", "a") is None
    assert cache.get("packs", "b") == b"content"
    assert cache.entries() == [CacheEntry("packs", "b")]
    cache.put("packs", "a", b"content")
    assert cache.get("packs", "a") == b"content"


def test_the_least_recently_used_are_evicted(tmp_path: Path) -> None:
    cache = CopyCache(tmp_path / "cache", bytes_max=3 * (100 + 32))
    for number, name in enumerate("abc"):
        cache.put("packs", name, bytes(100))
        used_before(tmp_path, name, 100 - number)
    assert cache.get("packs", "a") is not None  # now it is the last used one
    cache.put("copies", "d", bytes(100))
    assert [entry.name for entry in cache.entries()] == ["a", "c", "d"]


def test_what_was_not_used_for_long_is_evicted(tmp_path: Path) -> None:
    cache = CopyCache(tmp_path / "cache", age_s=60)
    for name in "ab":
        cache.put("packs", name, b"x")
    used_before(tmp_path, "a", 61)
    used_before(tmp_path, "b", 30)
    cache.evict()
    assert [entry.name for entry in cache.entries()] == ["b"]


def test_an_entry_in_use_is_not_evicted(tmp_path: Path) -> None:
    cache = CopyCache(tmp_path / "cache", age_s=60)
    for name in "ab":
        cache.put("packs", name, b"x")
    for name in "ab":
        used_before(tmp_path, name, 61)
    with (tmp_path / "cache" / "packs" / "a").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        cache.evict()
        assert [entry.name for entry in cache.entries()] == ["a"]  # the control: b is gone
    cache.evict()
    assert cache.entries() == []


def test_an_unfinished_file_is_not_used_and_is_removed_when_its_writer_is_gone(
    cache: CopyCache, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "packs"
    old = time.time() - NEW_AGE_S - 1
    for name in ("dead", "alive", "young"):
        (folder / f"{NEW}{name}").write_bytes(b"half")
        if name != "young":
            os.utime(folder / f"{NEW}{name}", (old, old))
    with (folder / f"{NEW}alive").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        cache.evict()
    assert cache.entries() == []
    assert sorted(path.name for path in folder.iterdir()) == [f"{NEW}alive", f"{NEW}young"]


def test_a_cache_that_another_user_may_write_is_refused(tmp_path: Path) -> None:
    CopyCache(tmp_path / "cache")
    (tmp_path / "cache" / "packs").chmod(0o777)
    with pytest.raises(Forbidden, match="another user could write"):
        CopyCache(tmp_path / "cache")
    (tmp_path / "cache" / "packs").chmod(0o700)
    assert CopyCache(tmp_path / "cache").entries() == []
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    with pytest.raises(Forbidden):
        CopyCache(tmp_path / "link")


def test_without_room_nothing_is_cached_and_nothing_fails(cache: CopyCache, tmp_path: Path) -> None:
    (tmp_path / "cache" / "packs" / "a").mkdir()  # the rename onto a folder fails, as a full disk would
    assert not cache.put("packs", "a", b"x")
    assert cache.get("packs", "a") is None
    assert [path.name for path in (tmp_path / "cache" / "packs").iterdir()] == ["a"]


def test_processes_at_the_same_time_never_see_a_wrong_content(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, args=(tmp_path / "cache", seed)) for seed in range(PROCESSES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * PROCESSES
    assert not [path for path in (tmp_path / "cache" / "packs").iterdir() if path.name.startswith(NEW)]


def _work(folder: Path, seed: int) -> None:
    """Put and get the same few entries, in a cache that has room for half of them."""
    cache = CopyCache(folder, bytes_max=4 * 10_032)
    for step in range(ROUNDS):
        name = str((seed + step) % 8)
        content = name.encode() * 10_000
        found = cache.get("packs", name)
        assert found in (None, content)
        if found is None:
            assert cache.put("packs", name, content)
