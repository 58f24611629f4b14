"""The work that a session hands in: its changes in scope, without entries that cannot be part of a tree."""

from collections.abc import Mapping

import pytest

from agents.sessions.hand_in import Handed, handed
from agents.working_copies.tree_rules import check_tree
from domain.tree import DELETED, Tree, overlay
from verification.sandbox.tree_difference import TreeDifference
from verification.source_scan.write_set import scope_findings

INITIAL = Tree(
    {
        ".gitignore": b"*.log\n/out/\nkept/\n!important.log\n",
        "Makefile": b"all:\n",
        "conftest.py": b"# of the base\n",
        "pyproject.toml": b"[project]\nname = 'x'\n",
        "kept/tracked.py": b"tracked although its folder is ignored\n",
        "src/.gitignore": b"local*\n!local.keep\n",
        "src/app.py": b"app\n",
        "src/old.py": b"old\n",
        "src/run.sh": b"#!/bin/sh\n",
        "src/app.pyc": b"tracked although it is compiled",
    },
    executable=frozenset({"src/run.sh"}),
    links={"src/link": "app.py"},
    submodules={"src/sub": "1" * 40},
)
SCOPE = ("src/**",)


def difference(
    files: Mapping[str, bytes] | None = None,
    *,
    deleted: tuple[str, ...] = (),
    links: Mapping[str, str] | None = None,
    executable: tuple[str, ...] = (),
    initial: Tree = INITIAL,
) -> TreeDifference:
    """Return the difference of a session that left these entries."""
    tree = Tree(files or {}, executable=frozenset(executable), links=links)
    known = frozenset(initial.paths())
    return TreeDifference(
        tree=tree,
        added=tuple(path for path in tree.paths() if path not in known),
        changed=tuple(path for path in tree.paths() if path in known),
        deleted=deleted,
        binary=tuple(path for path, content in tree.items() if b"\0" in content),
    )


def is_whole(work: Handed, initial: Tree = INITIAL) -> bool:
    """Return whether manifest, contents and result agree, and the result is a tree that a pack may hold."""
    check_tree(work.after.manifest())
    assert work.after.manifest() == overlay(initial.manifest(), work.manifest)
    assert work.tree.manifest() == {path: entry for path, entry in work.manifest.items() if entry != DELETED}
    assert not {*work.dropped, *work.problems} & work.manifest.keys()
    return True


def test_a_session_without_a_change_hands_in_nothing() -> None:
    work = handed(INITIAL, difference(), SCOPE)
    assert work == Handed(manifest={}, tree=Tree({}), after=INITIAL)


def test_every_kind_of_change_in_scope_is_handed_in() -> None:
    made = difference(
        {"src/app.py": b"new\n", "src/new.py": b"x\n", "src/tool": b"#!/bin/sh\n", "src/image": b"\0\1"},
        deleted=("src/old.py",),
        links={"src/other": "app.py"},
        executable=("src/tool",),
    )
    work = handed(INITIAL, made, SCOPE)
    assert work.manifest == made.manifest()
    assert {path: entry.kind for path, entry in work.manifest.items()} == {
        "src/app.py": "file",
        "src/image": "file",
        "src/new.py": "file",
        "src/old.py": "deleted",
        "src/other": "link",
        "src/tool": "executable",
    }
    assert work.binary == ("src/image",)
    assert (work.dropped, work.problems, work.influencing) == ((), {}, ())
    assert "src/old.py" not in work.after
    assert is_whole(work)


@pytest.mark.parametrize(
    ("executable", "kind"), [((), "file"), (("src/run.sh",), "executable")], ids=["taken away", "control: kept"]
)
def test_a_changed_mode_is_handed_in(executable: tuple[str, ...], kind: str) -> None:
    work = handed(INITIAL, difference({"src/run.sh": b"#!/bin/sh\n"}, executable=executable), SCOPE)
    assert work.manifest["src/run.sh"].kind == kind
    assert ("src/run.sh" in work.after.executable) is (kind == "executable")
    assert is_whole(work)


def test_a_rename_is_a_deletion_and_an_addition() -> None:
    work = handed(INITIAL, difference({"src/renamed.py": b"old\n"}, deleted=("src/old.py",)), SCOPE)
    assert work.manifest["src/old.py"] == DELETED
    assert work.after["src/renamed.py"] == INITIAL["src/old.py"]
    assert "src/old.py" not in work.after
    assert is_whole(work)


@pytest.mark.parametrize(("old", "new"), [("src/old.py", "docs/old.py"), ("Makefile", "src/Makefile")])
def test_of_a_rename_across_the_scope_only_the_part_in_scope_is_handed_in(old: str, new: str) -> None:
    work = handed(INITIAL, difference({new: INITIAL[old]}, deleted=(old,)), SCOPE)
    assert sorted([*work.manifest, *work.dropped]) == sorted([old, new])
    assert all(path.startswith("src/") for path in work.manifest)
    assert (old in work.after) is (old == "Makefile")
    assert is_whole(work)


