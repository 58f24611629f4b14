"""The judge and a delivery's tests compare instances of subclasses by their contents. False answers gain nothing."""

import json
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Any

import msgspec
import pytest

from agents.delivery.acceptance_tests import acceptance_files, literal
from agents.delivery.aura_casebox import ANY, Matching, equal, same
from tests.unit.test_reading import parse
from verification.execution.case_runner import ANSWER_DEPTH_MAX, CaseAnswer, StepSeen
from verification.execution.comparison import problem_of
from verification.in_box.tagged_values import DEPTH_MAX, Encoder
from verification.requirements.model import Case, Expectation, Step
from verification.requirements.tags import plain

SPACE = {"ANY": ANY, "Matching": Matching, "Decimal": Decimal, "date": date, "datetime": datetime}
Point = namedtuple("Point", "x y")  # as much old code has it


class Level(IntEnum):
    LOW = 1


class Flag(IntFlag):
    A = 1
    B = 2


class Name(StrEnum):
    A = "a"


class Plain(Enum):
    A = 1


class Words(list[Any]):
    pass


class Pair(tuple[Any, ...]):
    pass


class Bag(set[Any]):
    pass


class Frozen(frozenset[Any]):
    pass


class Ratio(float):
    pass


class Text(str):
    __slots__ = ()


class Raw(bytes):
    pass


class Money(Decimal):
    pass


class Day(date):
    pass


class Moment(datetime):
    pass


HONEST: list[tuple[Any, Any]] = [
    (Counter("aab"), {"a": 2, "b": 1}),
    (defaultdict(list, {"a": [1]}), {"a": [1]}),
    (OrderedDict([("b", 1), ("a", 2)]), {"a": 2, "b": 1}),
    (Counter([1, 1, 2]), {"$dict": [[1, 2], [2, 1]]}),
    (Point(1, "b"), {"$tuple": [1, "b"]}),
    ([Point(1, 2), Point(3, 4)], [{"$tuple": [1, 2]}, {"$tuple": [3, 4]}]),
    (Level.LOW, 1),
    (Flag.A | Flag.B, 3),
    (Name.A, "a"),
    ({Name.A: Level.LOW}, {"a": 1}),
    ({Name.A, "b"}, {"$set": ["a", "b"]}),
    (Words(["a", Text("b")]), ["a", "b"]),
    (Pair((1,)), {"$tuple": [1]}),
    (Bag({1}), {"$set": [1]}),
    (Frozen({1}), {"$frozenset": [1]}),
    (Ratio(0.5), 0.5),
    (Raw(b"a"), {"$bytes": "YQ=="}),
    (Money("1.50"), {"$decimal": "1.5"}),
    (Day(2026, 11, 22), {"$date": "2026-11-22"}),
    (Moment(2026, 11, 22, 10, tzinfo=UTC), {"$datetime": "2026-11-22T10:00:00+00:00"}),
    (Text("cab"), {"$matches": "^c"}),
    (Counter(a=1), {"$any": True}),
    ({"k": Text("cab")}, {"k": {"$matches": "a"}}),
]
DIFFERENT: list[tuple[Any, Any]] = [
    (Level.LOW, True),
    (True, 1),
    (Level.LOW, 1.0),
    (Level.LOW, 2),
    (Name.A, "b"),
    (Pair((1,)), [1]),
    (Words([1]), {"$tuple": [1]}),
    (Point(1, 2), [1, 2]),
    (Bag({1}), {"$frozenset": [1]}),
    (Counter("aab"), {"a": 1, "b": 1}),
    (Counter("aab"), {"a": 2}),
    (Moment(2026, 11, 22), {"$date": "2026-11-22"}),
    (Plain.A, 1),
]


def problem(observed: Any, returns: Any, *, exact_type: bool = False) -> str | None:
    """Return the judge's message about an observed value, after the value was encoded and decoded."""
    value = json.loads(json.dumps(Encoder().encode(observed)))
    expect = Expectation(returns=returns, exact_type=exact_type)
    step = Step(action="call", target="m:f", expect=expect)
    seen = StepSeen(did="returned", before={}, files={}, value=value)
    told = problem_of(Case(steps=(step,), line=1), CaseAnswer([seen], 0.0))
    return told.text if told is not None else None


def both(observed: Any, returns: Any, *, exact_type: bool = False) -> bool:
    """Return the judge's verdict, and check that a delivery's own tests give the same verdict."""
    judged = problem(observed, returns, exact_type=exact_type) is None
    assert same(eval(literal(returns), SPACE), observed, exact_type=exact_type) == judged, (observed, returns)
    return judged


