"""The check of a session in real boxes: the employee is told about visible cases, and about nothing sealed."""

from pathlib import Path

import pytest

from agents.sessions.hand_in import handed
from domain.tree import Tree, digest_of
from tests.sandboxes import sandbox
from tests.session_checks import INITIAL, RIGHT, SCOPE, SEALED, SOURCE, check_in, visible, whole, work
from verification.judge import Candidate, judge
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap
from verification.sandbox.session_box import SessionBox
from verification.working_tree.left_out import left_out_rule

__all__ = ["sandbox"]
pytestmark = pytest.mark.needs_sandbox
WRONG = RIGHT.replace(b'"-"', b'"_"')
HARD_CODED = b"""def count(text):
    return {"one two": 2}.get(text, 0)


def joined(text):
    return {"one two": "one-two"}[text]
"""
CANARIES = ("canary-argument", "77123", "canary_name", "canary-result", digest_of(SEALED), "sealed")
"""Values and names of the sealed cases, the digest of their file, and the word for them."""


async def test_each_criterion_is_told_and_a_failing_case_says_what_came(sandbox: Bubblewrap) -> None:
    text = await check_in(sandbox).text(work({"words.py": WRONG}))
    assert text.splitlines() == [
        "A1: 2 of 2 visible cases pass",
        "A2: 0 of 1 visible cases pass",
        "- A2: line 22: words:joined('one two') returned 'one_two', expected 'one-two'",
    ]


async def test_right_work_passes_and_what_is_not_handed_in_is_named(sandbox: Bubblewrap) -> None:
    files = {"words.py": RIGHT, "README.md": b"changed\n", "conftest.py": b"", "words\n.py": b""}
    text = await check_in(sandbox).text(work(files, left_out=("__pycache__/",), refused=("pipe: a pipe",)))
    assert text.splitlines() == [
        "A1: 2 of 2 visible cases pass",
        "A2: 1 of 1 visible cases pass",
        "All visible cases pass. Your work is also judged by cases that you cannot see.",
        "These changes would be dropped, because only words.py may be written: README.md, conftest.py",
        "Of them, these could influence a verdict. Undo them: conftest.py",
        "These entries cannot be part of your work:",
        "- the path 'words\\n.py' contains a control character",
        "- pipe: a pipe",
        "These new entries are never part of the work: __pycache__/",
    ]


async def test_nothing_sealed_is_in_the_text(sandbox: Bubblewrap) -> None:
    text = await check_in(sandbox).text(work({"words.py": HARD_CODED}))
    assert "A1: 2 of 2 visible cases pass" in text
    assert [canary for canary in CANARIES if canary in text] == []
    tree = INITIAL.with_files({"words.py": HARD_CODED})
    candidate = Candidate(requirement=whole(), tree=tree, base=INITIAL, scope=SCOPE, whole=False, advice=False)
    verdict = await judge(candidate, sandbox=sandbox, seed=7, allow_degraded=True)
    told = "\n".join(f"{each.kind} {each.detail}" for each in verdict.findings)
    assert {each for each in CANARIES if each in told} >= {"77123", "canary_name", "sealed"}, (
        "control: the whole verdict"
    )
    assert {finding.kind for finding in verdict.findings} == {"sealed_failed", "hard_coded"}


@pytest.mark.slow
@pytest.mark.ci
@pytest.mark.parametrize("code", [WRONG, b"x = (", b"import canary_name\n", RIGHT], ids=str)
async def test_nothing_sealed_is_in_the_text_about_other_work(sandbox: Bubblewrap, code: bytes) -> None:
    text = await check_in(sandbox).text(work({"words.py": code}))
    assert "visible cases pass" in text
    told = [canary for canary in CANARIES if canary in text]
    assert told == (["canary_name"] if b"canary_name" in code else []), "control: the search finds what the work says"


@pytest.mark.slow
@pytest.mark.ci
async def test_the_history_in_the_initial_tree_is_not_judged(sandbox: Bubblewrap) -> None:
    initial = INITIAL.with_files({".git/HEAD": b"ref: refs/heads/main\n"})
    check = check_in(sandbox, initial=initial, criteria=("A2",))
    text = await check.text(work({"words.py": RIGHT}, initial=initial))
    assert text.splitlines()[1:] == ["All visible cases pass. Your work is also judged by cases that you cannot see."]


