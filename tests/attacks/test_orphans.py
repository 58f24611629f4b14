"""The next sandbox removes the remains of a killed owner, and nothing else."""

import asyncio
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import Unavailable
from tests.attacks.leftovers import gone, groups_of, processes_with
from verification.sandbox import program
from verification.sandbox.base import RunResult
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.cgroup import find_groups
from verification.sandbox.orphans import is_orphan, new_tag, sweep_folders
from verification.sandbox.remedy import unavailable

START_WAIT_S = 240.0
SWEPT = 400
SWEEPERS = 6
OWNER = """
import asyncio, sys
from pathlib import Path
from verification.sandbox.base import RunSpec
from verification.sandbox.bubblewrap import Bubblewrap

async def main():
    sandbox = Bubblewrap(Path(sys.argv[1]))
    await sandbox.probe()
    argv = ("python3", "-I", "-c", "import time; time.sleep(60)", sys.argv[2])
    run = asyncio.create_task(sandbox.run(RunSpec(argv=argv)))
    print("running", flush=True)
    await run

asyncio.run(main())
"""


def test_many_may_sweep_at_once(tmp_path: Path) -> None:
    """A verifier ended because another one had removed what it was about to remove."""
    alive = tmp_path / new_tag()
    alive.mkdir()
    space, pid, started, _ = alive.name.removeprefix("aura-box-").split("-")
    left = [tmp_path / f"aura-box-{space}-{pid}-{int(started) + 1}-{number:08x}" for number in range(SWEPT)]
    for folder in left:
        (folder / "a" / "b").mkdir(parents=True)
    with ThreadPoolExecutor(SWEEPERS) as pool:
        swept = list(pool.map(sweep_folders, [tmp_path] * SWEEPERS))
    assert sum(swept) >= SWEPT
    assert list(tmp_path.iterdir()) == [alive]


@pytest.mark.needs_sandbox
async def test_kill_9_of_the_owner(sandbox: Bubblewrap) -> None:  # noqa: ARG001 - skips where there is none
    scratch = f"/tmp/aura-test-scratch-{os.getpid()}"  # a folder that the box's user can reach
    os.mkdir(scratch, 0o755)
    mark = f"orphan-{os.urandom(6).hex()}"
    groups = find_groups()
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, scratch, mark),
        env={"PYTHONPATH": os.getcwd(), "PATH": os.environ["PATH"]},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert owner.stdout is not None
        assert await asyncio.wait_for(owner.stdout.readline(), START_WAIT_S) == b"running\n"
        deadline = time.monotonic() + START_WAIT_S
        while len(processes_with(mark)) < 2:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        later = Bubblewrap(Path(scratch))
        await later.sweep()  # it may find what others on this machine have left
        assert len(processes_with(mark)) > 1, "the owner lives"
        assert os.listdir(scratch)
        while groups is not None and not groups_of(owner.pid):  # a box is a process before it is in its group
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
    finally:
        owner.kill()
        await owner.wait()
    assert await gone(mark)
    assert os.listdir(scratch)
    assert await later.sweep() >= 1
    assert os.listdir(scratch) == []
    os.rmdir(scratch)
    assert groups_of(owner.pid) == []


def test_a_tag_tells_a_live_owner_from_a_dead_one() -> None:
    mine = new_tag()
    assert not is_orphan(mine)
    namespace, pid, started = mine.split("-")[2:5]
    assert is_orphan(f"aura-box-{namespace}-{pid}-{int(started) + 1}-00")  # the pid was used again
    assert is_orphan(f"aura-box-{namespace}-4194999-1-00")
    assert not is_orphan("aura-box-1-4194999-1-00")  # another namespace's: not ours to judge
    assert not is_orphan("something-else")


async def test_without_bwrap_nothing_runs_and_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_from_wheel", lambda: None)
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox = Bubblewrap()
    with pytest.raises(Unavailable, match="not installed") as raised:
        await sandbox.probe()
    await sandbox.close()
    assert raised.value.exit_code == 69
    assert "bubblewrap" in raised.value.hint


async def test_a_bwrap_that_cannot_make_a_box_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where user namespaces are forbidden: bwrap is there, says why, and ends."""
    fake = tmp_path / "bwrap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && { echo bubblewrap 0.11.0; exit 0; }\n'
        "echo 'bwrap: No permissions to create a new namespace' >&2; exit 1\n"
    )
    fake.chmod(0o755)
    monkeypatch.setattr(program, "_from_wheel", lambda: fake)
    sandbox = Bubblewrap()
    with pytest.raises(Unavailable, match="No permissions to create a new namespace") as raised:
        await sandbox.probe()
    await sandbox.close()
    assert raised.value.exit_code == 69
    assert raised.value.hint


async def test_one_that_pretends_is_no_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 0 and nothing ran is not a run."""
    fake = tmp_path / "bwrap"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.11.0\nexit 0\n')
    fake.chmod(0o755)
    monkeypatch.setattr(program, "_from_wheel", lambda: fake)
    sandbox = Bubblewrap()
    with pytest.raises(Unavailable):
        await sandbox.probe()
    await sandbox.close()


def test_the_error_says_what_bwrap_said() -> None:
    error = unavailable(RunResult(reason="setup_failed", stderr=b"bwrap: setting up uid map: Permission denied\n"))
    assert "setting up uid map" in error.message
    assert error.hint
