"""Cgroup version 2, tested on a folder with the same files: the written limits and the counters that are read."""

from pathlib import Path

import pytest

from verification.sandbox import cgroup
from verification.sandbox.base import MIB, Limits
from verification.sandbox.cgroup import GroupsV2, read_counter


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def remove(folder: Path) -> int:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
        return 1

    monkeypatch.setattr(cgroup, "remove_group", remove)  # a kernel's folder goes although files stand in it
    return tmp_path


def test_limits_are_written_and_counters_read(parent: Path) -> None:
    group = GroupsV2(parent).create(Limits(memory_bytes=64 * MIB, processes=7))
    (folder,) = parent.iterdir()
    told = {file.name: file.read_text() for file in folder.iterdir()}
    assert told == {"memory.max": str(64 * MIB), "memory.oom.group": "1", "memory.swap.max": "0", "pids.max": "7"}
    (folder / "memory.events").write_text("low 0\noom 0\noom_kill 0\noom_group_kill 3\n")
    assert group.oom_kills() == 0
    (folder / "memory.events").write_text("low 0\noom 1\noom_kill 2\n")
    assert group.oom_kills() == 2
    assert group.peak_bytes() is None
    (folder / "memory.peak").write_text("123\n")
    assert group.peak_bytes() == 123
    group.add(42)
    assert (folder / "cgroup.procs").read_text() == "42"
    group.close()
    assert list(parent.iterdir()) == []


def test_in_a_session_the_kernel_kills_only_one_process(parent: Path) -> None:
    group = GroupsV2(parent).create(Limits(), together=False)
    (folder,) = parent.iterdir()
    assert (folder / "memory.oom.group").read_text() == "0"
    (folder / "memory.events").write_text("oom_kill 2\n")
    assert group.oom_kills() == 2


def test_a_missing_counter_is_none(tmp_path: Path) -> None:
    assert read_counter(tmp_path / "nothing", "oom_kill") == 0


def test_what_is_empty_is_closed_at_once(tmp_path: Path) -> None:
    """A run closes its group without a thread if no process is in it any more."""
    group = GroupsV2(tmp_path).create(Limits())
    (folder,) = tmp_path.iterdir()
    assert not group.close_now(), "a folder with files stands for a group that still has processes"
    assert folder.exists()
    for file in folder.iterdir():
        file.unlink()
    assert group.close_now()
    assert group.close_now(), "a second time it is not there"
    assert list(tmp_path.iterdir()) == []
