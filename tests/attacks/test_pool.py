"""The pool of waiting boxes has bounds, is empty without work, and leaves nothing when its owner ends."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.attacks.leftovers import children, descriptors, groups_of, mounts, processes_with
from tests.attacks.waiting_boxes import HELLO, pool_of, pooled
from verification.sandbox import pool as pool_module
from verification.sandbox.base import MIB, Limits
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.cgroup import find_groups
from verification.sandbox.pool_size import PoolSize

__all__ = ["pooled"]

pytestmark = pytest.mark.needs_sandbox

START_WAIT_S = 240.0
WAITING = 3
TOO_MANY = 10_000
"""Boxes that no machine makes in the time of these tests, so that their making is always cut short."""
OWNER = """
import asyncio, sys
from pathlib import Path
from verification.sandbox.base import RunSpec
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.pool_size import PoolSize

async def main():
    sandbox = Bubblewrap(Path(sys.argv[1]), pool=PoolSize())
    await sandbox.probe()
    spec = RunSpec(argv=("python3", "-c", ""), read_only={"/aura/" + sys.argv[2]: b"x"})
    print(await sandbox.pool.stock(spec, int(sys.argv[3])), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_run_without_a_waiting_box_gets_a_new_one_and_the_next_one_waits(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    assert (pool.waiting, pool.handed_out) == (0, 0)
    await pool.filled()
    assert pool.waiting == 1
    assert (await pooled.run(replace(HELLO, argv=("python3", "-c", "print(1)"), stdin=b"x"))).stdout == b"1\n"
    assert (pool.waiting, pool.handed_out) == (0, 1), "another command of the same kind"


async def test_a_box_is_used_once_and_a_different_kind_gets_none(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    assert await pool.stock(HELLO, 1) == 1
    kinds = [
        replace(HELLO, read_only={"/aura/note": b"x"}),
        replace(HELLO, folders={"/aura/tools": Path("/usr/lib")}),
        replace(HELLO, links={"/aura/link": "/work"}),
        *(replace(HELLO, limits=each) for each in (Limits(memory_bytes=64 * MIB), Limits(processes=5))),
        *(replace(HELLO, limits=each) for each in (Limits(open_files=50), Limits(tmp_bytes=MIB))),
        *(replace(HELLO, limits=each) for each in (Limits(file_bytes=MIB), Limits(work_bytes=MIB))),
    ]
    for kind in kinds:
        assert (await pooled.run(kind)).stdout == b"hello\n"
    assert (pool.waiting, pool.handed_out) == (1, 0)
    first, second = await pooled.run(HELLO), await pooled.run(HELLO)
    assert first.stdout == second.stdout == b"hello\n"
    assert pool.handed_out == 1


async def test_close_ends_everything(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips where there is none
    before = descriptors(), children(), groups_of(os.getpid()), mounts()
    made = Bubblewrap(pool=PoolSize())
    await made.probe()
    await pool_of(made).stock(HELLO, WAITING)
    assert (len(groups_of(os.getpid())) > len(before[2])) == (find_groups() is not None), "the control"
    assert len(children()) == len(before[1]) + WAITING
    await made.close()
    assert (descriptors(), children(), groups_of(os.getpid()), mounts()) == before
    assert pool_of(made).waiting == 0


def test_another_event_loop_gets_no_boxes_of_a_former_one(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips
    before = children(), groups_of(os.getpid())
    made = Bubblewrap(pool=PoolSize())
    assert asyncio.run(pool_of(made).filled()) is None
    asyncio.run(made.probe())
    assert asyncio.run(pool_of(made).stock(HELLO, WAITING)) == WAITING
    assert len(children()) == len(before[0]) + WAITING
    assert asyncio.run(made.run(HELLO)).stdout == b"hello\n"
    assert pool_of(made).handed_out == 0
    asyncio.run(made.close())
    assert (children(), groups_of(os.getpid())) == before


async def test_the_kill_of_the_owner_leaves_nothing(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips
    scratch, mark = f"/tmp/aura-test-pool-{os.getpid()}", f"pool-{os.urandom(6).hex()}"
    os.mkdir(scratch, 0o755)
    before = mounts()
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, scratch, mark, str(WAITING)),
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    later = Bubblewrap(Path(scratch))
    try:
        assert owner.stdout is not None
        assert await asyncio.wait_for(owner.stdout.readline(), START_WAIT_S) == f"{WAITING}\n".encode()
        await later.sweep()
        running = [pid for pid in processes_with(mark) if pid != owner.pid]
        assert len(running) >= 2 * WAITING, "the control: the owner lives, so the sweep ends none of its boxes"
        assert os.listdir(scratch)
        assert bool(groups_of(owner.pid)) == (find_groups() is not None)
    finally:
        owner.kill()
        await owner.wait()
    deadline = time.monotonic() + START_WAIT_S
    while processes_with(mark):
        assert time.monotonic() < deadline, "a waiting box outlived its owner"
        await asyncio.sleep(0.02)
    await later.sweep()
    assert os.listdir(scratch) == []
    assert groups_of(owner.pid) == []
    assert mounts() == before
    os.rmdir(scratch)


async def test_old_boxes_end_and_are_not_made_again(pooled: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """So an organisation without work has no boxes, and its pool has nothing to do."""
    now = [0.0]
    pool = pool_of(pooled)
    monkeypatch.setattr(pool, "_clock", lambda: now[0])
    await pooled.run(HELLO)
    await pool.filled()
    await pool.stock(HELLO, WAITING)
    now[0] = PoolSize().age_max_s - 1
    pool._look()
    assert pool.waiting == WAITING
    now[0] += 2
    pool._look()
    assert (pool.waiting, pool._stocks, list(pool._timers)) == (0, {}, [])
    await pool.filled()
    assert pool.waiting == 0
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    await pool.filled()
    assert pool.waiting == 1, "the next run of the kind makes it wanted again"


async def test_short_memory_ends_the_boxes(pooled: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of(pooled)
    await pooled.run(HELLO)
    await pool.filled()
    monkeypatch.setattr(pool_module, "free_memory_bytes", lambda: PoolSize().free_memory_min_bytes - 1)
    assert pool.waiting == 1
    pool._look()
    assert pool.waiting == 0
    await pooled.run(HELLO)
    await pool.filled()
    assert pool.waiting == 0
    monkeypatch.undo()
    await pooled.run(HELLO)
    await pool.filled()
    assert pool.waiting == 1


async def test_no_box_is_made_while_one_runs(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    await pooled.run(HELLO)
    with pool.busy():
        await pool.filled()
        assert pool.waiting == 0
        await asyncio.sleep(3 * pool_module.FILL_PAUSE_S)
        assert pool.waiting == 0
    deadline = time.monotonic() + START_WAIT_S
    while not pool.waiting:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_the_number_of_boxes_is_bounded_and_the_last_kind_comes_first(sandbox: Bubblewrap) -> None:  # noqa: ARG001
    made = Bubblewrap(pool=PoolSize(boxes_max=3))
    try:
        pool = pool_of(made)
        other = replace(HELLO, read_only={"/aura/note": b"x"})
        await asyncio.gather(*(made.run(HELLO) for _ in range(5)))
        await pool.filled()
        assert pool.waiting == 3
        await asyncio.gather(made.run(other), made.run(other))
        await pool.filled()
        assert sorted(len(stock.boxes) for stock in pool._stocks.values()) == [1, 2]
        assert (await made.run(other)).stdout == b"hello\n"
        assert pool.handed_out == 1
    finally:
        await made.close()


async def test_a_halt_ends_the_boxes_and_none_is_made_before_the_end_of_the_halt(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    assert await pool.stock(HELLO, WAITING) == WAITING
    pooled.keep_boxes(False)
    assert pool.waiting == 0
    assert (await pooled.run(HELLO)).stdout == b"hello\n", "a verdict that was already asked for"
    await pool.filled()
    assert await pool.stock(HELLO, 1) == 0
    pooled.keep_boxes(True)
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    await pool.filled()
    assert pool.waiting == 1


async def test_a_cancellation_at_any_moment_leaves_nothing(pooled: Bubblewrap) -> None:
    pool = pool_of(pooled)
    before = descriptors(), children(), groups_of(os.getpid())
    sleeps = replace(HELLO, argv=("python3", "-I", "-c", "import time; time.sleep(60)"))
    for step in range(10):
        await pool.stock(HELLO, 1)
        running = asyncio.create_task(pooled.run(sleeps))
        await asyncio.sleep(0.004 * step)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        making = asyncio.create_task(pool.stock(replace(HELLO, links={"/aura/a": "/work"}), TOO_MANY))
        await asyncio.sleep(0.01 * step)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
    assert (await pooled.run(HELLO)).stdout == b"hello\n"
    await pool.close()
    assert (descriptors(), children(), groups_of(os.getpid())) == before
