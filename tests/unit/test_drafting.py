"""A draft reaches its place as a whole, with or without a file system in memory, and leaves nothing behind."""

from pathlib import Path

import pytest

from agents.delivery import drafting
from agents.delivery.drafting import draft, put


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
