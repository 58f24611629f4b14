"""Many misbehaving boxes one after another: each is limited in time, memory and disk, and nothing of it remains."""

import asyncio
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks.leftovers import children, descriptors, gone, groups_of, mounts
from tests.attacks.misbehaving import Misbehaviour, drawn
from verification.sandbox.base import RunResult, Sandbox
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.workfolder import is_plain_path

pytestmark = pytest.mark.needs_sandbox

COUNT, COUNT_SLOW = 48, 500
SEED = 20261122
"""The seed of the short row. The long row draws a seed and prints it, or takes it from AURA_ZOO_SEED."""
AT_ONCE = 4
MARGIN_S = 10.0
"""Time (s) that a box may need beyond its wall limit, including its start, on a loaded machine."""
THREADS_MAX = (os.cpu_count() or 1) + 5
"""The threads that asyncio's pool and this process keep."""


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Yield a folder that the box's user can reach."""
    folder = Path(f"/tmp/aura-test-row-{os.urandom(6).hex()}")
    folder.mkdir(mode=0o755)
    yield folder
    folder.rmdir()  # fails if anything is left in it


@pytest.mark.slow
@pytest.mark.ci
async def test_a_row(sandbox: Bubblewrap, scratch: Path) -> None:  # noqa: ARG001 - skips where there is none
    await bounded_row(scratch, COUNT, SEED)


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_a_long_row(sandbox: Bubblewrap, scratch: Path) -> None:  # noqa: ARG001 - skips where there is none
    seed = int(os.environ.get("AURA_ZOO_SEED") or random.SystemRandom().randrange(10**6))
    count = int(os.environ.get("AURA_ZOO_COUNT") or COUNT_SLOW)
    reasons = await bounded_row(scratch, count, seed)
    if count >= COUNT_SLOW:  # the control: every limit had something to hold
        assert {"exit", "timeout", "memory", "output_limit", "file_limit"} <= set(reasons)


async def bounded_row(
    scratch: Path,
    count: int,
    seed: int,
    *,
    sandbox: Sandbox | None = None,
    margin_s: float = MARGIN_S,
    at_once: int = AT_ONCE,
    launcher_bytes: int = 0,
) -> Counter[str]:
    """Run the boxes one after another, by default in bubblewrap, and compare the state of the host before and after."""
    sandbox = sandbox or Bubblewrap(scratch)
    tree_memory = (await sandbox.probe()).tree_memory
    mark = f"row-{os.urandom(6).hex()}"
    before = held(scratch)
    began = time.monotonic()
    random_ = random.Random(seed)
    reasons: Counter[str] = Counter()
    for first in range(0, count, at_once):
        row = [drawn(random_, mark) for _ in range(min(at_once, count - first))]
        for one, result, took_s in await asyncio.gather(*(timed(sandbox, one) for one in row)):
            assert wrong(one, result, took_s, margin_s, launcher_bytes, tree_memory=tree_memory) == "", (
                seed,
                one.what,
                result.stderr[-500:],
            )
            reasons[result.reason] += 1
    print(f"{count} boxes, seed {seed}, {time.monotonic() - began:.0f} s: {dict(reasons)}")
    assert await gone(mark)
    assert groups_of(os.getpid()) == []
    assert held(scratch) == before
    assert threading.active_count() <= THREADS_MAX
    await sandbox.close()
    return reasons


def held(scratch: Path) -> tuple[int, list[str], list[int], list[str]]:
    """Return our descriptors, mounts, child processes (including zombies) and files."""
    return descriptors(), mounts(), children(), sorted(map(str, scratch.rglob("*")))


async def timed(sandbox: Sandbox, one: Misbehaviour) -> tuple[Misbehaviour, RunResult, float]:
    began = time.monotonic()
    result = await sandbox.run(one.spec)
    return one, result, time.monotonic() - began


def wrong(
    one: Misbehaviour, result: RunResult, took_s: float, margin_s: float, launcher_bytes: int, *, tree_memory: bool
) -> str:
    """Return the limit that this box has exceeded, or an empty text."""
    limits = one.spec.limits
    if result.reason == "setup_failed":
        return "it was not started"
    if max(result.wall_s, took_s) > limits.wall_s + margin_s:
        return f"it took {result.wall_s:.1f} s, {took_s:.1f} in all"
    if len(result.stdout) + len(result.stderr) > limits.output_bytes:
        return "it said more than it may"
    if len(result.files) > limits.collect_files or sum(map(len, result.files.values())) > limits.collect_bytes:
        return "more came out than may"
    if not all(is_plain_path(path) for path in result.files):
        return "a path leaves its folder"
    if tree_memory and (result.peak_memory_bytes or 0) > limits.memory_bytes + launcher_bytes:
        return f"it used {result.peak_memory_bytes} bytes of memory"
    return ""
