"""Reading a folder as a tree: all of it is read, or a reason is given. Error texts are safe for a terminal."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from director.cli.output import Door
from director.services.judged_source import read_tree
from domain.errors import Invalid, LimitReached
from domain.tree import Tree
from verification.tree_limits import TREE_BYTES_MAX

NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "m.py").write_bytes(b"x = 1\n")
    (tmp_path / "ä.py").write_bytes(b"")
    return tmp_path


def test_a_plain_folder_is_read_whole(folder: Path) -> None:
    assert read_tree(folder) == {"a/m.py": b"x = 1\n", "ä.py": b""}


def test_modes_and_links_are_read_and_no_link_is_followed(folder: Path) -> None:
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "latest").symlink_to("a/m.py")
    (folder / "b").symlink_to("a")
    assert read_tree(folder) == Tree(
        {"a/m.py": b"x = 1\n", "ä.py": b"", "run.sh": b"#!/bin/sh\n"},
        executable=frozenset({"run.sh"}),
        links={"latest": "a/m.py", "b": "a"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/etc/hostname", "absolute path"),
        ("../outside", "leads out of the tree"),
        ("a/../../outside", "leads out of the tree"),
        ("l", "cycle"),
    ],
)
def test_a_link_out_of_the_folder_is_named_and_not_followed(folder: Path, text: str, said: str) -> None:
    (folder / "l").symlink_to("a/m.py")
    assert read_tree(folder).links == {"l": "a/m.py"}, "control"
    (folder / "l").unlink()
    (folder / "l").symlink_to(text)
    with pytest.raises(Invalid, match=f"{folder}/l .*{said}"):
        read_tree(folder)


def test_a_special_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(Invalid, match="pipe is not a regular file"):
        read_tree(folder)


def test_a_name_that_no_manifest_can_hold_is_refused(folder: Path) -> None:
    open(os.fsencode(folder / "a") + b"/\xff.py", "wb").close()
    with pytest.raises(Invalid, match=r"\ufffd\.py has a name that is not UTF-8"):
        read_tree(folder)


def test_a_file_beyond_the_limit_is_not_read_into_memory(folder: Path) -> None:
    with open(folder / "big.bin", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(LimitReached, match=str(TREE_BYTES_MAX)):
        read_tree(folder)


def test_what_is_there_and_cannot_be_read_is_not_left_out() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        with as_plain_user():
            folder = Path(tempfile.mkdtemp(dir=name))
            (folder / "m.py").write_bytes(b"")
            (folder / "a").mkdir()
            assert read_tree(folder) == {"m.py": b""}
            for place in (folder / "a", folder / "m.py"):
                place.chmod(0)
                with pytest.raises(Invalid, match=f"{place} cannot be read: Permission denied"):
                    read_tree(folder)
                place.chmod(0o700)


@contextmanager
def as_plain_user() -> Iterator[None]:
    """Run as a plain user, because root may read every file."""
    before = os.geteuid()
    os.seteuid(NOBODY if before == 0 else before)
    try:
        yield
    finally:
        os.seteuid(before)


def test_an_error_shows_the_signs_of_strangers_as_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Door("judge", as_json=False).fail(Invalid("named by \x1b[31mred\u202e", hint="see \x07"))
    assert capsys.readouterr().err == "aura judge: named by <U+001B>[31mred<U+202E>\n  see <U+0007>\n"
