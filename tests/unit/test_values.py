"""Values compare as strict JSON types and are transferred unchanged.

No observed value can crash or block a comparison.
"""

import base64
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from verification.requirements.values import LOOSE_ITEMS_MAX, VALUE_DEPTH_MAX, encode, matches, show

FAST_S = 5.0  # far more than a linear comparison takes, far less than a quadratic one

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.decimals(allow_nan=False).map(lambda number: {"$decimal": str(number)}),
    st.binary(max_size=8).map(lambda data: {"$bytes": base64.b64encode(data).decode()}),
    st.dates().map(lambda day: {"$date": day.isoformat()}),
    st.datetimes().map(lambda moment: {"$datetime": moment.isoformat()}),
    st.sampled_from(["nan", "inf", "-inf"]).map(lambda word: {"$float": word}),
)
plain_keys = st.text(max_size=5).filter(lambda key: not key.startswith("$"))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(lambda items: {"$tuple": items}),
        st.lists(st.integers(), max_size=4, unique=True).map(lambda items: {"$set": items}),
        st.dictionaries(plain_keys, inner, max_size=4),
        st.lists(st.tuples(st.integers(), inner).map(list), max_size=3, unique_by=lambda pair: pair[0]).map(
            lambda pairs: {"$dict": pairs}
        ),
    ),
    max_leaves=12,
)
tags = st.sampled_from(
    [
        "$tuple",
        "$set",
        "$frozenset",
        "$bytes",
        "$decimal",
        "$date",
        "$datetime",
        "$float",
        "$dict",
        "$int",
        "$object",
        "$?",
    ]
)
hostile = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.binary(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(tags, inner, max_size=2),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=3),
    ),
    max_leaves=12,
)


@given(values)
def test_a_value_equals_itself_after_its_way_through_the_wire(value: Any) -> None:
    observed = json.loads(json.dumps(encode(value)))
    assert matches(value, observed)
    assert matches({"$any": True}, observed)


@given(values, values)
def test_two_values_match_in_both_directions_or_in_none(one: Any, other: Any) -> None:
    assert matches(one, encode(other)) == matches(other, encode(one))


@given(st.one_of(values, hostile), hostile, st.one_of(st.none(), st.floats(min_value=0, max_value=1)))
def test_no_observed_value_raises(expected: Any, observed: Any, approx: float | None) -> None:
    assert matches(expected, observed, approx=approx) in (True, False)
    assert len(show(observed, 40)) <= 40
    assert not any(ord(char) < 32 for char in show(observed))


@given(st.lists(st.one_of(st.integers(0, 3), st.booleans()), max_size=6).map(lambda x: {"$set": x}), hostile)
@settings(max_examples=50)
def test_sets_ignore_order(value: Any, other: Any) -> None:
    assert matches(value, {"$set": value["$set"][::-1]})
    assert not matches(value, {"$set": [*value["$set"], other]})


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (True, 1),
        (1, True),
        (1, 1.0),
        (1.0, 1),
        ("1", 1),
        (None, False),
        (None, 0),
        ("", None),
        ([1], {"$tuple": [1]}),
        ({"$tuple": [1]}, [1]),
        ({"$set": [1]}, {"$frozenset": [1]}),
        ({"$set": [1, 2]}, {"$set": [1, 1]}),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1}, {"a": True}),
        ({"$decimal": "1.5"}, 1.5),
        ({"$decimal": "1.5"}, {"$decimal": "1.6"}),
        ({"$bytes": "YQ=="}, "a"),
        ({"$date": "2026-11-22"}, "2026-11-22"),
        ({"$date": "2026-11-22"}, {"$datetime": "2026-11-22T00:00:00"}),
        ({"$datetime": "2026-11-22T00:00:00"}, {"$datetime": "2026-11-22T00:00:00+00:00"}),
        ({"$float": "nan"}, {"$float": "inf"}),
        ({"$dict": [[1, "a"]]}, {"1": "a"}),
        ({"$object": "x.Y"}, {"$object": "x.Y"}),
        ({"$matches": "^a+$"}, "b"),
        ({"$matches": "a"}, ["a"]),
        ({"$matches": "(?=a)"}, "a"),
        ({"$set": [{"$matches": "a"}, {"$matches": "a"}]}, {"$set": ["a", "b"]}),
    ],
)
def test_what_is_not_the_same_does_not_match(expected: Any, observed: Any) -> None:
    assert not matches(expected, observed)


