"""`aura backtest` on a small repository: it accepts the fix, refuses wrong patches, and changes nothing in it."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.acceptance.cli import Aura
from tests.histories import RIGHT, SHAPES, TEST_EDGE, VERSIONS, history

pytestmark = [pytest.mark.needs_sandbox, pytest.mark.slow]


def content_of(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.ci
def test_a_repository_is_judged_by_its_own_fixes_and_goes_on_after_an_interruption(tmp_path: Path) -> None:
    ids = history(tmp_path / "repo", VERSIONS)
    before = content_of(tmp_path / "repo")
    aura = Aura(tmp_path)
    said = aura.run("backtest", "--repo", "repo", "--last", "2", "--html", "page.html", "--json")
    assert said.code == 0, said
    data = json.loads(said.out)["data"]
    fix, excluded = {each["commit"]: each for each in data["results"]}[ids[2]], data["results"][0]
    assert excluded["excluded"] == "no test turns from failing to passing"
    kinds = [(each["kind"], each["accepted"]) for each in fix["patches"]]
    assert kinds[:2] == [("parent", False), ("fix", True)]
    assert len(kinds) == 5
    assert all(not accepted for _, accepted in kinds[2:])
    assert "other tests" in [each.get("detected") for each in fix["patches"]]
    assert (data["summary"]["wrong_accepted"], data["summary"]["fixes_accepted"]) == (0, 1)
    assert "No wrong verdict" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert content_of(tmp_path / "repo") == before

    kept = next((tmp_path / "home" / "backtests").rglob(f"{ids[3]}.json"))
    kept.unlink()  # as an interruption leaves it
    again = aura.run("backtest", "--repo", "repo", "--last", "2")
    assert again.code == 0
    assert "So far, verdicts on this repository can be trusted" in again.out
    assert kept.is_file()


def test_a_commit_becomes_a_requirement_that_judge_takes(tmp_path: Path) -> None:
    ids = history(tmp_path / "repo", VERSIONS[:3])
    aura = Aura(tmp_path)
    assert aura.run("backtest", "--repo", "repo", "--last", "1", "--write", "asked").code == 0
    file = f"asked/{ids[2][:12]}/{ids[2][:12]}.md"
    assert "must_pass" in (tmp_path / file).read_text(encoding="utf-8")
    assert aura.run("judge", file, "--repo", "repo", "--ref", ids[1]).code == 1
    assert aura.run("check", file).code == 0
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "tests").mkdir()
    for path, text in {
        "shapes.py": RIGHT,
        "tests/test_edge.py": TEST_EDGE,
        "README.md": VERSIONS[1][1]["README.md"],
    }.items():
        (tmp_path / "tree" / path).write_text(text, encoding="utf-8")
    said = aura.run("judge", file, "tree")
    assert said.code == 0, said


def test_tests_may_be_collected_through_a_file_that_imports_them(tmp_path: Path) -> None:
    """`python_files` names one file, which defines no test and takes those of the others."""
    case = "import unittest\n\n\nclass Test{0}(unittest.TestCase):\n    def test_it(self):\n        {1}\n"
    edge = case.format("Edge", "self.assertEqual(edge(2, 3), 10)")
    area = case.format("Area", "self.assertEqual((area(2, 3), area(1, 1)), (6, 1))")
    first = {
        "shapes.py": SHAPES,
        "pytest.ini": "[pytest]\npython_files = __main__.py\ntestpaths = tests\n",
        "tests/__init__.py": "",
        "tests/__main__.py": "from .test_edge import TestEdge\nfrom .test_area import *\n",
        "tests/test_edge.py": f"from shapes import edge\n{edge}",
        "tests/test_area.py": "",
    }
    fix = {"shapes.py": RIGHT, "tests/test_area.py": f"from shapes import area\n{area}"}
    history(tmp_path / "repo", [("Shapes", first), ("Multiply for the area", fix)])
    said = Aura(tmp_path).run("backtest", "--repo", "repo", "--last", "1", "--write", "asked", "--json")
    (result,) = json.loads(said.out)["data"]["results"]
    assert ("excluded" in result, result["turned"], result["files_ran"]) == (False, 1, 1), result
    assert [(each["kind"], each["accepted"]) for each in result["patches"]][:2] == [("parent", False), ("fix", True)]
    (written,) = (tmp_path / "asked").glob("*/*.md")
    assert "tests/__main__.py::TestArea::test_it" in written.read_text(encoding="utf-8")


def test_a_test_whose_id_changes_from_run_to_run_is_not_asked_for(tmp_path: Path) -> None:
    area = "from shapes import area\n\ndef test_area():\n    assert (area(2, 3), area(1, 1)) == (6, 1)\n"
    timed = (
        "import time\nimport pytest\n\n"
        "@pytest.mark.parametrize('at', [str(time.time_ns())])\ndef test_now(at):\n    assert at\n"
    )
    first = {"shapes.py": SHAPES, "tests/test_edge.py": TEST_EDGE}
    fix = {"shapes.py": RIGHT, "tests/test_area.py": area, "tests/test_now.py": timed}
    history(tmp_path / "repo", [("Shapes", first), ("Multiply for the area", fix)])
    said = Aura(tmp_path).run("backtest", "--repo", "repo", "--last", "1", "--json")
    (result,) = json.loads(said.out)["data"]["results"]
    assert ("excluded" in result, result["turned"]) == (False, 1), result
    assert [(each["kind"], each["accepted"]) for each in result["patches"]][:2] == [("parent", False), ("fix", True)]


@pytest.mark.ci
def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    said = Aura(tmp_path).run("backtest", "--repo", str(tmp_path))
    assert said.code == 3
    assert "There is no git repository" in said.err