def numbered(pairs: Sequence[tuple[Any, Any]]) -> list[str]:
    """Return ids that are the same in every process. The printed order of a set depends on the hash seed."""
    return [f"{number}-{type(observed).__name__}" for number, (observed, _) in enumerate(pairs)]


@pytest.mark.parametrize(("observed", "returns"), HONEST, ids=numbered(HONEST))
def test_contents_are_compared(observed: Any, returns: Any) -> None:
    assert both(observed, returns)


@pytest.mark.parametrize(("observed", "returns"), DIFFERENT, ids=numbered(DIFFERENT))
def test_other_contents_and_other_types_are_refused(observed: Any, returns: Any) -> None:
    assert not both(observed, returns)


@pytest.mark.parametrize(("observed", "returns"), HONEST, ids=numbered(HONEST))
def test_an_exact_type_is_no_subclass(observed: Any, returns: Any) -> None:
    """The control is the plain value itself."""
    assert both(observed, returns, exact_type=True) == (returns == {"$any": True})
    built_in = eval(literal(returns), SPACE)
    if not isinstance(built_in, Matching) and returns != {"k": {"$matches": "a"}}:
        assert both(built_in, returns, exact_type=True) or returns == {"$any": True}


def test_the_message_names_the_class() -> None:
    told = problem(Counter("a"), {"a": 1}, exact_type=True) or ""
    assert "returned collections.Counter({'a': 1}), expected {'a': 1} of exactly this type" in told
    assert "returned {'a': 1}, expected {'a': 2}" in (problem(Counter("a"), {"a": 2}) or "")


class _AlwaysEqual:
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


def lying(base: type, **overrides: Any) -> type:
    """Return a subclass that overrides methods, so that they do not show its contents."""
    return type("Lying", (base,), overrides)


RIGHT_ITEMS = [("a", 1)]


def always(value: Any) -> Any:
    """Return a method that gives the same answer for any arguments."""
    return lambda *_, **__: value


LIES: list[tuple[Any, Any, Any]] = [
    # what it shows, its wrong contents and the right ones
    (lying(dict, __eq__=always(True), __hash__=None), {"a": 2}, {"a": 1}),
    (lying(dict, items=always(RIGHT_ITEMS), keys=always(["a"]), __iter__=lambda *_: iter("a")), {"a": 2}, {"a": 1}),
    (lying(dict, __len__=always(1), __getitem__=always(1)), {"a": 2, "b": 3}, {"a": 1}),
    (lying(dict, __class__=property(always(dict))), {"a": 2}, {"a": 1}),
    (lying(dict, __getattribute__=lambda *given: getattr({"a": 1}, given[1])), {"a": 2}, {"a": 1}),
    (lying(dict, __reduce__=always((dict, (RIGHT_ITEMS,))), copy=always({"a": 1})), {"a": 2}, {"a": 1}),
    (lying(dict, __missing__=always(1), get=always(1)), {}, {"a": 1}),
    (lying(list, __iter__=lambda *_: iter([1]), __len__=always(1), __getitem__=always(1)), [2], [1]),
    (lying(list, __eq__=always(True), __hash__=None), [2], [1]),
    (lying(tuple, __iter__=lambda *_: iter([1]), __eq__=always(True), __hash__=always(0)), (2,), (1,)),
    (lying(set, __iter__=lambda *_: iter([1]), __contains__=always(True), __hash__=None), {2}, {1}),
    (lying(frozenset, __iter__=lambda *_: iter([1]), __eq__=always(True), __hash__=always(0)), {2}, {1}),
    (lying(str, __str__=always("a"), __eq__=always(True), __hash__=always(hash("a"))), "b", "a"),
    (lying(str, encode=always(b"a"), __format__=always("a"), __repr__=always("'a'")), "b", "a"),
    (lying(int, __int__=always(1), __index__=always(1), __eq__=always(True), __hash__=always(1)), 2, 1),
    (lying(int, __abs__=always(1), __repr__=always("1"), __str__=always("1")), 2, 1),
    (lying(float, __float__=always(1.0), __eq__=always(True), __hash__=always(1)), 2.0, 1.0),
    (lying(float, __sub__=always(0.0), __rsub__=always(0.0), __abs__=always(0.0)), 2.0, 1.0),
    (lying(bytes, __iter__=lambda *_: iter(b"a"), __getitem__=always(b"a"), __bytes__=always(b"a")), b"b", b"a"),
    (lying(Decimal, __str__=always("1"), __eq__=always(True), __hash__=always(1)), Decimal(2), Decimal(1)),
]


