"""docs/verdict.md names every gate with its grade, in the order in which the gates run."""

import re
from pathlib import Path

from verification.gates.pipeline import GATES
from verification.verdict.model import INTEGRITY

PAGE = Path(__file__).parents[2] / "docs" / "verdict.md"
REMEDY = "one row each in the table of docs/verdict.md: | `name` | grade | when | what it asks | what it can miss |"


def test_the_page_names_exactly_the_gates() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([ABC]) \| (share|merged) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(name, grade) for name, grade, _ in rows] == [(gate.name, gate.grade) for gate in GATES], REMEDY
    assert [when == "merged" for _, _, when in rows] == [gate.needs_whole for gate in GATES], REMEDY


def test_the_page_names_every_strike() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## Strikes")[2].partition("\n## ")[0]
    assert set(re.findall(r"\(`(\w+)`\)", section)) == INTEGRITY
