"""A requirement is tried on its base before any work. `aura check` and `aura submit` refuse wrong statements on it."""

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.cli import Aura
from tests.unit.repositories import git, needs_git
from tests.unit.test_working_tree import repository

pytestmark = [pytest.mark.needs_sandbox, needs_git]
SOURCE = """---
aura: 1
title: Shop
deliver: library
base: {repo: site}
%s
scope: ["shop.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 20}
---
# Shop
A function `total` and a function `mean`.

```yaml acceptance
- id: A1
  says: it totals
  pytest: test_total.py
%s```
"""
MEAN = '- id: A2\n  says: it has a mean\n  cases:\n    - {call: "shop:mean", args: [[1, 3]], returns: 2.0}\n'
SUITE = "from shop import total\n\ndef test_total():\n    assert total([1, 2]) == 3\n"


@pytest.fixture
def aura(tmp_path: Path) -> Aura:
    made = Aura(tmp_path).inside()
    repository(
        tmp_path / "site",
        {
            "shop.py": b"def total(prices):\n    return sum(prices)\n",
            "tests/test_shop.py": b"from shop import total\n\ndef test_none():\n    assert total([]) == 0\n",
        },
    )
    (tmp_path / "test_total.py").write_text(SUITE)
    return made


def asked(aura: Aura, command: str, front: str, criteria: str, *, code: int) -> dict[str, Any]:
    (aura.folder / "shop.md").write_text(SOURCE % (front or "language: python", criteria))
    return aura.json(command, "shop.md", code=code)


def kinds(aura: Aura, command: str, front: str, criteria: str) -> list[tuple[str, str | None]]:
    (aura.folder / "shop.md").write_text(SOURCE % (front or "language: python", criteria))
    problems = aura.answer(command, "shop.md", code=2)["data"]["problems"]
    assert all(each["message"] and each["remedy"] for each in problems)
    return [(each["kind"], each.get("criterion")) for each in problems]


def test_a_suite_that_the_base_passes_is_refused_before_any_work(aura: Aura) -> None:
    assert kinds(aura, "check", "", "") == [("holds_on_base", "A1"), ("holds_on_base", None)]
    held = "  holds_already: true\n" + MEAN
    seen = asked(aura, "check", "", held, code=0)["on_base"]
    assert (seen["files"], seen["files_ran"], seen["held"]) == (1, 1, ["A1"])


@pytest.mark.slow
@pytest.mark.ci
def test_a_hand_in_is_refused_before_any_server_is_asked(aura: Aura) -> None:
    assert kinds(aura, "submit", "", MEAN) == [("holds_on_base", "A1")]
    held = "  holds_already: true\n" + MEAN
    assert asked(aura, "submit", "", held, code=69)["code"] == "not_running", "control: it went on to the servers"


@pytest.mark.slow
@pytest.mark.ci
def test_refactor_and_may_change_are_tried_too(aura: Aura) -> None:
    assert kinds(aura, "check", "refactor: true", MEAN) == [("fails_on_base", "A2")]
    assert asked(aura, "check", "refactor: true", "", code=0)["on_base"]["held"] == ["A1"]
    wrong = 'may_change: [{test: "tests/test_shop.py::test_other"}]'
    assert kinds(aura, "check", wrong, "  holds_already: true\n" + MEAN) == [("fails_on_base", None)]
    right = wrong.replace("test_other", "test_none")
    assert asked(aura, "check", right, "  holds_already: true\n" + MEAN, code=0)["on_base"]["files_ran"] == 1


@pytest.mark.slow
@pytest.mark.ci
def test_too_few_test_files_of_the_base_are_a_problem(aura: Aura) -> None:
    (aura.folder / "site" / "tests" / "test_shop.py").write_text("import nosuchmodule\n\ndef test_none():\n    pass\n")
    git(aura.folder / "site", "commit", "-q", "-am", "broken")
    held = "  holds_already: true\n" + MEAN
    assert kinds(aura, "check", "", held) == [("base_suite", None)]
    partial = 'base_suite: {run: partial, reason: "nosuchmodule is not to be had"}'
    assert asked(aura, "check", partial, held, code=0)["on_base"]["files_ran"] == 0
    assert "on_base" in asked(aura, "check", partial, held, code=0)
    (aura.folder / "shop.md").write_text(SOURCE % ("language: python", held))
    assert aura.json("check", "shop.md", "--static")["on_base"] is None, "control: nothing ran"
