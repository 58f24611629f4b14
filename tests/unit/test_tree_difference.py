"""The difference between a folder and its initial tree, on folders of this machine."""

import os
import socket
from pathlib import Path

import pytest

from agents.sessions.hand_in import applied
from domain.errors import LimitReached
from domain.tree import Tree, difference_between
from verification.sandbox import tree_difference as module
from verification.sandbox.tree_difference import LeavesOut, TreeDifference, tree_difference
from verification.sandbox.workfolder import WorkFolder

INITIAL = Tree(
    {"a.txt": b"a", "b/c.txt": b"c", "b/run.sh": b"#!/bin/sh\n", "image": b"\0\1"},
    executable=frozenset({"b/run.sh"}),
    links={"link": "a.txt"},
    submodules={"sub": "1" * 40},
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Return a folder with the initial tree."""
    written(tmp_path, INITIAL)
    return tmp_path


def written(folder: Path, tree: Tree) -> None:
    """Write a tree into an empty folder, as the sandbox does."""
    work = WorkFolder({"/work": os.open(folder, os.O_RDONLY | os.O_DIRECTORY)})
    work.write(tree)
    work.close()


def compared(folder: Path, leaves_out: LeavesOut = lambda *_: False, initial: Tree = INITIAL) -> TreeDifference:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return tree_difference(descriptor, initial, leaves_out)
    finally:
        os.close(descriptor)


def test_an_unchanged_folder_has_no_difference(work: Path) -> None:
    (work / "sub" / "file").write_text("of a submodule")
    (work / ".git").mkdir()
    (work / ".git" / "config").write_text("of git")
    os.utime(work / "a.txt", (0, 0))
    found = compared(work)
    assert found.manifest() == {}
    assert found == TreeDifference(tree=Tree({}))
    assert applied(INITIAL, found.manifest(), found.tree) == INITIAL


def test_the_history_in_the_initial_tree_is_not_compared(work: Path) -> None:
    initial = INITIAL.with_files({".git/HEAD": b"ref: refs/heads/main", "b/.git/config": b""})
    assert compared(work, initial=initial).manifest() == {}
    (work / "a.txt").write_text("A")
    assert compared(work, initial=initial).changed == ("a.txt",)


def test_every_kind_of_change_is_found(work: Path) -> None:
    (work / "a.txt").write_text("A")
    (work / "b/c.txt").unlink()
    (work / "b/run.sh").chmod(0o644)
    (work / "image").write_bytes(b"\0\2")
    (work / "link").unlink()
    (work / "link").symlink_to("b/run.sh")
    (work / "new").mkdir()
    (work / "new/tool").write_bytes(b"#!/bin/sh\n")
    (work / "new/tool").chmod(0o755)
    (work / "empty").mkdir()
    found = compared(work)
    assert found.added == ("new/tool",)
    assert found.changed == ("a.txt", "b/run.sh", "image", "link")
    assert found.deleted == ("b/c.txt",)
    assert found.mode_changed == ("b/run.sh",)
    assert found.binary == ("image",)
    assert found.tree.executable == {"new/tool"}
    assert found.tree.links == {"link": "b/run.sh"}
    after = applied(INITIAL, found.manifest(), found.tree)
    assert after.standing("new/tool") == ("executable", b"#!/bin/sh\n")
    assert difference_between(INITIAL.manifest(), after.manifest()) == found.manifest()


def test_the_same_size_and_time_does_not_hide_a_change(work: Path) -> None:
    before = (work / "a.txt").stat()
    (work / "a.txt").write_text("b")
    os.utime(work / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert compared(work).changed == ("a.txt",)


def test_an_entry_may_change_its_kind(work: Path) -> None:
    (work / "a.txt").unlink()
    (work / "a.txt").mkdir()
    (work / "a.txt/inside").write_text("x")
    for path in ("b/c.txt", "b/run.sh"):
        (work / path).unlink()
    (work / "b").rmdir()
    (work / "b").write_text("now a file")
    (work / "sub").rmdir()
    (work / "sub").symlink_to("b")
    found = compared(work)
    assert found.deleted == ("a.txt", "b/c.txt", "b/run.sh")
    assert found.added == ("a.txt/inside", "b")
    assert found.changed == ("sub",)
    after = applied(INITIAL, found.manifest(), found.tree)
    assert after.submodules == {}
    assert sorted(after) == ["a.txt/inside", "b", "image"]


def test_special_files_are_refused_and_named_and_never_opened(work: Path) -> None:
    (work / "a.txt").unlink()
    os.mkfifo(work / "a.txt")
    os.mkfifo(work / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(work)
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
    os.close(os.open(os.fsencode(work) + b"/\xff", os.O_CREAT | os.O_WRONLY))
    (work / "good").write_text("good")
    found = compared(work)
    assert found.added == ("good",)
    assert found.deleted == ()  # a path that cannot be read counts as unchanged
    assert set(found.refused) == {
        "a.txt: a pipe",
        "pipe: a pipe",
        "socket: a socket",
        "\\xff: its name or entry cannot be read",
    }


def test_links_are_kept_as_text_and_never_followed(work: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").write_text("secret")
    (work / "folder").symlink_to(outside)
    (work / "file").symlink_to(outside / "secret")
    assert (work / "folder/secret").read_text() == "secret"  # the control: the links do lead there
    found = compared(work)
    assert dict(found.tree) == {}
    assert set(found.tree.links) == {"file", "folder"}


def test_too_deep_and_too_large_entries_are_refused(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = work / "/".join(["d"] * 40)
    deep.mkdir(parents=True)
    (work / "long").symlink_to("x" * 500)
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 1000)
    (work / "large").write_bytes(bytes(1001))
    (work / "fits").write_bytes(bytes(1000))
    found = compared(work)
    assert found.added == ("fits",)
    assert [each.partition(":")[0].count("d/") for each in found.refused if "nested" in each] == [32]
    assert len(found.refused) == 3


def test_a_difference_above_its_limits_is_an_error(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        (work / f"n{number}").write_bytes(bytes(100))
    assert len(compared(work).added) == 6
    with monkeypatch.context() as patch:
        patch.setattr(module, "DIFFERENCE_BYTES_MAX", 599)
        with pytest.raises(LimitReached, match="599 bytes"):
            compared(work)
        patch.setattr(module, "DIFFERENCE_BYTES_MAX", 600)
        assert len(compared(work).added) == 6
    with monkeypatch.context() as patch:
        patch.setattr(module, "ENTRIES_MAX", 10)
        with pytest.raises(LimitReached, match="more than 10 entries"):
            compared(work)
    monkeypatch.setattr(module, "REFUSED_MAX", 2)
    for number in range(3):
        os.mkfifo(work / f"p{number}")
    with pytest.raises(LimitReached, match="cannot be part of a tree"):
        compared(work)


def test_entries_may_be_left_out_but_never_those_of_the_initial_tree(work: Path) -> None:
    (work / "a.txt").write_text("changed")
    (work / "cache").mkdir()
    (work / "cache/x").write_text("x")
    (work / "x.pyc").write_text("x")
    found = compared(work, lambda path, _: path in ("cache", "x.pyc", "a.txt", "b"))
    assert found.changed == ("a.txt",)
    assert found.added == ()
    assert found.deleted == ()
    assert found.left_out == ("cache/", "x.pyc")
