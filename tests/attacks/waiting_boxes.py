"""Runs and helpers for tests about the boxes of the pool."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from verification.sandbox.base import RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.pool import BoxPool
from verification.sandbox.pool_size import PoolSize

HELLO = RunSpec(argv=("python3", "-I", "-c", "print('hello')"))


@pytest.fixture
async def pooled(sandbox: Bubblewrap) -> AsyncIterator[Bubblewrap]:  # noqa: ARG001 - skips where there is none
    made = Bubblewrap(pool=PoolSize())
    await made.probe()
    yield made
    await made.close()


def pool_of(sandbox: Bubblewrap) -> BoxPool:
    assert sandbox.pool is not None
    return sandbox.pool


def programs_in(pid: int) -> list[str]:
    """Return the names of a process and its only child."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{each}/comm").read_text().strip() for each in (pid, child)]
