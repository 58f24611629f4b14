"""The tests of the base that are lost on a tree, test by test, and outcomes that are stored for later verdicts."""

from pathlib import Path

import pytest

from verification.suites.base_outcome import BaseOutcome, lost_tests
from verification.suites.outcome_store import OutcomeStore
from verification.suites.pytest_runner import Phase, SuiteSeen

CLEAR = ("setup", "call", "teardown")


def seen(**tests: str) -> SuiteSeen:
    """Return a run in which the tests had these results: passed, failed, skipped or xfailed."""
    phases: list[Phase] = []
    for test, outcome in tests.items():
        if outcome == "skipped":
            phases.append(Phase(test, "setup", "skipped", False, "why"))
        elif outcome == "xfailed":
            phases.append(Phase(test, "call", "skipped", True, "why"))
        elif outcome == "failed":
            phases.append(Phase(test, "call", "failed", False, "assert 1 == 2"))
    names = list(tests)
    passed = [place for place, test in enumerate(names) if tests[test] == "passed"]
    return SuiteSeen(collected=names, phases=phases, errors=[], skipped=[], deselected=0, status=0, passed=passed)


KEPT = [
    ("passed", "passed"),
    ("skipped", "passed"),
    ("skipped", "skipped"),
    ("expected failure", "passed"),
    ("expected failure", "xfailed"),
    ("failed", "failed"),
    ("failed", "passed"),
    ("expected failure", "skipped"),
]
LOST = [
    ("passed", "failed", "assert 1 == 2"),
    ("passed", "skipped", "is skipped"),
    ("passed", "xfailed", "is expected to fail"),
    ("skipped", "failed", "was skipped on the base and now fails"),
    ("expected failure", "failed", "was expected to fail on the base and now fails"),
]


@pytest.mark.parametrize(("before", "after"), KEPT)
def test_a_test_that_says_as_much_as_before_is_kept(before: str, after: str) -> None:
    assert lost_tests({"t::a": before}, seen(**{"t::a": after})) == ([], set())


@pytest.mark.parametrize(("before", "after", "reason"), LOST)
def test_a_test_that_says_less_is_lost(before: str, after: str, reason: str) -> None:
    ((test, why),), _ = lost_tests({"t::a": before}, seen(**{"t::a": after}))
    assert test == "t::a"
    assert why.startswith(reason)


def test_a_test_that_is_gone_is_lost_and_a_file_that_broke_says_why() -> None:
    assert lost_tests({"t::a": "passed"}, seen())[0] == [("t::a", "does not exist any more")]
    broken = SuiteSeen(collected=[], phases=[], errors=[("t", "SyntaxError")], skipped=[], deselected=0, status=2)
    assert lost_tests({"t::a": "passed"}, broken)[0] == [("t::a", "SyntaxError")]


def test_ids_of_the_projects_own_values_may_change_but_not_become_fewer() -> None:
    before = {"t::a[1.0]": "passed", "t::a[1.1]": "passed"}
    assert lost_tests(before, seen(**{"t::a[1.0]": "passed", "t::a[1.2]": "passed"})) == ([], {"t::a[1.1]"})
    fewer, _ = lost_tests(before, seen(**{"t::a[1.0]": "passed"}))
    failing, _ = lost_tests(before, seen(**{"t::a[1.0]": "passed", "t::a[1.2]": "failed"}))
    assert fewer == failing == [("t::a[1.1]", "does not exist any more")]


def test_the_files_that_ran_and_the_reason_of_each_other() -> None:
    outcome = BaseOutcome(
        outcomes={"a::x": "passed", "b::x": "failed", "c::x": "skipped", "d::x": "expected failure"},
        files=("a", "b", "c", "d", "e", "f"),
        not_collected={"e": "ImportError"},
    )
    assert outcome.ran == ("a", "d")
    assert outcome.not_run == {
        "b": "none of its tests passed",
        "c": "all its tests are skipped",
        "e": "ImportError",
        "f": "no test was collected from it",
    }


def test_an_outcome_is_kept_for_the_same_key_and_image_alone(tmp_path: Path) -> None:
    outcome = BaseOutcome(outcomes={"a::x": "passed"}, files=("a",), seconds={"a": 0.5})
    store = OutcomeStore(tmp_path / "outcomes", "image")
    assert store.get("key") is None
    store.put("key", outcome)
    assert store.get("key") == outcome
    assert store.get("other") is None
    assert OutcomeStore(tmp_path / "outcomes", "another image").get("key") is None
    (kept,) = (tmp_path / "outcomes").iterdir()
    kept.write_bytes(b"{")
    assert store.get("key") is None


def test_a_folder_that_cannot_be_written_costs_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "outcomes").write_bytes(b"a file")
    store = OutcomeStore(tmp_path / "outcomes", "image")
    store.put("key", BaseOutcome(outcomes={}, files=()))
    assert store.get("key") is None
