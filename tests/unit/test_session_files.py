"""Reading, writing and deleting files of a session's box from outside, on folders of this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Invalid, NotFound
from verification.sandbox.session_files import delete_file, read_file, write_file


@pytest.fixture
def held(tmp_path: Path) -> Iterator[int]:
    """Yield the descriptor of a folder with a file, a folder, and links that lead out of it."""
    (tmp_path / "outside").write_text("secret")
    work = tmp_path / "work"
    (work / "a").mkdir(parents=True)
    (work / "a/file").write_text("content")
    (work / "a/tool").write_text("#!/bin/sh\n")
    (work / "a/tool").chmod(0o755)
    (work / "link").symlink_to(tmp_path / "outside")
    (work / "up").symlink_to(tmp_path)
    os.mkfifo(work / "pipe")
    descriptor = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def test_a_file_is_read_whole_or_in_part(held: int) -> None:
    whole = read_file(held, "a/file", offset=0, bytes_max=100)
    assert (whole.content, whole.size) == (b"content", 7)
    part = read_file(held, "a/file", offset=3, bytes_max=2)
    assert (part.content, part.size) == (b"te", 7)


@pytest.mark.parametrize(
    "path", ["link", "up/outside", "a", "pipe", "../outside", "/etc/passwd", "a//file", "", "a/\0"]
)
def test_no_link_no_special_file_and_nothing_outside_is_read(held: int, path: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_file(held, path, offset=0, bytes_max=100)
    assert refused.value.hint
    assert read_file(held, "a/file", offset=0, bytes_max=100).content  # the control


@pytest.mark.parametrize("path", ["none", "a/none", "none/none"])
def test_a_missing_file_is_not_found(held: int, path: str) -> None:
    with pytest.raises(NotFound):
        read_file(held, path, offset=0, bytes_max=1)
    with pytest.raises(NotFound):
        delete_file(held, path)


def test_a_file_is_written_and_keeps_its_mode(held: int, tmp_path: Path) -> None:
    write_file(held, "new/deep/file", b"\0", executable=None)
    write_file(held, "a/tool", b"new", executable=None)
    write_file(held, "a/file", b"run", executable=True)
    work = tmp_path / "work"
    assert (work / "new/deep/file").read_bytes() == b"\0"
    assert (work / "new/deep/file").stat().st_mode & 0o777 == 0o644
    assert ((work / "a/tool").read_bytes(), (work / "a/tool").stat().st_mode & 0o777) == (b"new", 0o755)
    assert (work / "a/file").stat().st_mode & 0o777 == 0o755
    assert sorted(os.listdir(work / "a")) == ["file", "tool"]


def test_a_link_is_replaced_and_its_target_stays(held: int, tmp_path: Path) -> None:
    write_file(held, "link", b"mine", executable=None)
    assert (tmp_path / "outside").read_text() == "secret"
    assert not (tmp_path / "work/link").is_symlink()
    os.link(tmp_path / "outside", tmp_path / "work/hard")
    write_file(held, "hard", b"mine", executable=None)
    assert (tmp_path / "outside").read_text() == "secret"


@pytest.mark.parametrize("path", ["up/outside", "up/new", "a", "a/file/below", "../new", "link/below"])
def test_nothing_is_written_through_a_link_or_outside(held: int, tmp_path: Path, path: str) -> None:
    with pytest.raises(Invalid):
        write_file(held, path, b"x", executable=None)
    assert sorted(os.listdir(tmp_path)) == ["outside", "work"]
    assert (tmp_path / "outside").read_text() == "secret"


def test_a_file_a_link_and_an_empty_folder_are_deleted(held: int, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be deleted") as refused:
        delete_file(held, "a")
    assert refused.value.hint == "Delete the files in the folder first."
    for path in ("a/file", "a/tool", "a", "link", "up", "pipe"):
        delete_file(held, path)
    assert os.listdir(tmp_path / "work") == []
    assert (tmp_path / "outside").read_text() == "secret"
