"""A draft reaches its place as a whole, with or without a file system in memory, and leaves nothing behind."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from agents.delivery import drafting
from agents.delivery.drafting import draft, put
from agents.delivery.gitrepo import build_repository
from tests.unit.repositories import TWO


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is taken for the file system in memory, of this test's own."""
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(drafting, "MEMORY", memory)
    return memory


def write(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(b"one")
    (folder / "link").symlink_to("deep/a")


@pytest.mark.parametrize("there", [True, False])
def test_what_is_drafted_is_at_its_place_at_the_end(tmp_path: Path, memory: Path, there: bool) -> None:
    if not there:
        memory.rmdir()
    target, place = tmp_path / "repository", tmp_path / "place"
    with draft(target) as folder:
        assert folder.is_relative_to(memory) == there
        write(folder)
    put(target, place)
    assert (place / "deep" / "a").read_bytes() == b"one"
    assert (place / "link").is_symlink()
    assert not target.exists()
    assert not there or list(memory.iterdir()) == []


def test_a_draft_that_fails_leaves_nothing(tmp_path: Path, memory: Path) -> None:
    def fail() -> None:
        with draft(tmp_path / "repository") as folder:
            write(folder)
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert list(memory.iterdir()) == []
    assert not (tmp_path / "repository").exists()


def test_what_a_kill_left_or_another_has_put_there_is_in_nobody_s_way(tmp_path: Path, memory: Path) -> None:
    target = tmp_path / "place" / "repository"
    target.parent.mkdir()
    with draft(target) as folder:
        table = folder.parent
        assert table.parent == memory
        write(folder)
    table.mkdir()
    (table / "repository").mkdir()  # as after a kill
    other = tmp_path / "other" / "repository"
    other.parent.mkdir()
    target.rename(other)
    with draft(target) as folder:
        write(folder)
    assert (target / "deep" / "a").exists()
    target.rename(other.with_name("again"))
    table.symlink_to(tmp_path / "place")  # as somebody else could: it is not followed
    with draft(target) as folder:
        assert folder == target
        write(folder)
    assert table.is_symlink()


LONG = 4020
"""Bytes of a path in which a folder can be made, and nothing of what git puts into it (PATH_MAX is 4096)."""


@pytest.mark.parametrize("refuses", [True, False])
def test_a_delivery_that_memory_does_not_take_is_written_at_its_place(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch, refuses: bool
) -> None:
    """Paths that become too long stand for a memory that becomes full: both show in the midst of writing."""
    while refuses and (left := LONG - len(str(memory)) - 1) > 0:
        memory /= "m" * (left if left <= 200 else min(200, left - 2))
    memory.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(drafting, "MEMORY", memory)
    with (
        pytest.raises(OSError, match="too long") if refuses else nullcontext(),
        draft(tmp_path / "first" / "repository") as place,
    ):
        assert place.is_relative_to(memory)
        (place / ".git" / "objects" / ("a" * 40)).mkdir(parents=True)
        (tmp_path / "first").mkdir()
    commit = build_repository(tmp_path / "a", TWO)
    monkeypatch.setattr(drafting, "MEMORY", tmp_path / "nowhere")
    assert commit == build_repository(tmp_path / "b", TWO)
    assert (tmp_path / "a" / "slugify.py").read_bytes() == (tmp_path / "b" / "slugify.py").read_bytes()
    assert list(memory.iterdir()) == []
