"""The figures in CONTRIBUTING.md are equal to the figures of the code."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.architecture import figures
from tests.architecture.journey import Journey, chain, journey_text


def _page() -> str:
    return figures.PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measured() -> figures.Figures:
    return figures.figures_of(figures.ROOT)


@pytest.mark.slow
@pytest.mark.ci
def test_the_figures_of_the_page_are_those_of_the_code(measured: figures.Figures) -> None:
    """Ten percent of drift is allowed. Beyond that: `python -m tests.architecture.figures`."""
    assert figures.drifted(_page(), measured) == []


@pytest.mark.slow
@pytest.mark.ci
def test_a_figure_that_has_drifted_is_found(measured: figures.Figures) -> None:
    page = figures.with_block(_page(), "figures", figures.table_of(measured))
    assert figures.drifted(page, measured) == []
    assert figures.drifted(page, replace(measured, files=2 * measured.files)) == ["files"]
    assert figures.drifted(page, replace(measured, cycles=1)) == ["import cycles between files"]


def test_figures_are_counted(tmp_path: Path) -> None:
    """Given two files of 3 and 7 lines, with functions of 1 and 4 lines, a comment, and 5 lines of tests."""
    for name, text in {
        "domain/a.py": "from domain import b\n\n\n",
        "domain/b.py": "import domain.a  # why\n\ndef f(): ...\ndef g():\n    x = 1\n    y = 2\n    return x\n",
        "tests/test_a.py": "x = 1\n" * 5,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = figures.figures_of(tmp_path)
    assert (found.files, found.lines, found.file_lines_median, found.file_lines_max) == (2, 10, 5, 7)
    assert (found.function_lines_median, found.function_lines_max) == (2.5, 4)
    assert (found.comments, found.tests, found.cycles) == (0.1, 0.5, 1)
    (tmp_path / "domain/a.py").write_text("import os\n", encoding="utf-8")
    assert figures.figures_of(tmp_path).cycles == 0


def test_a_page_without_the_block_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        figures.with_block("# A page\n", "figures", "")


def test_the_chain_goes_from_the_hand_in_to_the_delivery() -> None:
    """Given a hand-in, two events that follow, a delivery, and an event of another cause."""
    causes = {"run.submitted": None, "run.planned": "run.submitted", "run.delivered": "run.planned", "run.other": None}
    log = [{"envelope": {"id": name, "type": name, "cause": cause}} for name, cause in causes.items()]
    hops = chain(log)
    assert hops == ("run.submitted", "run.planned", "run.delivered")
    text = journey_text(Journey(frozenset({("domain/run.py", "f"), ("verification/judge.py", "g")}), hops))
    assert "2 hops, 2 files with 2 functions; 1 of the files" in text
