"""Edits of files that the prompt showed: diffs, search-and-replace blocks, patches, deletions, renames."""

import json
from typing import Any

import pytest

from agents.briefs.brief import Brief, PreviousAnswer
from agents.employees.answer_reader.reader import read_answer
from agents.employees.answer_reader.result import CANNOT, ParsedAnswer
from tests.unit.answers import FENCE, brief, fenced

BASE = "import os\n\n\ndef one():\n    return 1\n\n\ndef two():\n    return 1\n\n\ndef three():\n    return 3\n"
FIXED = BASE.replace("def two():\n    return 1", "def two():\n    return 2")
SCOPE = ("calc.py", "lib/**")
SEARCH = "<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n"
TWO = SEARCH.format("def two():\n    return 1\n", "def two():\n    return 2\n")
HUNK = "@@ -8,2 +8,2 @@\n def two():\n-    return 1\n+    return 2\n"
PATCH = (
    "*** Begin Patch\n*** Update File: calc.py\n@@ def two\n def two():\n-    return 1\n+    return 2\n*** End Patch\n"
)
GIT = "diff --git a/calc.py b/calc.py\nindex 1..2 100644\n"
HEAD = "--- a/calc.py\n+++ b/calc.py\n"
NUMBERED = TWO.replace("SEARCH\n", "SEARCH\n:start_line:8\n-------\n")
OLD, NEW = "def two():\n    return 1", "def two():\n    return 2"


def shown(base: str = BASE, **more: Any) -> Brief:
    """Return a brief that shows calc.py and lib/old.py."""
    files = {"calc.py": base, "lib/old.py": "x = 1\n"}
    return brief(*SCOPE, base_files=files, listing=(*files, "README.md"), **more)


def texts(read: ParsedAnswer) -> dict[str, str]:
    return {path: content.decode() for path, content in read.files.items()}


@pytest.mark.parametrize(
    "text",
    [
        f"calc.py\n{TWO}",
        f"calc.py\n{fenced(TWO)}",
        fenced(f"calc.py\n{TWO}", ""),
        fenced(TWO, "python path=calc.py"),
        f"<file path='calc.py'>\n{TWO}</file>",
        f"<replace_in_file>\n<path>calc.py</path>\n<diff>\n{TWO}</diff>\n</replace_in_file>",
        f"calc.py\n{TWO.replace('<<<<<<< SEARCH', '------- SEARCH').replace('>>>>>>> REPLACE', '+++++++ REPLACE')}",
        f"calc.py\n{NUMBERED}",
        fenced(f"--- a/calc.py\n+++ b/calc.py\n{HUNK}", "diff"),
        f"--- a/calc.py\n+++ b/calc.py\n{HUNK}",
        f"Here is the fix:\n\n{GIT}--- a/calc.py\n+++ b/calc.py\n{HUNK}\nThat is all.\n",
        fenced(f"--- calc.py\n+++ calc.py\n{HUNK.replace('-8,2 +8,2', '-80,9 +81,7')}", "diff"),
        fenced(f"--- a/calc.py\n+++ b/calc.py\n{HUNK.replace('@@ -8,2 +8,2 @@', '@@ ... @@')}", "patch"),
        fenced(HUNK, "diff path=calc.py"),
        f"From 1 Mon Sep 17\nSubject: [PATCH] x\n\n---\n calc.py | 2 +-\n\n{GIT}{HEAD}{HUNK}-- \n2.40.1\n",
        PATCH,
        fenced(PATCH, ""),
        json.dumps({"path": "calc.py", "old_string": OLD, "new_string": NEW}),
        json.dumps(
            {"name": "edit", "arguments": {"file_path": "calc.py", "edits": [{"old_text": OLD, "new_text": NEW}]}}
        ),
        f"<str_replace>\n<path>calc.py</path>\n<old_str>{OLD}</old_str>\n<new_str>{NEW}</new_str>\n</str_replace>",
        f"The code now:\n\n{fenced(BASE)}\nThe change:\n{fenced(HEAD + HUNK, 'diff')}",
        fenced(FIXED, "python path=calc.py"),
    ],
)
def test_an_edit_in_any_form_is_applied(text: str) -> None:
    assert texts(read_answer(text, shown())) == {"calc.py": FIXED}


def test_several_edits_of_several_files() -> None:
    first, second = SEARCH.format("import os\n", "import sys\n"), SEARCH.format("x = 1\n", "x = 2\n")
    read = read_answer(f"calc.py\n{TWO}\n{first}\nlib/old.py\n{second}", shown())
    assert texts(read) == {"calc.py": FIXED.replace("import os", "import sys"), "lib/old.py": "x = 2\n"}


