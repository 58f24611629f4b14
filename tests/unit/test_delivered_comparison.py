"""The comparison in a delivery's own tests: for any two values it gives the same result as the judge."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from agents.delivery.acceptance_tests import literal
from agents.delivery.aura_casebox import ANY, Matching, same
from verification.requirements.values import encode, matches

SPACE = {
    "ANY": ANY, "Matching": Matching, "Decimal": Decimal, "date": date, "datetime": datetime,
}  # fmt: skip
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 1.0, 0.5, "", "a", "1", [], [1], [1.0], [True], {}, {"a": 1}, {"a": 1.0},
    {"a": [None]},
    {"$decimal": "1"}, {"$decimal": "1.0"}, {"$decimal": "NaN"}, {"$tuple": []}, {"$tuple": [1]}, {"$set": []},
    {"$set": [1, 2]}, {"$frozenset": [1, 2]}, {"$bytes": "YQ=="}, {"$date": "2026-11-22"},
    {"$datetime": "2026-11-22T10:00:00+00:00"}, {"$datetime": "2026-11-22T11:00:00+01:00"},
    {"$datetime": "2026-11-22T10:00:00"}, {"$float": "nan"}, {"$float": "inf"}, {"$float": "-inf"},
    {"$int": "9007199254740993"}, {"$dict": [[1, "a"], [{"$tuple": [1]}, "b"]]}, {"$dict": [["a", 1]]},
]  # fmt: skip
LOOSE: list[Any] = [
    {"$any": True},
    {"$matches": "^a$"},
    [{"$any": True}],
    {"a": {"$matches": "x"}},
    {"$set": [1, {"$any": True}]},
]


def test_delivered_tests_compare_as_the_judge_does() -> None:
    """Every value against every value: the box's answer is the judge's."""
    assert eval(literal({"$datetime": "2026-11-22T10:00:00+00:00"}), SPACE) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    for expected in VALUES + LOOSE:
        for observed in VALUES:
            judged = matches(expected, encode(observed))
            boxed = same(eval(literal(expected), SPACE), eval(literal(observed), SPACE))
            assert boxed == judged, (expected, observed)
