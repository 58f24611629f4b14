"""The tables of columns in docs/workforce.md name the columns that the program prints, in the same order."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from director.reports.staff_backtest import STAFF_COLUMNS
from director.terminal.budget_text import CAP_COLUMNS

PAGE = (Path(__file__).parents[2] / "docs" / "workforce.md").read_text(encoding="utf-8")
NOT_EXPLAINED = {"employee", "95% interval"}
"""Columns that need no row of their own: the name, and the interval that the row of its share explains."""


def tables(page: str) -> Iterator[list[str]]:
    """Yield the columns that each table of columns names."""
    for table in re.findall(r"^\| column \| meaning \|\n\| --- \| --- \|\n((?:\|.*\n)+)", page, re.MULTILINE):
        rows = [row.split("|")[1] for row in table.splitlines()]
        yield [name.strip() for row in rows for name in row.split(",")]


def explained(columns: Sequence[str], page: str) -> bool:
    """Return whether a table of the page has these columns, in this order."""
    return [name for name in columns if name not in NOT_EXPLAINED] in list(tables(page))


@pytest.mark.parametrize("columns", [CAP_COLUMNS, STAFF_COLUMNS], ids=["budget", "backtest"])
def test_the_page_explains_each_column(columns: Sequence[str]) -> None:
    assert explained(columns, PAGE)
    assert not explained((*columns, "another"), PAGE), "control: a column that the page does not name"