def test_what_an_edit_does_not_touch_stays_as_it_is() -> None:
    odd = "\ufeffimport os\r\n\x0c\r\ndef one():\r\n    return 1\r\n\n\u2028\r\nlast"
    text = f"calc.py\n{SEARCH.format('    return 1' + chr(10), '    return 2' + chr(10))}"
    assert texts(read_answer(text, shown(odd))) == {"calc.py": odd.replace("return 1", "return 2")}


def test_a_whole_file_keeps_the_line_ends_of_its_former_version() -> None:
    read = read_answer(fenced(FIXED, "python path=calc.py"), shown(BASE.replace("\n", "\r\n")))
    assert texts(read) == {"calc.py": FIXED.replace("\n", "\r\n")}


def test_an_edit_with_another_indentation_is_moved_to_that_of_the_file() -> None:
    text = f"calc.py\n{SEARCH.format('return 3' + chr(10), 'return 4' + chr(10))}"
    assert texts(read_answer(text, shown())) == {"calc.py": BASE.replace("return 3", "return 4")}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"calc.py\n{SEARCH.format('    return 1' + chr(10), '    return 2' + chr(10))}", "2 times"),
        (f"calc.py\n{SEARCH.format('return 7' + chr(10), 'return 2' + chr(10))}", "not in the file"),
        (f"calc.py\n{SEARCH.format('', 'x = 1' + chr(10))}", "does not say which lines it replaces"),
        (f"lib/new.py\n{SEARCH.format('x = 1' + chr(10), 'x = 2' + chr(10))}", "there is no such file"),
        (fenced(f"--- a/calc.py\n+++ b/calc.py\n{HUNK.replace('two', 'four')}", "diff"), "not in the file"),
        ("calc.py\n<<<<<<< SEARCH\nimport os\n=======\n", "not complete"),
        ("DELETE: lib/none.py", "there is no such file"),
        ("RENAME: calc.py -> elsewhere.py", "outside the scope"),
    ],
)
def test_an_edit_that_does_not_apply_at_one_place_is_a_reason(text: str, reason: str) -> None:
    read = read_answer(text, shown())
    assert (dict(read.files), read.deleted) == ({}, ())
    assert reason in " ".join(read.not_understood)


def test_one_edit_that_does_not_apply_leaves_nothing_to_hand_in() -> None:
    """The control beside it: without the bad edit the good one is applied."""
    bad = f"lib/old.py\n{SEARCH.format('y = 1' + chr(10), 'y = 2' + chr(10))}"
    assert not read_answer(f"calc.py\n{TWO}\n{bad}", shown()).changes
    assert texts(read_answer(f"calc.py\n{TWO}", shown())) == {"calc.py": FIXED}


def test_the_line_of_a_hunk_decides_between_two_places() -> None:
    hunk = "@@ -9,1 +9,1 @@\n-    return 1\n+    return 2\n"
    assert texts(read_answer(fenced(f"--- a/calc.py\n+++ b/calc.py\n{hunk}", "diff"), shown())) == {"calc.py": FIXED}


def test_a_file_of_which_a_part_was_shown_can_be_edited_and_not_replaced() -> None:
    partial = frozenset({"calc.py"})
    whole = read_answer(fenced(FIXED, "python path=calc.py"), shown(), partial=partial)
    assert not whole.changes
    assert "was not shown whole" in whole.not_understood[0]
    assert texts(read_answer(f"calc.py\n{TWO}", shown(), partial=partial)) == {"calc.py": FIXED}
    assert texts(read_answer(fenced(FIXED, "python path=calc.py"), shown())) == {"calc.py": FIXED}


def test_a_file_that_was_not_shown_is_not_replaced() -> None:
    unseen = shown(not_shown={"lib/big.bin": "it is not text"})
    read = read_answer(fenced("x\n", "text path=lib/big.bin"), unseen)
    assert (read.changes, read.not_understood) == (
        False,
        ("lib/big.bin was not shown, so it cannot be replaced: it is not text.",),
    )


@pytest.mark.parametrize(
    "line", ["# ... rest of the code unchanged ...", "# existing code here", "    # ... other methods"]
)
def test_a_file_with_a_placeholder_for_its_rest_is_a_reason(line: str) -> None:
    read = read_answer(fenced(f"def two():\n    return 2\n{line}\n", "python path=calc.py"), shown())
    assert not read.changes
    assert "leaves out a part" in read.not_understood[0]


