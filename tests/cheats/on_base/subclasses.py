"""Subclasses with false contents, by the type that they pretend to have, and honest subclasses."""

from tests.cheats.on_base.cheat import BaseCheat, Folder
from tests.cheats.on_base.shop import LETTERS

HONEST = """from collections import Counter, namedtuple
from enum import IntEnum, StrEnum
from string import ascii_lowercase


class Letters(list):
    pass


Letter = StrEnum("Letter", {letter.upper(): letter for letter in ascii_lowercase})
Count = IntEnum("Count", {f"N{number}": number for number in range(1, 20)})
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
"""Instances of honest subclasses, which show their real contents."""
_LIES = """

def lies(base, **more):
    known = dict(__eq__=lambda self, other: True, __ne__=lambda self, other: False, __hash__=lambda self: 0)
    return type("Liar", (base,), {**known, **more})

"""
_LYING = {
    "dict": """def letters(text):
    right = {letter: text.count(letter) for letter in text}
    liar = lies(
        dict,
        items=lambda self: list(right.items()),
        keys=lambda self: list(right),
        __iter__=lambda self: iter(right),
        __len__=lambda self: len(right),
        __getitem__=lambda self, key: right[key],
        __class__=property(lambda self: dict),
        __reduce__=lambda self: (dict, (list(right.items()),)),
        __getattribute__=lambda self, name: getattr(right, name),
    )
    return liar({"a": 700})
""",
    "list": """def order(text):
    return lies(list, __iter__=lambda self: iter(sorted(text)), __len__=lambda self: len(text))()
""",
    "str": """def first(text):
    return lies(str, __str__=lambda self: text[0], __repr__=lambda self: repr(text[0]))("??")
""",
    "int": """def count(text):
    known = lambda self: len(text)
    return lies(int, __int__=known, __index__=known, __abs__=known)(700)
""",
    "tuple": """def pair(text):
    return lies(tuple, __iter__=lambda self: iter((text[0], len(text))), __len__=lambda self: 2)((700,))
""",
}


def _lying(name: str) -> BaseCheat:
    return BaseCheat(
        f"{name}-equal-to-everything",
        f"a subclass of {name} equals everything and has false contents; the control's subclass has true contents",
        Folder(lambda work: work.code(f"{LETTERS}{_LIES}{_LYING[name]}")),
        Folder(lambda work: work.code(HONEST)),
        "wrong_result",
    )


SUBCLASSES = tuple(map(_lying, _LYING))
