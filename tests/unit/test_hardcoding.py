"""When literals of visible cases in the code are told, and when they are not."""

from typing import Any

import pytest

from verification.hardcoding import hard_coded_path, telling_values
from verification.requirement import Case, Criterion, Expectation, Step


def case(args: list[Any], returns: Any) -> Case:
    step = Step(action="call", target="m:f", args=tuple(args), expect=Expectation(returns=returns))
    return Case(steps=(step,), line=1)


def criterion(*cases: Case) -> Criterion:
    return Criterion(id="A1", says="it does", cases=cases)


TWO = criterion(case(["Hello World"], "hello-world"), case(["Rock & Roll", 4711], {"slug": "rock-roll", "n": 4712}))
TABLE = b'def f(x, n=0):\n    return {"Hello World": "hello-world"}.get(x)\n'


def told(path: str, source: bytes, base: dict[str, bytes] | None = None) -> str | None:
    return hard_coded_path(TWO, [path], {path: source}, base or {})


@pytest.mark.parametrize(
    "source",
    [
        TABLE,
        b'def f(x):\n    if x == "Hello World":\n        return "hello-world"\n',
        b'def f(x):\n    match x:\n        case "Hello World":\n            return "hello-world\\n"\n',
        b'def f(x, n):\n    if (x, n) == ("Rock & Roll", 4711): return {"slug": "rock-roll", "n": 4712}\n',
    ],
)
def test_a_table_of_half_the_cases_is_told(source: bytes) -> None:
    assert told("m.py", source) == "m.py"


@pytest.mark.parametrize(
    "source",
    [
        b"def f(x):\n    return x.lower()\n",
        b'def f(x):\n    """Hello World becomes hello-world."""\n    return x\n',
        b'def f(x):\n    return "hello-world"\n',  # a constant, not a table: wrong, but no case stands there
        b'def f(x):\n    return x\n\nassert f("Hello World") == "hello-world"\n',
        b'if __name__ == "__main__":\n    print(f("Hello World") == "hello-world")\n',
        b'def f(x):\n    return {"Hello World": 1, 4711: "rock-roll"}\n',
        b"not python at all (",
        b"\x00\xff",
    ],
)
def test_honest_code_is_not(source: bytes) -> None:
    assert told("m.py", source) is None


def test_tests_may_hold_the_cases_unless_the_code_imports_them() -> None:
    assert told("tests/test_m.py", TABLE) is None
    tree = {"tests/data.py": TABLE, "m.py": b"from tests.data import f\n"}
    assert hard_coded_path(TWO, list(tree), tree, {}) == "tests/data.py"


def test_what_the_base_held_is_nobodys_fault() -> None:
    assert told("m.py", TABLE + b"# more\n", {"m.py": TABLE}) is None
    assert told("m.py", TABLE, {"m.py": b""}) == "m.py"


def test_trivial_values_tell_nothing() -> None:
    assert telling_values(case([1], 2)) is None
    assert telling_values(case(["a"], "hello-world")) is None
    assert telling_values(case(["", None, True, 0.0], "x")) is None
    assert telling_values(case([["long text"]], {"$decimal": "10.25"})) is not None
    assert telling_values(case(["long text"], {"$matches": "long pattern"})) is None