def test_a_function_alone_does_not_take_the_place_of_a_file_with_others() -> None:
    """Unless the requirement names what is gone; and a whole file is a whole file."""
    function = fenced("def two():\n    return 2\n", "python path=calc.py")
    read = read_answer(function, shown())
    assert not read.changes
    assert "leaves out one, three" in read.not_understood[0]
    asked = Brief(
        title="t", prose="Remove `one` and `three`.", task="T", criteria=(), paths=SCOPE, base_files={"calc.py": BASE}
    )
    assert read_answer(function, asked).changes
    assert read_answer(fenced(FIXED, "python path=calc.py"), shown()).changes


def test_of_two_edits_of_the_same_lines_the_draft_is_left_out() -> None:
    draft = f"{HEAD}{HUNK.replace('return 2', 'return 5')}"
    text = f"{fenced(draft, 'diff')}\nWait, that is wrong. Corrected:\n\n{fenced(HEAD + HUNK, 'diff')}"
    assert texts(read_answer(text, shown())) == {"calc.py": FIXED}
    again = f"{fenced(draft, 'diff')}\nand\n\n{fenced(HEAD + HUNK, 'diff')}"
    assert not read_answer(again, shown()).changes, "nothing says which of the two counts"


@pytest.mark.parametrize(
    "text",
    [
        "DELETE: lib/old.py",
        "**DELETE:** `lib/old.py`",
        "- REMOVE FILE: lib/old.py",
        fenced("--- a/lib/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-x = 1\n", "diff"),
        "diff --git a/lib/old.py b/lib/old.py\ndeleted file mode 100644\nindex 1..0\n",
        "*** Begin Patch\n*** Delete File: lib/old.py\n*** End Patch\n",
        fenced("git rm lib/old.py\n", "bash"),
        json.dumps({"files": {"lib/old.py": None}}),
        json.dumps({"deleted": ["lib/old.py"]}),
        "<delete_file>\n<path>lib/old.py</path>\n</delete_file>",
    ],
)
def test_a_deletion_in_any_form(text: str) -> None:
    read = read_answer(text, shown())
    assert (dict(read.files), read.deleted, read.not_understood) == ({}, ("lib/old.py",), ())


RENAMED = "diff --git a/lib/old.py b/lib/new.py\nsimilarity index 50%\nrename from lib/old.py\nrename to lib/new.py\n"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("RENAME: lib/old.py -> lib/new.py", "x = 1\n"),
        ("MOVE: `lib/old.py` to `lib/new.py`", "x = 1\n"),
        (
            f"RENAME: lib/old.py -> lib/new.py\n\nlib/new.py\n{SEARCH.format('x = 1' + chr(10), 'x = 2' + chr(10))}",
            "x = 2\n",
        ),
        (f"RENAME: lib/old.py -> lib/new.py\n{fenced('x = 3' + chr(10), 'python path=lib/new.py')}", "x = 3\n"),
        (RENAMED, "x = 1\n"),
        (f"{RENAMED}--- a/lib/old.py\n+++ b/lib/new.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n", "x = 2\n"),
        (fenced("git mv lib/old.py lib/new.py\n", "bash"), "x = 1\n"),
    ],
)
def test_a_rename_is_a_deletion_and_a_file(text: str, content: str) -> None:
    read = read_answer(text, shown())
    assert (texts(read), read.deleted) == ({"lib/new.py": content}, ("lib/old.py",))


def test_an_edit_of_the_previous_answer_keeps_its_other_files() -> None:
    previous = PreviousAnswer(text="…", files={"calc.py": BASE.replace("3", "4"), "lib/more.py": "y = 1\n"})
    text = f"calc.py\n{SEARCH.format('    return 4' + chr(10), '    return 5' + chr(10))}"
    read = read_answer(text, shown(previous=previous))
    assert texts(read) == {"calc.py": BASE.replace("3", "5"), "lib/more.py": "y = 1\n"}


def test_an_edit_of_the_base_alone_begins_anew() -> None:
    """What was edited is not in the previous answer's version, so the edit is of the base."""
    previous = PreviousAnswer(text="…", files={"calc.py": "z = 1\n", "lib/more.py": "y = 1\n"})
    assert texts(read_answer(f"calc.py\n{TWO}", shown(previous=previous))) == {"calc.py": FIXED}


