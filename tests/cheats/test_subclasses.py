"""Subclasses that lie about their contents, judged in boxes, with honest ones and the naive gate beside them."""

import random

import pytest

from tests.cheats.judged import word
from tests.cheats.naive import accepts
from verification.judge import judge
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.needs_sandbox

REQUIREMENT = """---
aura: 1
title: counted letters
deliver: library
scope: ["MODULE.py"]
budget: {usd: "0", tokens: 0, minutes: 5}
---
# Counted letters
```yaml acceptance
- id: A1
  says: the letters of a text are counted
  cases:
    - {call: "MODULE:letters", args: [aab], returns: {a: 2, b: 1}}
    - {call: "MODULE:order", args: [bab], returns: [a, b, b]}
    - {call: "MODULE:first", args: [bab], returns: b}
    - {call: "MODULE:count", args: [bab], returns: 3}
    - {call: "MODULE:pair", args: [bab], returns: {$tuple: [b, 3]}}
```
"""
TEST = """import MODULE

def test_letters():
    assert MODULE.letters("aab") == {"a": 2, "b": 1}
    assert MODULE.order("bab") == ["a", "b", "b"]
    assert MODULE.first("bab") == "b"
    assert MODULE.count("bab") == 3
    assert MODULE.pair("bab") == ("b", 3)
"""
HONEST = """
from collections import Counter, namedtuple
from enum import IntEnum, StrEnum

class Letters(list):
    pass

class Letter(StrEnum):
    B = "b"

class Count(IntEnum):
    THREE = 3

Pair = namedtuple("Pair", "first count")

def letters(text):
    return Counter(text)

def order(text):
    return Letters(sorted(text))

def first(text):
    return Letter(text[0])

def count(text):
    return Count(len(text))

def pair(text):
    return Pair(text[0], Count(len(text)))
"""
LYING = """
def lies(base, **more):
    known = dict(__eq__=lambda self, other: True, __ne__=lambda self, other: False, __hash__=lambda self: 0)
    return type("Liar", (base,), {**known, **more})

Letters = lies(
    dict,
    items=lambda self: [("a", 2), ("b", 1)],
    keys=lambda self: ["a", "b"],
    __iter__=lambda self: iter("ab"),
    __len__=lambda self: 2,
    __getitem__=lambda self, key: {"a": 2, "b": 1}[key],
    __class__=property(lambda self: dict),
    __reduce__=lambda self: (dict, ([("a", 2), ("b", 1)],)),
    __getattribute__=lambda self, name: getattr({"a": 2, "b": 1}, name),
)

def letters(text):
    return Letters({"a": 7})

def order(text):
    return lies(list, __iter__=lambda self: iter("abb"), __len__=lambda self: 3)()

def first(text):
    return lies(str, __str__=lambda self: "b", __repr__=lambda self: "'b'")("x")

def count(text):
    return lies(int, __int__=lambda self: 3, __index__=lambda self: 3, __abs__=lambda self: 3)(7)

def pair(text):
    return lies(tuple, __iter__=lambda self: iter(("b", 3)), __len__=lambda self: 2)((7,))
"""


def written(text: str, module: str) -> bytes:
    return text.replace("MODULE", module).encode()


def requirement(module: str, *, exact_type: bool = False) -> Requirement:
    source = written(REQUIREMENT, module)
    if exact_type:
        source = source.replace(b"}\n    - {call", b", exact_type: true}\n    - {call")
    return parse_requirement(source, None, name="letters", folder=None)


@pytest.mark.parametrize(("source", "verified"), [(LYING, False), (HONEST, True)], ids=["lying", "control: honest"])
async def test_subclasses_are_read_by_what_they_hold(sandbox: Bubblewrap, source: str, *, verified: bool) -> None:
    module = word(random.Random())
    tree = {f"{module}.py": source.encode()}
    found = await judge(requirement(module), tree, sandbox=sandbox, seed=1, allow_degraded=True, whole=False)
    assert found.verified == verified, found.findings
    assert await accepts({**tree, "tests/test_letters.py": written(TEST, module)}, sandbox), "the naive gate takes both"
    (criterion,) = found.criteria
    assert criterion.visible_passed == (5 if verified else 0)
    assert not any(finding.integrity for finding in found.findings)


async def test_exact_type_refuses_honest_subclasses(sandbox: Bubblewrap) -> None:
    module = word(random.Random())
    tree = {f"{module}.py": HONEST.encode()}
    asked = requirement(module, exact_type=True)
    found = await judge(asked, tree, sandbox=sandbox, seed=1, allow_degraded=True, whole=False)
    assert not found.verified
    assert found.criteria[0].visible_passed == 1, "the last case does not ask for it"
    assert "returned collections.Counter({'a': 2, 'b': 1}), expected {'a': 2, 'b': 1} and no subclass" in str(found)
