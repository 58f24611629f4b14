"""A session leaves out the same entries as the comparison of a judged folder with its base."""

import os
from pathlib import Path

from agents.sessions.hand_in import applied
from domain.tree import Tree
from verification.sandbox.tree_difference import tree_difference
from verification.sandbox.workfolder import WorkFolder
from verification.working_tree.comparison import compared_with
from verification.working_tree.left_out import left_out_rule

SCOPE = ("src/**", "build/**")
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


def test_the_rule_is_that_of_a_judged_folder(tmp_path: Path) -> None:
    folder = WorkFolder({"/work": os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)})
    folder.write(BASE)
    for path in NEW:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("*")  # an ignore file that ignores everything, if it counted
    (tmp_path / "trace.log").write_text("changed")
    found = tree_difference(folder.work, BASE, left_out_rule(BASE, SCOPE))
    folder.close()
    judged = compared_with(tmp_path, BASE, SCOPE)
    assert found.left_out == judged.left_out
    assert applied(BASE, found.manifest(), found.tree) == judged.tree
    assert found.changed == ("trace.log",)
    assert {"src/b.py", "src/important.log", "build/made", "other/secret.key"} <= set(found.added)
    assert {"out/", "kept/new", "dist/", ".venv/", "src/local", "src/__pycache__/"} <= set(found.left_out)
