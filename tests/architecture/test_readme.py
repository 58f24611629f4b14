"""README.md has the length of two screens, and its figures are the recorded figures."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINES_MAX = 130
CHEATS = r"(\d+) cheats, (\d+) verdicts\. Aura accepted 0\. The naive gate accepted\s+(\d+)"
ON_A_BASE = r"(\d+) cheats\. Aura accepted 0, and \1 of the (\1) controls"
HONEST = r"^\| \d+ \| \d+ \| (\d+) \| \d+ \| 0 \|$"
FIGURES = {
    "cheats": (
        "zoo",
        CHEATS,
        "{0} cheats got {1} verdicts: none was accepted. "
        "A check that trusts pytest's exit code accepted {2} of the {1}.",
    ),
    "on a base": (
        "zoo",
        ON_A_BASE,
        "{} cheats: none was accepted. {} honest controls (similar changes without a cheat): none was refused.",
    ),
    "attacks": ("zoo", r"^(\d+) attacks, performed", "{} attacks, with bubblewrap and with Docker: none got out."),
    "replay": ("bench", r"`replay --check`[^|]+\| ([\d,]+) ", "`aura replay --check` compares {} events per second."),
    "a run": ("bench", r"^\| Aura: plan, assign[^|]+\| ([\d.]+) ", "A run with an empty verdict takes {} ms."),
    "DBOS": ("bench", r"^\| DBOS, 6 empty steps \| ([\d.]+) ", "Six empty steps take {} ms in DBOS"),
    "LangGraph": ("bench", r"^\| LangGraph[^|]+6 empty steps \| ([\d.]+) ", "and {} ms in LangGraph."),
}
"""Name -> the page that a script writes, the pattern of the figure in it, and the text of README."""


def recorded(page: str, pattern: str) -> tuple[str, ...]:
    """Return the figures on a page. Raises AssertionError if the pattern is not found."""
    found = re.search(pattern, (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"docs/{page}.md has no {pattern}"
    return found.groups()


def says(text: str, sentence: str, figures: tuple[str, ...]) -> bool:
    return sentence.format(*figures) in text


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_the_one_that_was_recorded(name: str) -> None:
    page, pattern, sentence = FIGURES[name]
    text, figures = (ROOT / "README.md").read_text(encoding="utf-8"), recorded(page, pattern)
    assert says(text, sentence, figures), f"README.md does not say: {sentence.format(*figures)}"
    assert not says(text, sentence, tuple(f"{figure}1" for figure in figures)), "control: another figure is found"


def test_the_honest_deliveries_are_counted() -> None:
    zoo = (ROOT / "docs" / "zoo.md").read_text(encoding="utf-8")
    rounds = [int(count) for count in re.findall(HONEST, zoo, re.MULTILINE)]
    assert f"{sum(rounds)} honest deliveries: none was refused." in (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_two_screens() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= LINES_MAX
