"""The parts of a backtest that run no code: its commits, their changes, mutants, counts and reports."""

from pathlib import Path

import pytest

from director.reports.backtest import commit_line, report_page, report_text
from director.services.backtest import wrong_verdicts
from domain.errors import Failed, NotFound
from domain.tree import Tree
from tests.histories import RIGHT, SHAPES, TEST_EDGE, VERSIONS, history
from verification.backtest.commits import FixCommit, applied, change_between, fix_commits
from verification.backtest.model import CommitResult, Patch, Report, summary_of
from verification.backtest.mutants import tree_mutants
from verification.requirements.describe import describe
from verification.suites.pytest_options import pytest_options


def test_commits_that_change_code_and_tests_are_taken_newest_first(tmp_path: Path) -> None:
    ids = history(tmp_path / "repo", VERSIONS)
    fixes = fix_commits(tmp_path / "repo", None, 30)
    assert [(fix.id, fix.parent) for fix in fixes] == [(ids[3], ids[2]), (ids[2], ids[1])]
    assert fixes[1].subject == "Multiply for the area"
    assert fixes[1].message.endswith("It was a sum.")
    assert [fix.id for fix in fix_commits(tmp_path / "repo", "main", 1)] == [ids[3]]
    assert [fix.id for fix in fix_commits(tmp_path / "repo", ids[2], 5)] == [ids[2]]


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        ("Multiply\n\nIt was a sum.", "Multiply"),
        ("Merge pull request #3 from ada/area\n\nMultiply for the area", "Multiply for the area"),
        ("Merge branch 'area'\n", "Merge branch 'area'"),
        ("\n", ""),
    ],
)
def test_the_subject_of_a_merge_is_what_a_person_wrote(message: str, subject: str) -> None:
    assert FixCommit(id="c", parent="p", message=message, changed=()).subject == subject


def test_a_commit_of_a_formatter_is_no_fix(tmp_path: Path) -> None:
    other = RIGHT.replace("    return", "  return")
    history(
        tmp_path / "repo",
        [*VERSIONS[:3], ("Format", {"shapes.py": other, "tests/test_edge.py": TEST_EDGE + "\n# x\n"})],
    )
    assert [fix.subject for fix in fix_commits(tmp_path / "repo", None, 5)] == ["Multiply for the area"]


def test_a_repository_or_branch_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no git repository"):
        fix_commits(tmp_path, None, 1)
    history(tmp_path / "repo", VERSIONS)
    with pytest.raises(NotFound, match="no branch other"):
        fix_commits(tmp_path / "repo", "other", 1)


def test_a_history_without_fixes_is_named(tmp_path: Path) -> None:
    history(tmp_path / "repo", VERSIONS[:1])
    with pytest.raises(NotFound, match="changes both code and tests"):
        fix_commits(tmp_path / "repo", None, 1)


def test_a_change_is_parted_in_code_and_tests() -> None:
    before = Tree(dict.fromkeys(("a.py", "tests/test_a.py", "tests/data.txt", "conftest.py", "gone.py"), b"1"))
    changed = dict.fromkeys(("a.py", "tests/test_a.py", "tests/data.txt", "conftest.py", "new.py"), b"2")
    after = Tree(changed, executable=frozenset({"a.py"}), links={"link": "a.py"})
    change = change_between(before, after, pytest_options(before))
    assert change.code == ("a.py", "gone.py", "link", "new.py")
    assert change.tests == ("conftest.py", "tests/data.txt", "tests/test_a.py")
    fixed = applied(before, after, change.code)
    assert fixed == Tree(
        {"a.py": b"2", "new.py": b"2"} | {path: before[path] for path in change.tests},
        executable=frozenset({"a.py"}),
        links={"link": "a.py"},
    )


def test_mutants_are_on_the_change_and_near_it_and_the_same_for_a_seed() -> None:
    before, after = {"shapes.py": SHAPES.encode()}, {"shapes.py": RIGHT.encode()}
    made = list(tree_mutants(before, after, after, seed=1))
    assert {mutant.line for mutant in made} == {2, 6}
    assert made[0].line == 2
    assert made == list(tree_mutants(before, after, after, seed=1))
    assert len({mutant.content for mutant in made}) == len(made)


def test_a_version_is_described_by_the_nearest_tag(tmp_path: Path) -> None:
    from dulwich.repo import Repo

    ids = history(tmp_path / "repo", VERSIONS)
    assert describe(tmp_path / "repo", ids[3]) == ""
    with Repo(str(tmp_path / "repo")) as repo:
        repo.refs[b"refs/tags/v1.2.3"] = ids[1].encode()  # type: ignore[index,assignment]  # its stubs
        repo.refs[b"refs/tags/nightly"] = ids[2].encode()  # type: ignore[index,assignment]  # its stubs
    assert [describe(tmp_path / "repo", each) for each in ids] == ["", "1.2.3", "1.2.4.dev0", "1.2.4.dev0"]


def patch(kind: str, accepted: bool, detected: str | None = None) -> Patch:
    return Patch(kind=kind, accepted=accepted, seconds=1.0, detected=detected, findings=("regression: <b>lost</b>",))  # type: ignore[arg-type]


def report(*patches: Patch) -> Report:
    judged = CommitResult(
        commit="c" * 40, parent="p" * 40, subject="Fix <it>", seconds=3.0, patches=patches, files=3, files_ran=2,
        tried=4, undetected=1,
    )  # fmt: skip
    excluded = CommitResult(commit="d" * 40, parent="p" * 40, subject="Docs", seconds=1.0, excluded="no test turns: x")
    return Report(repo="/repo", results=(judged, excluded), summary=summary_of((judged, excluded)))


SOUND = (
    patch("parent", False),
    patch("fix", True),
    patch("mutant", False, "own tests"),
    patch("mutant", False, "other tests"),
)


def test_a_backtest_without_a_wrong_verdict() -> None:
    sound = report(*SOUND, patch("mutant", True, "none"))
    summary = sound.summary
    assert (summary.commits, summary.excluded, summary.wrong, summary.sly) == (2, 1, 2, 1)
    assert (summary.wrong_accepted, summary.fixes_accepted, summary.strength) == (0, 1, 0.75)
    assert wrong_verdicts(sound) is None
    assert "So far, verdicts on this repository can be trusted" in report_text(sound)
    assert "1 x no test turns" in report_text(sound)
    assert "fix accepted, 2 of 2 wrong patches refused" in commit_line(sound.results[0], 1, 2)
    assert commit_line(sound.results[1], 2, 2).endswith("excluded, no test turns: x")


@pytest.mark.parametrize(
    ("wrong", "count"),
    [
        (patch("mutant", True, "other tests"), "1 wrong patch was accepted and 0 fixes"),
        (patch("fix", False), "0 wrong"),
    ],
)
def test_a_wrong_verdict_is_an_error_and_is_shown_with_its_reason(wrong: Patch, count: str) -> None:
    bad = report(*SOUND, wrong)
    error = wrong_verdicts(bad)
    assert isinstance(error, Failed)
    assert count in error.message
    assert "WRONG VERDICT at cccccccccc" in report_text(bad)
    assert "regression: <b>lost</b>" in report_text(bad)


def test_the_page_escapes_every_text() -> None:
    page = report_page(report(*SOUND, patch("fix", False)))
    assert "<b>lost</b>" not in page
    assert "Fix &lt;it&gt;" in page
    assert "<script" not in page
