"""A process that may open no more files: no box is made, the error names this cause, and nothing stays open."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from domain.errors import Unavailable
from tests.sandboxes import boxed, sandbox
from verification.execution.retry import boxed as must_run
from verification.sandbox.base import RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
FILES = {f"/aura/{name}.py": b"x = 1\n" for name in "abc"}


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """Allow only this number of descriptors more than are open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = set(map(int, os.listdir("/proc/self/fd")))
    free = [number for number in range(soft) if number not in taken]
    resource.setrlimit(resource.RLIMIT_NOFILE, (free[count], hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_no_box_is_made_and_nothing_stays_open(sandbox: Bubblewrap) -> None:
    assert (await boxed(sandbox, "print(1)", read_only=FILES)).stdout == b"1\n"
    before = sorted(os.listdir("/proc/self/fd"))
    reasons = set()
    for count in range(1, 40, 3):
        with room_for(count):
            found = await boxed(sandbox, "print(1)", read_only=FILES)
        reasons.add(found.reason)
        assert found.reason == "setup_failed" or found.stdout == b"1\n"
        assert sorted(os.listdir("/proc/self/fd")) == before
    assert reasons == {"setup_failed", "exit"}
    with room_for(1), pytest.raises(Unavailable, match=r"could not be made: .*Too many open files"):
        await must_run(RunSpec(argv=("python3", "-c", "")), sandbox)