def returns_of(value: Any) -> Any:
    """Return the expected value in the form of a requirement."""
    return Encoder().encode(frozenset(value) if isinstance(value, set | frozenset) else value)


@pytest.mark.parametrize(("kind", "wrong", "right"), LIES, ids=lambda value: getattr(value, "__name__", repr(value)))
def test_a_subclass_that_lies_gains_nothing(kind: type, wrong: Any, right: Any) -> None:
    """Its control: the same class with the right contents is accepted."""
    returns = Encoder().encode(kind.__mro__[1](right))
    assert not both(kind(wrong), returns)
    assert not both([kind(wrong)], [returns])
    assert both(kind(right), returns)
    assert not equal(kind(wrong), kind(right))
    assert equal(kind(right), kind(right))


def test_a_naive_comparison_believes_the_lies() -> None:
    """The control of the lies: `==`, as tests have it, accepts what is wrong."""
    believed = [wrong for kind, wrong, right in LIES if kind(wrong) == right or list_of(kind(wrong)) == list_of(right)]
    assert len(believed) >= len(LIES) // 2


def list_of(value: Any) -> Any:
    try:
        return dict(value.items()) if hasattr(value, "items") else list(value)
    except TypeError:
        return None


class Metaclass(type):
    def __getattribute__(cls, name: str) -> Any:
        raise KeyboardInterrupt(name)

    def __instancecheck__(cls, instance: object) -> bool:
        return True

    def __subclasscheck__(cls, subclass: type) -> bool:
        return True

    def __eq__(cls, other: object) -> bool:
        return True

    def __hash__(cls) -> int:
        return hash(dict)


def test_a_class_that_lies_about_itself_gains_nothing() -> None:
    liar = Metaclass("Liar", (), {})
    held = Metaclass("Holder", (dict,), {})
    assert not both(liar(), {})
    assert both(held({"a": 1}), {"a": 1})
    assert not both(held({"a": 2}), {"a": 1})
    assert "an unnamed class" in (problem(held({"a": 2}), {"a": 1}, exact_type=True) or "")


class Key(str):
    """A key type. A dict can hold two of its keys with equal contents."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def test_keys_of_equal_contents_do_not_become_one() -> None:
    twice = {Key("a"): 2, Key("a"): 1}
    assert len(twice) == 2
    assert not both(twice, {"a": 1})
    assert not both(twice, {"a": 2})
    assert both({Key("a"): 1}, {"a": 1})
    assert not both({Key("a"), Key("a")}, {"$set": ["a"]})


def test_values_nest_as_deep_as_before_and_no_deeper() -> None:
    deep: Any = 1
    for _ in range(DEPTH_MAX):
        deep = Counter({Name.A: deep})
    levels, row = 0, [json.loads(json.dumps(Encoder().encode(deep)))]
    while row := [item for held in row if type(held) in (dict, list) for item in _inside(held)]:
        levels += 1
    assert levels < ANSWER_DEPTH_MAX
    expected: Any = 1
    for _ in range(DEPTH_MAX):
        expected = {"a": expected}
    assert problem(deep, expected) is None
    assert problem(Counter({"a": deep}), {"a": expected}) is not None


def _inside(held: Any) -> Iterator[Any]:
    yield from held.values() if type(held) is dict else held


@pytest.mark.parametrize("forged", [{"$of": 1}, {"$of": []}, {"$of": ["x"]}, {"$of": ["x", 1, 2]}, {"$of": {"a": 1}}])
def test_a_forged_subclass_is_no_value(forged: Any) -> None:
    assert plain(forged) == forged
    step = Step(action="call", target="m:f", expect=Expectation(returns={"$dict": []}))
    seen = StepSeen(did="returned", before={}, files={}, value=forged)
    assert problem_of(Case(steps=(step,), line=1), CaseAnswer([seen], 0.0)) is not None


def test_the_key_reaches_the_delivered_test() -> None:
    requirement = parse('{call: "m:f", returns: {a: 1}, exact_type: true}')
    (step,) = requirement.criteria[0].cases[0].steps
    assert step.expect.exact_type
    files = acceptance_files(requirement, "tests", "test_it.py")
    assert b"returns={'a': 1}, exact_type=True" in files["tests/test_it.py"]
    assert not msgspec.structs.replace(step.expect, exact_type=False).exact_type
