"""A three-way merge: changes that do not touch are merged, and all other changes are a conflict, never a guess."""

import subprocess
import tempfile
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.delivery.rebase import rebased
from agents.delivery.three_way import MERGED_BYTES_MAX, merged
from domain.tree import DELETED, Entry, Tree, digest_of
from tests.unit.repositories import needs_git

BASE = b"a\nb\nc\nd\ne\n"
texts = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n"]), max_size=6).map(b"".join)
T1, T2 = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("ours", "theirs", "both"),
    [
        (b"A\nb\nc\nd\ne\n", b"a\nb\nc\nd\nE\n", b"A\nb\nc\nd\nE\n"),
        (b"a\nb\nc\nd\ne\nf\n", b"0\na\nb\nc\nd\ne\n", b"0\na\nb\nc\nd\ne\nf\n"),
        (b"a\nc\nd\ne\n", b"a\nb\nc\ne\n", b"a\nc\ne\n"),
        (BASE, b"x\n", b"x\n"),
        (b"x\n", b"x\n", b"x\n"),
    ],
)
def test_changes_that_do_not_touch_are_merged(ours: bytes, theirs: bytes, both: bytes) -> None:
    assert merged(BASE, ours, theirs) == merged(BASE, theirs, ours) == both


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (b"A\nb\nc\nd\ne\n", b"X\nb\nc\nd\ne\n"),
        (b"a\nb\nc\nd\ne\nf\n", b"a\nb\nc\nd\ne\ng\n"),
        (b"a\nb\nc\nd\ne\nf", b"a\nb\nc\nd\ne\nf\n"),
        (b"\0", b"a\n"),
        (BASE + b"x" * MERGED_BYTES_MAX, b"A\n" + BASE),
    ],
)
def test_all_else_is_a_conflict(ours: bytes, theirs: bytes) -> None:
    assert merged(BASE, ours, theirs) is None


@given(texts, texts)
def test_a_change_of_one_side_is_taken_whole(base: bytes, other: bytes) -> None:
    assert merged(base, base, other) == merged(base, other, base) == merged(base, other, other) == other


@needs_git
@settings(max_examples=25, deadline=None)
@given(texts, texts, texts)
def test_git_gives_the_same_where_both_find_no_conflict(base: bytes, ours: bytes, theirs: bytes) -> None:
    both = merged(base, ours, theirs)
    with_git = _by_git(base, ours, theirs)
    if both is not None and with_git is not None:
        assert sorted(both.splitlines()) == sorted(with_git.splitlines())


def _by_git(base: bytes, ours: bytes, theirs: bytes) -> bytes | None:
    with tempfile.TemporaryDirectory() as place:
        for name, content in (("base", base), ("ours", ours), ("theirs", theirs)):
            (Path(place) / name).write_bytes(content)
        done = subprocess.run(
            ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=place, capture_output=True, check=False
        )
    return done.stdout if done.returncode == 0 else None


def entry(content: bytes, kind: str = "file") -> Entry:
    return Entry(kind=kind, digest=digest_of(content))  # type: ignore[arg-type]  # a kind of a file


def test_work_is_laid_over_a_base_that_has_moved() -> None:
    before = Tree({"a.py": BASE, "b.py": b"b\n", "gone.py": b"g\n", "run.sh": b"r\n"}, links={"l": "a.py"})
    now = Tree(
        {"a.py": b"0\n" + BASE, "b.py": b"B\n", "c.py": b"", "gone.py": b"g\n", "run.sh": b"r\n"},
        executable=frozenset({"run.sh"}),
        links={"l": "b.py"},
    )
    ours, other = BASE + b"f\n", b"other\n"
    contents = {digest_of(content): content for content in (ours, other, b"R\n", b"new\n")}
    work = {
        T1: {"a.py": entry(ours), "gone.py": DELETED, "new.py": entry(b"new\n"), "run.sh": entry(b"R\n")},
        T2: {"b.py": entry(other), "l": Entry(kind="link", target="c.py")},
    }
    found = rebased(before, now, work, contents)
    assert found.conflicts == {T2: ("b.py", "l")}
    assert found.files == {T1: {"a.py": entry(b"0\n" + ours), "run.sh": entry(b"R\n", "executable")}}
    assert set(found.contents) == {b"0\n" + ours, b"R\n"}
    assert found.nothing_left is False


def test_a_base_that_has_the_work_already_leaves_nothing() -> None:
    before, now = Tree({"a.py": b"a\n", "b.py": b""}), Tree({"a.py": b"A\n"})
    work = {T1: {"a.py": entry(b"A\n"), "b.py": DELETED}}
    assert rebased(before, now, work, {digest_of(b"A\n"): b"A\n"}).nothing_left is True
    assert rebased(before, before, work, {digest_of(b"A\n"): b"A\n"}).nothing_left is False, "control"


@pytest.mark.parametrize(
    ("path", "there"),
    [("a/b.py", Tree({"a": b""})), ("a", Tree({"a/b.py": b""})), ("a/b.py", Tree({}, links={"a": "c"}))],
)
def test_a_file_in_the_place_of_a_folder_is_a_conflict(path: str, there: Tree) -> None:
    work, contents = {T1: {path: entry(b"x")}}, {digest_of(b"x"): b"x"}
    assert rebased(Tree({}), there, work, contents).conflicts == {T1: (path,)}
    assert rebased(Tree({}), Tree({"c": b""}), work, contents).conflicts == {}, "control"
