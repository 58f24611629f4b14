"""The new entries that a session leaves out: ignored files, caches and leftovers, as in a judged folder."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from agents.sessions.hand_in import applied, handed
from domain.tree import Tree
from tests.unit.test_session_hand_in import INITIAL, SCOPE
from tests.unit.test_tree_difference import compared, written
from verification.sandbox.tree_difference import TreeDifference
from verification.working_tree.comparison import compared_with
from verification.working_tree.left_out import left_out_rule

JUDGED_SCOPE = ("src/**", "build/**")
BASE = Tree(
    {
        ".gitignore": b"*.log\n/out/\nkept/\n!important.log\n",
        "src/a.py": b"a",
        "src/.gitignore": b"local\n",
        "kept/tracked": b"tracked although its folder is ignored",
        "trace.log": b"tracked although it is ignored",
    }
)
NEW = (
    "src/b.py",
    "src/local",
    "src/deep/local",
    "src/__pycache__/a.pyc",
    "src/debug.log",
    "src/important.log",
    "out/binary",
    "src/out/file",
    "kept/new",
    "kept/deep/new",
    "build/made",
    "dist/made",
    ".venv/bin/python",
    "notes.txt",
    "other/.gitignore",
    "other/secret.key",
)


def add(folder: Path, paths: Iterable[str]) -> None:
    """Write new entries. An ignore file among them would ignore everything, if it counted."""
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("*\n")


def test_the_rule_is_that_of_a_judged_folder(tmp_path: Path) -> None:
    written(tmp_path, BASE)
    add(tmp_path, NEW)
    (tmp_path / "trace.log").write_text("changed")
    found = compared(tmp_path, left_out_rule(BASE, JUDGED_SCOPE), BASE)
    judged = compared_with(tmp_path, BASE, JUDGED_SCOPE)
    assert found.left_out == judged.left_out
    assert applied(BASE, found.manifest(), found.tree) == judged.tree
    assert found.changed == ("trace.log",)
    assert {"src/b.py", "src/important.log", "build/made", "other/secret.key"} <= set(found.added)
    assert {"out/", "kept/new", "dist/", ".venv/", "src/local", "src/__pycache__/"} <= set(found.left_out)


ENTRIES = {
    "src/__pycache__/app.cpython-311.pyc": "caches",
    "src/pkg/.mypy_cache/x": "caches",
    ".pytest_cache/v/x": "caches",
    ".ruff_cache/x": "caches",
    "src/.hypothesis/x": "caches",
    ".coverage": "caches",
    "src/x.egg-info/PKG-INFO": "caches",
    ".venv/bin/python": "caches",
    "src/node_modules/left/index.js": "caches",
    "src/loose.pyc": "caches",
    "src/app.py.orig": "leftovers",
    "src/app.py.rej": "leftovers",
    "src/.app.py.swp": "leftovers",
    "src/app.py~": "leftovers",
    "src/.DS_Store": "leftovers",
    "src/debug.log": "ignored by the root's file",
    "out/made": "ignored by the root's file",
    "kept/new.py": "in an ignored folder that has a tracked file",
    "src/local.txt": "ignored by a nested file",
    "src/deep/local": "ignored by a nested file",
    "src/important.log": "",  # negated by the root's file
    "src/local.keep": "",  # negated by the nested file
    "local.txt": "",  # the nested file counts only in its folder
    "src/out/file": "",  # the pattern with a slash counts only at the root
    "src/own/.gitignore": "",
    "src/own/secret.key": "",  # only an ignore file that the session wrote ignores it
    "src/cache.py": "",
    "src/original.py": "",
    ".agent/session.json": "by its program",
}
"""Path of a new entry -> why it is left out. Empty: it is a change."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the initial tree and with the entries of ENTRIES."""
    written(tmp_path, INITIAL)
    add(tmp_path, ENTRIES)
    return tmp_path


def read(folder: Path, extra: tuple[str, ...] = (".agent/",)) -> TreeDifference:
    return compared(folder, left_out_rule(INITIAL, SCOPE, extra), INITIAL)


def test_new_entries_that_are_never_work_are_left_out_and_named(folder: Path) -> None:
    found = read(folder)
    covered = {path for path in ENTRIES if any(path == each or path.startswith(each) for each in found.left_out)}
    assert covered == {path for path, reason in ENTRIES.items() if reason}
    assert set(found.added) == ENTRIES.keys() - covered


def test_entries_of_the_initial_tree_are_never_left_out(folder: Path) -> None:
    changed = ("kept/tracked.py", "src/app.pyc", "src/.gitignore")
    for path in changed:
        (folder / path).write_text("changed")
    (folder / "src/.gitignore").write_text("*\n")  # from now on the session ignores everything
    found = read(folder)
    assert set(found.changed) == set(changed)
    assert "src/cache.py" in found.added
    work = handed(INITIAL, found, SCOPE)
    assert {"src/app.pyc", "src/.gitignore", "src/cache.py"} <= work.manifest.keys()
    assert "kept/tracked.py" in work.dropped


def test_without_patterns_of_a_program_its_files_are_changes(folder: Path) -> None:
    assert ".agent/session.json" in read(folder, ()).added, "control"
    assert ".agent/" in read(folder).left_out