def test_a_rename_that_changes_only_case_is_possible() -> None:
    work = handed(INITIAL, difference({"src/APP.py": b"app\n"}, deleted=("src/app.py", "src/link")), SCOPE)
    assert work.problems == {}
    assert "src/APP.py" in work.after
    assert is_whole(work)


def test_of_two_names_that_differ_only_in_case_the_new_one_is_a_problem() -> None:
    work = handed(INITIAL, difference({"src/APP.py": b"x", "src/good.py": b"x"}), SCOPE)
    assert list(work.manifest) == ["src/good.py"]
    assert "differ only in case" in work.problems["src/APP.py"]
    assert is_whole(work)


def test_a_name_that_differs_only_in_case_from_a_dropped_deletion_is_a_problem() -> None:
    scope = ("src/**", "makefile")
    work = handed(INITIAL, difference({"makefile": b"x"}, deleted=("Makefile",)), scope)
    assert work.dropped == ("Makefile",)
    assert "differ only in case" in work.problems["makefile"]
    assert is_whole(work)
    both = handed(INITIAL, difference({"makefile": b"x"}, deleted=("Makefile",)), (*scope, "Makefile"))
    assert both.problems == {}, "control: with both paths in scope it is a rename"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("src/a\\b.py", "backslash"),
        ("src/a\nb.py", "control character"),
        ("src/\x1b[31m.py", "control character"),
        ("src/.GIT/config", ".git"),
        (f"src/{'n' * 300}.py", "longer than"),
        ("src/" + "d/" * 40 + "a.py", "nested deeper"),
        ("src/" + "x" * 500, "longer than"),
        ("src/app.py/inside.py", "folder of another entry"),
        ("src/sub/inside.py", "folder of another entry"),
        ("a\\b", "backslash"),
    ],
    ids=lambda text: text[:24].encode("unicode_escape").decode(),
)
def test_a_hostile_name_is_named_and_the_rest_is_handed_in(path: str, said: str) -> None:
    work = handed(INITIAL, difference({path: b"x", "src/good.py": b"x"}), SCOPE)
    assert list(work.manifest) == ["src/good.py"]
    assert said in work.problems[path]
    assert work.dropped == ()
    assert is_whole(work)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("app.py", None),
        ("../Makefile", None),
        ("/etc/passwd", "absolute target"),
        ("../../other", "leads out of the tree"),
        ("escape", "leads out of the tree or into a cycle"),
        ("", "empty"),
        ("a\nb", "unprintable"),
    ],
)
def test_a_link_is_handed_in_only_if_it_stays_in_the_tree(target: str, said: str | None) -> None:
    work = handed(INITIAL, difference({"src/good.py": b"x"}, links={"src/escape": target}), SCOPE)
    assert "src/good.py" in work.manifest
    assert ("src/escape" in work.manifest) is (said is None)
    assert said is None or said in work.problems["src/escape"]
    assert is_whole(work)


def test_a_changed_link_with_a_problem_counts_as_unchanged() -> None:
    work = handed(INITIAL, difference(links={"src/link": "/etc/passwd"}), SCOPE)
    assert work.after == INITIAL
    assert list(work.problems) == ["src/link"]


def test_an_entry_may_change_its_kind() -> None:
    made = difference({"src/old.py/inside.py": b"x", "src/link": b"now a file"}, deleted=("src/old.py",))
    replaced = difference(links={"src/sub": "app.py"})
    assert handed(INITIAL, made, SCOPE).manifest.keys() == {"src/link", "src/old.py", "src/old.py/inside.py"}
    assert handed(INITIAL, replaced, SCOPE).after.submodules == {}
    assert is_whole(handed(INITIAL, made, SCOPE))
    assert is_whole(handed(INITIAL, replaced, SCOPE))


def test_a_folder_in_the_place_of_a_file_outside_the_scope_is_a_problem() -> None:
    work = handed(INITIAL, difference({"Makefile/x": b"x"}, deleted=("Makefile",)), ("Makefile/**",))
    assert work.dropped == ("Makefile",)
    assert "folder of another entry" in work.problems["Makefile/x"]
    assert work.after == INITIAL


@pytest.mark.parametrize(
    ("scope", "inside"),
    [
        (("src/**",), ("src/a.py", "src/deep/b.py", "src/deep/c.txt")),
        (("src/*",), ("src/a.py",)),
        (("src/**/*.py",), ("src/a.py", "src/deep/b.py")),
        (("**",), ("src/a.py", "src/deep/b.py", "src/deep/c.txt", "srcs/d.py", "top.py")),
        (("top.py", "src/deep/c.txt"), ("top.py", "src/deep/c.txt")),
        (("src/?.py",), ("src/a.py",)),
        (("SRC/**",), ()),
        ((), ()),
    ],
    ids=str,  # tuples, because the text of a set differs from process to process
)
def test_a_scope_decides_by_its_patterns(scope: tuple[str, ...], inside: tuple[str, ...]) -> None:
    paths = ("src/a.py", "src/deep/b.py", "src/deep/c.txt", "srcs/d.py", "top.py")
    work = handed(INITIAL, difference(dict.fromkeys(paths, b"x")), scope)
    assert work.manifest.keys() == set(inside)
    assert set(work.dropped) == set(paths) - set(inside)
    assert work.influencing == ()
    assert is_whole(work)


