"""`aura backtest --employee`: an employee of the running organisation solves a repository's past fixes, or does not."""

from pathlib import Path

import pytest

from tests.acceptance.cli import Aura, homely
from tests.histories import RIGHT, SHAPES, TEST_AREA, TEST_EDGE, VERSIONS, history
from tests.turns import script_of, turn
from tests.unit.repositories import git

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.needs_postgres, pytest.mark.needs_nats, pytest.mark.slow]


def test_the_result_shows_which_changes_of_an_employee_were_verified(tmp_path: Path) -> None:
    ids = history(tmp_path / "repo", VERSIONS)
    repo = str(tmp_path / "repo")
    with homely("up", "--no-model") as aura:
        aura.hire("anna", {"T1": [{"shapes.py": SHAPES + "\nSIDES = 4\n"}, {"shapes.py": RIGHT}]})
        aura.hire("bert", {"T1": [{"shapes.py": SHAPES.replace("width + height\n", "width\n", 1)}]})
        right = aura.json("backtest", "--repo", repo, "--last", "2", "--employee", "anna")
        excluded, solved = right["results"]
        assert excluded["excluded"] == "no test turns from failing to passing"
        assert (solved["commit"], solved["verified"], solved["same"]) == (ids[2], True, True)
        assert (solved["effort"]["attempts"], solved["effort"]["calls"]) == (2, 2)
        assert solved["effort"]["verdict_s"] > 0
        assert (right["asked"], right["verified"]) == (1, 1)
        assert aura.json("run", "show", solved["run"])["run"]["outcome"] == "declined", "the inbox stays empty"
        changed = git(Path(solved["folder"]), "diff", "--name-only", f"{ids[1]}..{solved['branch']}")
        assert changed == "shapes.py\n"

        wrong = aura.run("backtest", "--repo", repo, "--last", "2", "--employee", "bert", "--attempts", "1", "--keep")
        assert wrong.code == 0, wrong
        assert "bert solved 0 of 1 change." in wrong.out
        assert "no verified answer in 1 attempt" in wrong.out
        calls = {each["name"]: each["calls"] for each in aura.json("scores")["scores"]}
        assert calls == {"anna": 2, "bert": 1}, "nobody else got the task"

        aura.json("suspend", "bert", "--reason", "asked")
        assert aura.json("backtest", "--repo", repo, "--employee", "bert", code=7)["code"] == "refused"


def test_an_employee_in_a_session_reads_and_runs_the_tests_of_the_fix(tmp_path: Path) -> None:
    """The fix changes a test file that the parent has, so the working copy has only the older version."""
    later = {"shapes.py": RIGHT, "tests/test_edge.py": TEST_EDGE + TEST_AREA}
    ids = history(tmp_path / "repo", [VERSIONS[0], ("Multiply", later)])
    turns = [
        turn("run", command="grep -c area tests/test_edge.py /aura/tests/tests/test_edge.py; cp -R /aura/tests/. ."),
        turn("replace", path="shapes.py", old="    return width + height\n\n", new="    return width * height\n\n"),
        turn("run", command="python -m pytest -q tests > out.txt; grep -q '2 passed' out.txt && rm out.txt"),
        turn("check"),
        turn("submit"),
    ]
    with homely("up", "--no-model") as aura:
        aura.json("hire", "ada", "--script", script_of(aura.folder / "script.json", {"T1": turns}), "--session")
        repo = str(tmp_path / "repo")
        (solved,) = aura.json("backtest", "--repo", repo, "--last", "1", "--employee", "ada")["results"]
        assert (solved["commit"], solved["verified"], solved["same"]) == (ids[1], True, True), solved
        assert solved["effort"]["calls"] == len(turns)
        assert aura.json("run", "show", solved["run"])["left_out"] == [], "the copied test is not named as dropped"


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    aura = Aura(tmp_path)
    assert aura.json("backtest", "--employee", "anna", "--fresh", code=2)["code"] == "invalid"
    assert aura.json("backtest", "--employee", "anna", "--usd", "much", code=2)["code"] == "invalid"
