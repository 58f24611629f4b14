"""Functions that are reported as stubs: a case calls them, and they have no real code.

Other stubs are noted or accepted.
"""

import time

import pytest
from msgspec.structs import replace

from tests.unit.asked import asked
from verification.gates.stubs import Stubs
from verification.requirements.model import Case, Criterion, Expectation, Step
from verification.source_scan.parse import PARSED_BYTES_MAX

UNWRITTEN = {
    "pass": b"def slugify(text):\n    pass\n",
    "dots": b"def slugify(text): ...\n",
    "raises": b"def slugify(text):\n    raise NotImplementedError\n",
    "raises with a text": b'def slugify(text):\n    """A slug."""\n    raise NotImplementedError("later")\n',
    "a coroutine": b"async def slugify(text):\n    pass\n",
}
NOTED = {
    "a comment": b"def slugify(text):\n    # TODO: umlauts\n    return text\n",
    "another": b"x = 1  # FIXME\n",
    "a function that no case asks for": b"def other():\n    raise NotImplementedError\n",
    "a method": b"class C:\n    def f(self):\n        raise NotImplementedError\n",
}
HONEST = {
    "an abstract class": b"""
from abc import ABC, abstractmethod
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    def name(self):
        raise NotImplementedError
""",
    "an abstract method": b"""
import abc
class Shape(metaclass=abc.ABCMeta):
    @abc.abstractmethod
    def area(self):
        raise NotImplementedError
""",
    "a base by custom": b"""
class Shape:
    def area(self):
        raise NotImplementedError
class Square(Shape):
    def area(self):
        return 4
""",
    "a protocol": b"from typing import Protocol\nclass P(Protocol):\n    def f(self) -> int: ...\n",
    "a generic protocol": b"import typing\nclass P(typing.Protocol[T]):\n    def f(self) -> int: ...\n",
    "overloads": b"""
from typing import overload
@overload
def f(a: int) -> int: ...
@overload
def f(a: str) -> str: ...
def f(a):
    return a
""",
    "an exception": b"class Empty(ValueError):\n    pass\nclass Full(ValueError): ...\n",
    "nothing to close": b"class C:\n    def close(self):\n        pass\n",
    "an error that does not matter": b"try:\n    import x\nexcept ImportError:\n    pass\n",
    "not for this type": b"def f(a):\n    if a:\n        raise NotImplementedError(a)\n    return a\n",
    "a word in a text": b'HELP = "TODO: nothing"\ntodo = []\n',
    "no Python": b"def f(:\n",
    "tabs gone wrong": b"if 1:\n\tx\n        y\n",
}


@pytest.mark.parametrize("name", UNWRITTEN)
async def test_a_function_that_is_asked_for_and_not_written_is_told(name: str) -> None:
    report = await asked(Stubs(), {"slugify.py": UNWRITTEN[name]})
    (finding,) = report.findings
    assert (report.result, finding.kind, finding.path) == ("failed", "stub", "slugify.py")
    assert "slugify has no implementation" in finding.for_author
    assert not finding.integrity
    for path in ("tests/slugify.py", "other.py"):
        assert (await asked(Stubs(), {path: UNWRITTEN[name]})).findings == ()
    assert (await asked(Stubs(), {"src/slugify/__init__.py": UNWRITTEN[name]})).result == "failed"


@pytest.mark.parametrize("name", NOTED)
async def test_other_unfinished_things_are_noted(name: str) -> None:
    report = await asked(Stubs(), {"slugify.py": NOTED[name]})
    assert (report.result, report.findings) == ("noted", ())
    assert "slugify.py, line " in report.text


@pytest.mark.parametrize("name", HONEST)
async def test_what_is_as_it_should_be_is_not_even_noted(name: str) -> None:
    assert (await asked(Stubs(), {"slugify.py": HONEST[name]})).result == "passed"


@pytest.mark.parametrize(
    ("name", "expect", "result"),
    [
        ("pass", Expectation(returns=None), "noted"),
        ("dots", Expectation(), "noted"),
        ("pass", Expectation(returns=""), "failed"),
        ("raises", Expectation(raises="NotImplementedError"), "noted"),
        ("raises", Expectation(raises="RuntimeError", or_subclass=True), "noted"),
        ("raises", Expectation(raises="ValueError"), "failed"),
    ],
)
async def test_a_function_that_is_asked_for_nothing_may_do_nothing(name: str, expect: Expectation, result: str) -> None:
    step = Step(action="call", target="slugify:slugify", expect=expect)
    criterion = Criterion(id="A1", says="it does", cases=(Case(steps=(step,), line=1),))
    report = await asked(Stubs(), {"slugify.py": UNWRITTEN[name]}, of=lambda of: replace(of, criteria=(criterion,)))
    assert report.result == result


async def test_a_function_stays_unwritten_whatever_other_classes_are_made_from() -> None:
    """The last name of some bases is none at all."""
    source = UNWRITTEN["pass"] + b"class C((lambda: object)()):\n    x = 1\n"
    assert (await asked(Stubs(), {"slugify.py": source})).result == "failed"


async def test_what_is_too_large_to_be_parsed_here_is_passed_over() -> None:
    """A parser takes hundreds of bytes for each of the source's, and this one is in no box."""
    table = b"x = [" + b"0," * (PARSED_BYTES_MAX // 2) + b"]\n"
    began = time.process_time()
    assert (await asked(Stubs(), {"slugify.py": UNWRITTEN["pass"] + table})).result == "passed"
    assert time.process_time() - began < 2
    small = b"x = [" + b"0," * 1000 + b"]\n"
    assert (await asked(Stubs(), {"slugify.py": UNWRITTEN["pass"] + small})).result == "failed"
