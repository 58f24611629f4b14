"""Patterns of paths: the paths that they cover, paths that no pattern covers, and whether two patterns overlap."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.requirements.scope import contains, in_scope, overlap, pattern_fault

names = st.text(alphabet="ab", min_size=1, max_size=3)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
parts = st.one_of(st.text(alphabet="ab*?", min_size=1, max_size=3).filter(lambda text: "**" not in text), st.just("**"))
patterns = st.lists(parts, min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a.py", "a.py"),
        ("a.py", "*.py"),
        ("a.py", "**"),
        ("a.py", "**/*.py"),
        ("src/deep/a.py", "**/*.py"),
        ("src/deep/a.py", "src/**"),
        ("src/a.py", "src/**/a.py"),
        ("src/x/y/a.py", "src/**/y/**"),
        (".env", "*"),
        ("abc", "a?c"),
        ("tests/.gitignore", "tests/**"),
    ],
)
def test_covered(path: str, pattern: str) -> None:
    assert in_scope(path, ("other", pattern))


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("b.py", "a.py"),
        ("a.pyc", "*.py"),
        ("src/a.py", "*.py"),
        ("src", "src/**"),
        ("srcs/a.py", "src/**"),
        ("A.py", "a.py"),
        ("abbc", "a?c"),
        ("", "**"),
        ("/a.py", "**"),
        ("../a.py", "**"),
        ("src/../a.py", "**"),
        ("./a.py", "**"),
        ("src//a.py", "**"),
        ("src/", "**"),
        ("a\\b", "**"),
        ("a\nb", "**"),
        ("a\0b", "**"),
        (".git", "**"),
        (".git/config", "**"),
        ("sub/.GIT/hooks/x", "**"),
        ("../a.py", "../**"),
        ("/etc/passwd", "/etc/**"),
        (".git/config", ".git/**"),
    ],
)
def test_not_covered(path: str, pattern: str) -> None:
    assert not in_scope(path, (pattern,))
    assert not in_scope(path, ())


@pytest.mark.parametrize(
    "pattern",
    ["", "/a", "../a", "a/../b", "a//b", "a/", ".git/x", "a**", "a/**b", "[ab]", "{a,b}", "!a", "a\\b", "x" * 121],
)
def test_faulty_patterns_say_what_to_write(pattern: str) -> None:
    fault = pattern_fault(pattern)
    assert fault is not None
    assert all(fault)
    assert pattern_fault("src/**/*.py") is None


@given(paths, patterns, patterns)
def test_two_patterns_that_cover_one_path_overlap(path: str, one: str, other: str) -> None:
    if in_scope(path, (one,)) and in_scope(path, (other,)):
        assert overlap(one, other)
    assert overlap(one, other) == overlap(other, one)


@given(paths, patterns, patterns)
def test_what_is_contained_covers_nothing_more(path: str, wide: str, narrow: str) -> None:
    if contains(wide, narrow) and in_scope(path, (narrow,)):
        assert in_scope(path, (wide,))
    assert contains(wide, wide)


@pytest.mark.parametrize(
    ("one", "other"), [("a/*.py", "a/*.txt"), ("a/**", "b/**"), ("a*", "b*"), ("*/a", "b"), ("a?", "a")]
)
def test_patterns_that_never_meet(one: str, other: str) -> None:
    assert not overlap(one, other)
    assert overlap(one, one)


def test_hostile_patterns_take_no_long_time() -> None:
    started = time.process_time()
    stars = "*a" * 59
    assert not in_scope("a" * 399, (f"{stars}b",))
    assert not overlap(f"{stars}b", f"{stars}c")
    assert not in_scope("/".join("a" * 199), ("/".join(["**", "a"] * 23) + "/b",))
    assert time.process_time() - started < 2.0
