"""The file of rows gives back what was put into it, in the order of Postgres."""

import random
from decimal import Decimal
from typing import ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest

from bus.projection_rows import JsonColumns, Row
from bus.row_form import Record
from domain.errors import Unavailable
from projections.row_file import RowFile, encoded, plain_record

_content = msgspec.json.Decoder(tuple[int, ...])


class Sample(Row, frozen=True, kw_only=True):
    table = "sample"
    json_columns: ClassVar[JsonColumns] = {"content": _content}
    number: int | None
    price: Decimal
    flag: bool
    other: UUID | None
    content: tuple[int, ...]


def record(scope: UUID, key: str) -> Record:
    number, other = random.choice([None, 0, -(2**63), 2**63 - 1]), random.choice([None, uuid4()])
    return (scope, key, number, Decimal(random.randrange(10**9)) / 1000, random.random() < 0.5, other, "[1,2]")


def everything(file: RowFile) -> list[Record]:
    return list(map(file.decoder("x.sample"), file.ordered("x.sample")))


def test_records_come_back_equal_and_in_order() -> None:
    scopes = [uuid4() for _ in range(20)]
    keys = ["", "a", "A", "é", "z", "\U0001f600", "￿", "a b"]
    records = [record(scope, key) for scope in scopes for key in keys]
    with RowFile({"x.sample": Sample}) as file:
        file.put("x.sample", random.sample(records, len(records)))
        found = everything(file)
    assert found == sorted(records, key=lambda one: (one[0].bytes, one[1].encode()))
    assert [tuple(map(type, one)) for one in found[:8]] == [
        tuple(map(type, one)) for one in sorted(records, key=lambda one: (one[0].bytes, one[1].encode()))[:8]
    ]


def test_taken_records_are_gone_and_put_ones_replace() -> None:
    scope, other = uuid4(), uuid4()
    first, second, third = record(scope, "a"), record(scope, "a"), record(other, "a")
    with RowFile({"x.sample": Sample}) as file:
        file.put("x.sample", [first, third])
        file.put("x.sample", [second])
        assert list(file.take("x.sample", [scope, uuid4()])) == [second]
        assert list(file.take("x.sample", [scope])) == []
        assert everything(file) == [third]


def test_a_file_that_cannot_be_used_is_named_with_the_next_step() -> None:
    with RowFile({"x.sample": Sample}) as file:
        pass
    with pytest.raises(Unavailable, match="temporary file of the replay") as caught:
        file.put("x.sample", [record(uuid4(), "a")])
    assert "SQLITE_TMPDIR" in caught.value.hint


def test_the_plain_form_has_texts_for_ids_and_numbers() -> None:
    scope, other = uuid4(), uuid4()
    whole = (scope, "a", 1, Decimal("1.10"), True, other, "[]")
    assert plain_record(encoded(whole)) == (str(scope), "a", 1, "1.10", True, str(other), "[]")
