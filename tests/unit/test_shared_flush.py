"""Deliveries that end at the same time share a flush to the disk. None returns before its files are there."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agents.delivery import atomic_rename

WAIT_S = 60.0


class Turns:
    """A lock that tells when a caller comes to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.came = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.came.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Disk:
    """A disk whose flushes begin, and end when they may."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.count = 0

    def flush(self, _descriptor: int) -> None:
        self.count += 1
        self.begun.release()
        assert self.may_end.acquire(timeout=WAIT_S)


@contextmanager
def flushing(flushes: atomic_rename._Flushes, callers: int) -> Iterator[list[threading.Thread]]:
    threads = [threading.Thread(target=flushes.flush, args=(0,)) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        for thread in threads:
            thread.join(WAIT_S)


def test_callers_that_come_during_a_flush_share_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    disk, turns, flushes = Disk(), Turns(), atomic_rename._Flushes()
    monkeypatch.setattr(atomic_rename, "_flush_all", disk.flush)
    monkeypatch.setattr(flushes, "_turn", turns)
    with flushing(flushes, 1) as first:
        assert disk.begun.acquire(timeout=WAIT_S)
        assert turns.came.acquire(timeout=WAIT_S)
        with flushing(flushes, 3) as others:
            for _ in others:
                assert turns.came.acquire(timeout=WAIT_S)
            disk.may_end.release()
            first[0].join(WAIT_S)
            assert disk.begun.acquire(timeout=WAIT_S), "the flush that was under way is not theirs"
            assert all(thread.is_alive() for thread in others)
            disk.may_end.release()
    assert disk.count == 2
    assert not any(thread.is_alive() for thread in (*first, *others))


def test_a_caller_after_a_flush_gets_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    disk, flushes = Disk(), atomic_rename._Flushes()
    monkeypatch.setattr(atomic_rename, "_flush_all", disk.flush)
    for _ in range(2):
        disk.may_end.release()
        flushes.flush(0)
    assert disk.count == 2