@pytest.mark.slow
@pytest.mark.ci
async def test_the_work_of_a_real_box_is_handed_in_and_checked(sandbox: Bubblewrap) -> None:
    write = "cat > words.py <<'END'\n" + RIGHT.decode() + "END\n"
    async with SessionBox(sandbox, INITIAL, allow_degraded=True) as box:
        await box.run(f"{write}python3 -c 'import words' && cp words.py words.py.orig && touch conftest.py")
        await box.run(
            "mkfifo pipe; ln -s /etc/passwd away; ln -s words.py same.py; chmod +x words.py; echo more >> README.md"
        )
        left = handed(INITIAL, await box.difference(left_out_rule(INITIAL, ("*.py",))), ("*.py",))
        text = await check_in(sandbox, scope=("*.py",)).text(left)
        after = await box.difference()
    assert {path: entry.kind for path, entry in left.manifest.items()} == {
        "conftest.py": "file",
        "same.py": "link",
        "words.py": "executable",
    }
    assert left.dropped == ("README.md", "away")
    assert left.influencing == (), "conftest.py is in scope"
    assert left.refused == ("pipe: a pipe",)
    assert left.left_out == ("__pycache__/", "words.py.orig")
    assert "A2: 1 of 1 visible cases pass" in text
    assert "because only *.py may be written: README.md, away\n" in text
    assert "pipe: a pipe" in text
    assert "words.py.orig" in after.added, "the check changes nothing in the box"


@pytest.mark.slow
@pytest.mark.ci
async def test_only_the_criteria_of_the_task_are_judged_and_earlier_ones_must_hold(sandbox: Bubblewrap) -> None:
    broken = work({"words.py": RIGHT.replace(b"len(text.split())", b"0")})
    check = check_in(sandbox, criteria=("A2",), earlier=("A1",))
    assert (await check.text(broken)).splitlines() == [
        "A2: 1 of 1 visible cases pass",
        "- A1: criterion A1 of an earlier task held before your change and does not hold now",
    ]
    right = await check.text(work({"words.py": RIGHT}))
    assert right.splitlines()[1].startswith("All visible cases pass."), "control"


@pytest.mark.slow
@pytest.mark.ci
async def test_work_that_does_not_start_is_told_with_its_reason(sandbox: Bubblewrap) -> None:
    check = check_in(sandbox, criteria=("A2",))
    text = await check.text(work({"words.py": b"def joined(text:\n"}))
    assert text.startswith("A2: 0 of 1 visible cases pass")
    assert "- words.py" in text
    unchanged = await check.text(work({}))
    assert unchanged.startswith("Nothing that can be handed in differs from the initial working copy.")
    assert "No module named 'words'" in unchanged


LOUD = b"\n\ndef loud(text):\n    return text.upper()\n"
BASE = Tree(
    {
        "words.py": RIGHT.replace(b'"-"', b'"_"') + LOUD,
        "tests/test_words.py": b"from words import loud\n\n\ndef test_loud():\n    assert loud('a') == 'A'\n",
    }
)
ON_BASE = SOURCE.replace(b"budget:", b"base: {repo: ., ref: main}\nbudget:").replace(
    b"""  says: words are joined
  cases:
    - {call: "words:joined", args: ["one two"], returns: "one-two"}
""",
    b"""  says: words are joined
  pytest: given/test_joined.py
""",
)
GIVEN = b"from words import joined\n\n\ndef test_joined():\n    assert joined('one two') == 'one-two'\n"


@pytest.mark.slow
@pytest.mark.ci
async def test_given_tests_and_the_tests_of_the_base_are_run(sandbox: Bubblewrap, tmp_path: Path) -> None:
    fixtures = {"given/test_joined.py": GIVEN}
    requirement = parse_requirement(ON_BASE, None, name="words", folder=None, fixtures=fixtures)
    check = check_in(sandbox, requirement, initial=BASE, origin=BASE, outcomes=tmp_path / "outcomes")
    wrong = await check.text(work({"words.py": WRONG + LOUD}, initial=BASE))
    assert "A2: its tests do not all pass\n" in wrong
    assert "- A2: given/test_joined.py::test_joined: AssertionError" in wrong
    quiet = await check.text(work({"words.py": RIGHT + LOUD.replace(b"upper", b"lower")}, initial=BASE))
    assert quiet.startswith("A1: 2 of 2 visible cases pass\nA2: its tests pass\n")
    assert "- tests of the base passed before your change and do not pass now: tests/test_words.py::test_loud" in quiet
    assert list((tmp_path / "outcomes").iterdir()), "the tests ran on the base, and need not run there again"
    right = await check.text(work({"words.py": RIGHT + LOUD}, initial=BASE))
    assert right.splitlines() == [
        "A1: 2 of 2 visible cases pass",
        "A2: its tests pass",
        "All visible cases pass. Your work is also judged by cases that you cannot see.",
    ], "control"


def test_the_visible_requirement_has_no_sealed_part() -> None:
    assert visible().sealed_source is None
    assert whole().sealed_source == SEALED