@pytest.mark.parametrize(
    ("expected", "observed"),
    [
        (0.0, -0.0),
        (2**70, {"$int": str(2**70)}),
        (5, {"$int": "5"}),
        ({"$decimal": "1.5"}, {"$decimal": "1.50"}),
        ({"$decimal": "nan"}, {"$decimal": "NaN"}),
        ({"$decimal": "0"}, {"$decimal": "-0.00"}),
        ({"$datetime": "2026-11-22T01:00:00+01:00"}, {"$datetime": "2026-11-22T00:00:00Z"}),
        ({"$float": "nan"}, {"$float": "nan"}),
        ({"$dict": [["a", 1]]}, {"a": 1}),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
        ({"$any": True}, {"$object": "x.Y"}),
        ([{"$any": True}, {"$matches": "^b"}], [None, "bc"]),
        ({"$set": [{"$any": True}, {"$matches": "^a"}, 3]}, {"$set": ["ab", 3, 4]}),
        ({"k": {"$matches": "a"}}, {"k": "cat"}),
    ],
)
def test_what_is_the_same_matches(expected: Any, observed: Any) -> None:
    assert matches(expected, observed)


def test_approx_is_for_floats_alone() -> None:
    assert matches(1.0, 1.05, approx=0.1)
    assert matches([1.0, {"a": 2.0}], [0.95, {"a": 2.0}], approx=0.1)
    assert matches({"$set": [1.0, 2.0]}, {"$set": [2.05, 1.05]}, approx=0.1)
    assert not matches(1.0, 1.2, approx=0.1)
    assert not matches(1.0, 1, approx=0.1)
    assert not matches(1, 1.0, approx=0.1)
    assert not matches(1.0, True, approx=0.1)
    assert not matches(1.0, float("nan"), approx=0.1)
    assert not matches(1.0, 1.0000001)


def test_long_observed_values_take_time_in_proportion() -> None:
    collide = [n * (2**61 - 1) for n in range(100_000)]  # equal hashes, were they hashed as numbers
    cases: list[tuple[Any, Any]] = [
        ({"$matches": "(a+)+$"}, "a" * 2_000_000 + "b"),
        ({"$set": [1]}, {"$set": [{"$frozenset": collide}]}),
        ({"$set": [{"$any": True}] * 2}, {"$set": [{"$frozenset": collide}, {"$tuple": collide}]}),
        ({"$dict": [[1, 2]]}, {"$dict": [[{"$frozenset": collide}, 2]]}),
        ({"$decimal": "1"}, {"$decimal": "1e999999999999"}),
        ({"$decimal": "1"}, {"$decimal": "9" * 3_000_000}),
        (1, {"$int": "9" * 3_000_000}),
    ]
    started = time.process_time()
    for expected, observed in cases:
        matches(expected, observed)
        show(observed)
    assert time.process_time() - started < FAST_S


def test_deep_values_equal_nothing() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]
    flat: Any = "x"
    for _ in range(VALUE_DEPTH_MAX - 1):
        flat = [flat]
    assert matches(flat, flat)
    assert not matches(deep, deep)
    assert not matches({"$set": ["x"]}, {"$set": [deep]})
    assert len(show(deep)) <= 200
    with pytest.raises(Invalid):
        encode(deep)
    while isinstance(deep, list):  # taken apart by hand: freeing it would recurse as deep
        deep = deep.pop()


def test_too_many_loose_members_equal_nothing() -> None:
    within = {"$set": [{"$matches": str(n)} for n in range(LOOSE_ITEMS_MAX)]}
    beyond = {"$set": [{"$matches": str(n)} for n in range(LOOSE_ITEMS_MAX + 1)]}
    assert matches(within, {"$set": [str(n) for n in range(LOOSE_ITEMS_MAX)]})
    assert not matches(beyond, {"$set": [str(n) for n in range(LOOSE_ITEMS_MAX + 1)]})


@pytest.mark.parametrize(
    "value", [{"$any": True}, {"$matches": "a"}, {"$decimal": "x"}, {"$set": 1}, {"$x": 1, "b": 2}]
)
def test_an_argument_is_one_value(value: Any) -> None:
    assert encode({"$decimal": "1"}) == {"$decimal": "1"}
    with pytest.raises(Invalid):
        encode(value)


def test_wire_forms() -> None:
    assert encode(2**53) == 2**53
    assert encode(2**53 + 1) == {"$int": "9007199254740993"}
    assert encode({"$dict": [["a", 1]]}) == {"a": 1}
    assert encode({"$dict": [["$a", 1]]}) == {"$dict": [["$a", 1]]}
    assert encode([float("inf")]) == [{"$float": "inf"}]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\x1b[31m\n", "'a\\x1b[31m\\n'"),
        ({"$tuple": [1]}, "(1,)"),
        ({"$set": []}, "set()"),
        ({"$frozenset": [1, 2]}, "frozenset({1, 2})"),
        ({"$decimal": "1.5"}, "decimal('1.5')"),
        ({"$object": "x.Y"}, "<x.Y>"),
        ({"$any": True}, "anything"),
        ({"$matches": "a"}, "text matching 'a'"),
        ({"a": [1, True, None]}, "{'a': [1, True, None]}"),
        ({"$dict": [[1, 2]]}, "{1: 2}"),
        ("x" * 300, "'" + "x" * 198 + "…"),
    ],
)
def test_people_read_values_in_python_spelling(value: Any, text: str) -> None:
    assert show(value) == text
