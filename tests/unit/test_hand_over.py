"""Differences of sessions: entries that cannot be in a tree are named and left out, and the rest can be handed over."""

import pytest

from agents.working_copies.pack import decode, encode
from agents.working_copies.tree_rules import PackRefused, check_tree, without_problems
from domain.tree import DELETED, Entry, Manifest, contents_of, digest_of, overlay

FILE = Entry(kind="file", digest=digest_of(b""))


def link(target: str) -> Entry:
    return Entry(kind="link", target=target)


BEFORE: Manifest = {"src/app.py": FILE, "data": link("src"), "Makefile": FILE}
HONEST: Manifest = {
    "src/new.py": FILE,
    "src/app.py": Entry(kind="executable", digest=digest_of(b"")),
    "run.sh": Entry(kind="executable", digest=digest_of(b"")),
    "docs/link": link("../src"),
    "Makefile": DELETED,
}


def test_an_honest_difference_is_kept_whole() -> None:
    assert without_problems(BEFORE, HONEST) == (HONEST, {})


@pytest.mark.parametrize(
    ("path", "entry", "said"),
    [
        ("venv/bin/python", link("/usr/bin/python3"), "absolute target"),
        ("out", link("../other"), "leads out of the tree"),
        ("loop", link("loop"), "leads out of the tree or into a cycle"),
        ("makefile", FILE, None),  # Makefile is deleted, so this is a rename
        ("SRC/b.py", FILE, "differ only in case"),
        ("Src", FILE, "also the folder"),
        ("src/APP.py", FILE, "differ only in case"),
        ("lib/.GIT/config", FILE, "the name .git"),
        ("a\\b", FILE, "backslash"),
        ("n" * 256, FILE, "longer than 255 bytes"),
        ("d/" * 33 + "a", FILE, "nested deeper"),
        ("data", link("."), None),
    ],
)
def test_an_entry_that_cannot_be_in_a_tree_is_named_and_the_rest_is_kept(
    path: str, entry: Entry, said: str | None
) -> None:
    kept, problems = without_problems(BEFORE, {**HONEST, path: entry})
    assert problems.keys() == ({path} if said else set())
    assert said is None or said in problems[path]
    assert kept == (HONEST if said else {**HONEST, path: entry})
    check_tree(overlay(BEFORE, kept))
    data = encode("difference", kept, dict.fromkeys(contents_of(kept).values(), b""))
    assert decode(data, digest_of(data)).manifest == kept


def test_a_link_that_makes_another_lead_out_is_left_out() -> None:
    before = {**BEFORE, "deep/up": link("../data/..")}
    check_tree(before)
    kept, problems = without_problems(before, {**HONEST, "data": link(".")})
    assert kept == HONEST
    assert problems.keys() == {"data"}
    with pytest.raises(PackRefused):
        check_tree(overlay(before, {**HONEST, "data": link(".")}))  # the control


def test_of_two_new_names_that_differ_in_case_one_is_kept() -> None:
    kept, problems = without_problems({}, {"a.py": FILE, "A.py": FILE})
    assert kept == {"A.py": FILE}
    assert problems.keys() == {"a.py"}


def test_a_file_may_become_a_folder_and_a_folder_a_file() -> None:
    difference = {"Makefile": DELETED, "Makefile/a": FILE, "src/app.py": DELETED, "src": FILE}
    assert without_problems(BEFORE, difference) == (difference, {})