def test_a_path_of_the_project_that_is_out_of_scope_is_dropped_and_no_other_one_is_meant() -> None:
    read = read_answer(fenced("x\n", "markdown path=README.md") + f"\ncalc.py\n{TWO}", shown())
    assert (list(read.files), read.dropped) == (["calc.py"], ("README.md",))


def test_a_path_is_matched_with_the_files_that_are_there() -> None:
    deep = brief("src/**", base_files={"src/pkg/mod.py": "x = 1\n"}, listing=("src/pkg/mod.py", "README.md"))
    for path in ("/home/me/work/src/pkg/mod.py", "./src/pkg/mod.py", "b/src/pkg/mod.py", "pkg/mod.py", "mod.py"):
        assert texts(read_answer(fenced("x = 2\n", f"python path={path}"), deep)) == {"src/pkg/mod.py": "x = 2\n"}, path


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", ".git/config", "calc.py/../../x", "a" * 500])
def test_no_path_leads_out_of_the_scope(path: str) -> None:
    read = read_answer(fenced("x\n", f"text path={path}"), shown())
    assert not read.changes


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{CANNOT} it needs the network", "it needs the network"),
        (f"<think>\nhm\n</think>\n\n{CANNOT} it needs\n the network \n", "it needs the network"),
        (f"**{CANNOT}** it needs the network", "it needs the network"),
        (f"**{CANNOT} it needs the network**", "it needs the network"),
        (f"I looked at it.\n\n{CANNOT} it needs the network", "it needs the network"),
        (CANNOT, "no reason was given"),
        (f"{CANNOT} {'x' * 999}", "x" * 500),
        (f"{CANNOT} it is hard\n{FENCE}python path=calc.py\nx = 1\n{FENCE}", ""),
        (f"I think {CANNOT} be", ""),
        ("", ""),
        ("no code here", ""),
    ],
)
def test_an_answer_may_say_that_it_cannot_be_done(text: str, reason: str) -> None:
    """With code it is a claim, and judged as one."""
    assert read_answer(text, shown()).declined == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("I do not know.", "holds no code block"),
        (fenced("x = 1\n") + fenced("y = 1\n"), "Begin each block with its path"),
        (fenced("x = 1\n", "python path=other.py"), "Only files outside the scope were given: other.py"),
        ("x" * 500_001, "500001 characters, more than 500000"),
        ("x\n" * 12_001, "12001 lines, more than 12000"),
        ("```\n```\n" * 501, "1002 fences, more than 1000"),
    ],
)
def test_an_answer_without_a_change_says_why(text: str, reason: str) -> None:
    read = read_answer(text, brief("calc.py", "lib/a.py"))
    assert not read.changes
    assert reason in read.not_understood[0]


def test_a_block_that_was_cut_off_does_not_count() -> None:
    cut = f"{fenced('x = 1' + chr(10), 'python path=lib/a.py')}{FENCE}python path=calc.py\ndef f("
    assert list(read_answer(cut, shown(), complete=False).files) == ["lib/a.py"]
    assert list(read_answer(cut, shown()).files) == ["lib/a.py", "calc.py"]


MARK = "\\ No newline at end of file\n"


@pytest.mark.parametrize(
    ("base", "hunk", "result"),
    [
        ("a\nb", f"@@ -1,2 +1,2 @@\n a\n-b\n{MARK}+c\n", "a\nc\n"),
        ("a\nb\n", f"@@ -1,2 +1,2 @@\n a\n-b\n+c\n{MARK}", "a\nc"),
        ("a\nb", f"@@ -1,2 +1,2 @@\n a\n-b\n{MARK}+c\n{MARK}", "a\nc"),
        ("a\nb", f"@@ -1,2 +1,2 @@\n-a\n+c\n b\n{MARK}", "c\nb"),
        ("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n", "a\nc"),
        ("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n", "a\nc\n"),
    ],
)
def test_a_diff_says_whether_a_file_ends_with_a_line_end(base: str, hunk: str, result: str) -> None:
    assert texts(read_answer(fenced(HEAD + hunk, "diff"), shown(base))) == {"calc.py": result}


@pytest.mark.parametrize(("mark", "result"), [("", "a = 1\n"), (MARK, "a = 1")])
def test_a_new_file_in_a_diff_ends_as_the_diff_says(mark: str, result: str) -> None:
    new = f"--- /dev/null\n+++ b/lib/new.py\n@@ -0,0 +1 @@\n+a = 1\n{mark}"
    assert texts(read_answer(fenced(new, "diff"), shown())) == {"lib/new.py": result}
