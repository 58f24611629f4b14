"""A folder that was built under another name appears at its place complete."""

from pathlib import Path

import pytest

from agents.delivery.atomic_rename import put


def write(folder: Path) -> None:
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a").write_bytes(b"one")
    (folder / "link").symlink_to("deep/a")


def test_what_is_built_is_at_its_place_at_the_end(tmp_path: Path) -> None:
    target, place = tmp_path / "repository", tmp_path / "place"
    write(target)
    put(target, place)
    assert (place / "deep" / "a").read_bytes() == b"one"
    assert (place / "link").is_symlink()
    assert not target.exists()


def test_what_stands_at_the_place_is_not_written_over(tmp_path: Path) -> None:
    target, place = tmp_path / "repository", tmp_path / "place"
    write(target)
    place.mkdir()
    (place / "kept").write_bytes(b"theirs")
    with pytest.raises(OSError, match="not empty"):
        put(target, place)
    assert [path.name for path in place.iterdir()] == ["kept"]
    (place / "kept").unlink()
    put(target, place)
    assert (place / "deep" / "a").read_bytes() == b"one"
