"""The merge of two sorted streams of rows finds exactly the differences that a comparison by key finds."""

import random
from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest

from bus.projection_rows import Row
from bus.row_form import Record
from projections.row_comparison import TableComparison
from projections.row_file import RowFile


class Sample(Row, frozen=True, kw_only=True):
    table = "sample"
    number: Decimal
    text: str


def by_merge(live: Sequence[Record], rebuilt: Sequence[Record]) -> list[tuple[str, str, tuple[str, ...]]]:
    with RowFile({"x.sample": Sample}) as file:
        file.put("x.sample", rebuilt)
        comparison = TableComparison("x", Sample, file, "x.sample")
        for start in range(0, len(live), 3):
            comparison.take(live[start : start + 3])
        comparison.finish()
    assert comparison.rows == len(live)
    return [(found.key, found.what, found.columns) for found in comparison.differences]


def by_key(live: Sequence[Record], rebuilt: Sequence[Record]) -> list[tuple[str, str, tuple[str, ...]]]:
    there, new = ({(row[0], row[1]): row for row in rows} for rows in (live, rebuilt))
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for key in sorted(there.keys() | new.keys()):
        named = f"{key[0]}/{key[1]}"
        if key not in there:
            found.append((named, "missing", ()))
        elif key not in new:
            found.append((named, "surplus", ()))
        elif there[key] != new[key]:
            pairs = zip(Sample.__struct_fields__, there[key], new[key], strict=True)
            found.append((named, "changed", tuple(name for name, before, after in pairs if before != after)))
    return found


def test_any_two_tables_differ_as_by_key() -> None:
    rows: list[Record] = sorted(
        (UUID(int=scope << 100), key, Decimal(scope), "x")
        for scope in range(5)
        for key in ("", "a", "B", "é", "\U0001f600")
    )
    for _ in range(300):
        live = sorted(random.sample(rows, random.randrange(len(rows) + 1)))
        rebuilt = [
            (*row[:2], random.choice([row[2], Decimal(99)]), random.choice(["x", "y"]))
            if random.random() < 0.2
            else row
            for row in sorted(random.sample(rows, random.randrange(len(rows) + 1)))
        ]
        assert by_merge(live, rebuilt) == by_key(live, rebuilt)


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("what", ["changed", "missing", "surplus"])
def test_one_row_at_any_place(place: int, what: str) -> None:
    rows: list[Record] = [(UUID(int=number), "a", Decimal(number), "x") for number in range(5)]
    less = rows[:place] + rows[place + 1 :]
    altered = [*rows[:place], (*rows[place][:3], "y"), *rows[place + 1 :]]
    live, rebuilt = {"changed": (altered, rows), "missing": (less, rows), "surplus": (rows, less)}[what]
    columns = ("text",) if what == "changed" else ()
    assert by_merge(live, rebuilt) == [(f"{UUID(int=place)}/a", what, columns)]
    assert by_merge(rows, rows) == [], "control"


def test_the_same_number_with_other_digits_is_no_difference() -> None:
    live: list[Record] = [(UUID(int=1), "a", Decimal("1.10"), "x"), (UUID(int=2), "a", Decimal(100), "x")]
    rebuilt: list[Record] = [(UUID(int=1), "a", Decimal("1.1"), "x"), (UUID(int=2), "a", Decimal("1E+2"), "x")]
    assert by_merge(live, rebuilt) == []