@pytest.mark.parametrize(
    ("path", "content", "influences"),
    [
        ("README.md", b"x", False),
        ("tests/test_app.py", b"x", False),
        ("docs/conftest.txt", b"x", False),
        ("setup.py", b"x", False),
        ("conftest.py", b"changed", True),
        ("tests/conftest.py", b"x", True),
        ("Tests/ConfTest.py", b"x", True),
        ("sitecustomize.py", b"x", True),
        ("lib/usercustomize.py", b"x", True),
        ("x.pth", b"import x", True),
        ("pytest.ini", b"x", True),
        ("tox.ini", b"[pytest]\naddopts = -x\n", True),
        ("tox.ini", b"[tox]\n", False),
        ("setup.cfg", b"[tool:pytest]\naddopts = -x\n", True),
        ("pyproject.toml", b"[project]\nname = 'y'\n", False),
        ("pyproject.toml", b"[tool.pytest.ini_options]\naddopts = '-x'\n", True),
        ("pytest/__init__.py", b"x", True),
        ("json.py", b"x", True),
        ("tests/json.py", b"x", False),
        ("hypothesis.py", b"x", True),
        ("x.dist-info/entry_points.txt", b"x", True),
        (".gitattributes", b"x", True),
        ("AGENTS.md", b"x", True),
    ],
)
def test_a_dropped_path_is_named_apart_only_if_it_could_influence_a_verdict(
    path: str, content: bytes, influences: bool
) -> None:
    """The rule is the one of the gate that judges a whole tree."""
    work = handed(INITIAL, difference({path: content, "src/app.py": b"new"}), SCOPE)
    assert work.dropped == (path,)
    assert work.influencing == ((path,) if influences else ())
    assert list(work.manifest) == ["src/app.py"]
    after = INITIAL.with_files({path: content})
    kinds = [finding.kind for finding in scope_findings((path,), SCOPE, after, INITIAL)]
    assert kinds == (["steering_file"] if influences else ["outside_scope"])
    in_scope = handed(INITIAL, difference({path: content}), ("**",))
    assert in_scope.influencing == (), "control: in scope, the path is work"


def test_a_deleted_or_linked_steering_file_is_named_apart_too() -> None:
    gone = handed(INITIAL, difference(deleted=("conftest.py", "Makefile")), SCOPE)
    assert gone.influencing == ("conftest.py",)
    assert gone.after == INITIAL
    assert handed(INITIAL, difference(links={"json.py": "src/app.py"}), SCOPE).influencing == ("json.py",)


def test_files_that_an_agents_program_writes_by_itself_are_no_strike() -> None:
    made = difference({".claude/settings.json": b"{}", "conftest.py": b"x"})
    assert handed(INITIAL, made, SCOPE).influencing == (".claude/settings.json", "conftest.py"), "control"
    work = handed(INITIAL, made, SCOPE, of_program=(".claude/",))
    assert work.influencing == ("conftest.py",)
    assert work.dropped == (".claude/settings.json", "conftest.py")


def test_the_history_in_the_initial_tree_is_never_part_of_the_work() -> None:
    initial = INITIAL.with_files({".git/HEAD": b"ref: refs/heads/main", ".git/objects/x": b"x"})
    work = handed(initial, difference({"src/app.py": b"new"}), SCOPE)
    assert work.after == INITIAL.with_files({"src/app.py": b"new"})


def test_what_could_not_be_read_or_was_left_out_is_passed_on() -> None:
    made = TreeDifference(tree=Tree({}), refused=("src/pipe: a pipe",), left_out=("src/__pycache__/",))
    work = handed(INITIAL, made, SCOPE)
    assert (work.refused, work.left_out) == (made.refused, made.left_out)


def test_a_copy_of_a_given_test_is_no_part_of_the_work() -> None:
    given = {"tests/test_app.py": b"new\n", "src/test_local.py": b"in scope\n", "conftest.py": b"# given\n"}
    session = difference({**given, "src/app.py": b"changed\n"})
    work = handed(INITIAL, session, SCOPE, given=given)
    assert (list(work.manifest), work.dropped, work.influencing) == (["src/app.py"], (), ())
    assert work.after["conftest.py"] == INITIAL["conftest.py"], "the given file counts as unchanged"
    assert is_whole(work)


def test_a_given_test_that_was_edited_is_dropped_and_named() -> None:
    """The control: only the given bytes count as unchanged."""
    given = {"tests/test_app.py": b"new\n", "conftest.py": b"# given\n"}
    work = handed(INITIAL, difference({"tests/test_app.py": b"easy\n", "conftest.py": b"# mine\n"}), SCOPE, given=given)
    assert work.dropped == ("conftest.py", "tests/test_app.py")
    assert work.influencing == ("conftest.py",)
