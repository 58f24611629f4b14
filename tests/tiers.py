"""Which parameters of a long table run in each `make test`, and which run only before a merge."""

from collections.abc import Collection, Iterable, Sequence

import pytest
from _pytest.mark.structures import ParameterSet

CI = (pytest.mark.slow, pytest.mark.ci)


def every_second_row(rows: Iterable[Sequence[object]]) -> list[ParameterSet]:
    """Mark every second row for a merge. A row begins with its name."""
    return [pytest.param(*row[1:], id=str(row[0]), marks=CI if at % 2 else []) for at, row in enumerate(rows)]


def only_first_row(rows: Iterable[Sequence[object]]) -> list[ParameterSet]:
    """Mark all rows except the first one for a merge. A row begins with its name."""
    return [pytest.param(*row[1:], id=str(row[0]), marks=CI if at else []) for at, row in enumerate(rows)]


def every_fourth(names: Iterable[str], slow: Collection[str] = ()) -> list[ParameterSet]:
    """Mark three of each four names for `make test-slow PART=ci`, and the names in `slow` for `make test-slow`."""
    return _one_of_each(4, names, slow)


def every_second(names: Iterable[str], slow: Collection[str] = ()) -> list[ParameterSet]:
    """Mark every second name for `make test-slow PART=ci`, and the names in `slow` for `make test-slow`."""
    return _one_of_each(2, names, slow)


def _one_of_each(count: int, names: Iterable[str], slow: Collection[str]) -> list[ParameterSet]:
    return [
        pytest.param(name, marks=[pytest.mark.slow] if name in slow else CI if at % count else [])
        for at, name in enumerate(names)
    ]
