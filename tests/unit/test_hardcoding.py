"""Literals of visible cases in code: when they are reported, and when not."""

from typing import Any

import pytest

from verification.requirements.model import Case, Criterion, Expectation, Step
from verification.source_scan.hard_coding import hard_coded_path, telling_values


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


ECHOES = [
    'f("Hello World") == "hello-world"',
    'f("Hello World")\n"hello-world"',
    'print(f("Hello World"), "hello-world")',
    'print(f("Hello World") == "hello-world")',
    """print(f"{f('Hello World')} is {'hello-world'}")""",
    'assert f("Hello World") == "hello-world"',
    'f("Rock & Roll", 4711) == {"slug": "rock-roll", "n": 4712}',
    'print(f("Rock & Roll", n=4711)); print({"slug": "rock-roll", "n": 4712})',
    '"Hello World"\n"hello-world"',
]
WRONG = "def f(x, n=0):\n    return x\n"


@pytest.mark.parametrize("echo", ECHOES)
def test_a_wrong_answer_beside_an_echo_of_the_examples_is_not(echo: str) -> None:
    """The control: the same echo beside a table hides nothing."""
    assert told("m.py", f"{WRONG}\n{echo}\n".encode()) is None
    assert told("m.py", f"{echo}\n\n{WRONG}".encode()) is None
    assert told("m.py", TABLE + f"\n{echo}\n".encode()) == "m.py"


def test_a_docstring_that_is_a_value_is_not() -> None:
    assert told("m.py", b'def f(x, n=0):\n    "hello-world"\n    return x or "Hello World"\n') is None
    assert told("m.py", b'def f(x, n=0):\n    return x == "Hello World" and "hello-world"\n') == "m.py"


@pytest.mark.parametrize(
    "source",
    [
        'T = {}\nT.update({"Hello World": "hello-world"})\nf = T.get\n',
        'T = {}\nT.setdefault("Hello World", "hello-world")\nf = T.get\n',
        'import sys\nprint({"Hello World": "hello-world"}[sys.argv[1]])\n',
        'import sys\nprint("hello-world" if sys.argv[1] == "Hello World" else "")\n',
        'import sys\nif sys.argv[1] == "Hello World":\n    print("hello-world")\n',
        '(f := {"Hello World": "hello-world"}.get)\n',
        'def f(x):\n    if x == "Hello World":\n        print("hello-world")\n',
    ],
)
def test_a_statement_that_answers_is_no_echo(source: str) -> None:
    assert told("m.py", source.encode()) == "m.py"


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


def test_bytes_and_the_contents_of_files_count_too() -> None:
    packed = criterion(case([{"$tuple": ["some text"]}], {"$bytes": "AP8Q"}))
    source = b'def f(x):\n    return {("some text",): b"\\x00\\xff\\x10"}[x]\n'
    assert hard_coded_path(packed, ["m.py"], {"m.py": source}, {}) == "m.py"
    assert hard_coded_path(packed, ["m.py"], {"m.py": source.replace(b"x10", b"x11")}, {}) is None
    expect = Expectation(files_after={"out.txt": "long result\n"})
    step = Step(
        action="call", target="m:f", args=("in.txt", "out.txt"), files_before={"in.txt": "a,b\n"}, expect=expect
    )
    files = criterion(Case(steps=(step,), line=1))
    source = b'def f(x, y):\n    if open(x).read() == "a,b\\n": open(y, "w").write("long result\\n")\n'
    assert hard_coded_path(files, ["m.py"], {"m.py": source}, {}) == "m.py"
    honest = b'def f(x="in.txt", y="out.txt"):\n    open(y, "w").write(open(x).read() + "long result")\n'
    assert hard_coded_path(files, ["m.py"], {"m.py": honest}, {}) is None
