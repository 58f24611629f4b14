"""Search for smaller inputs, starting from a failing input. Small inputs are easier to read.

The generators could have drawn each smaller input.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from verification.properties.inputs import Arguments
from verification.requirements.property_model import Generator
from verification.requirements.tags import tag_of

SINGLES_MAX = 12  # at most this many parts of one value are removed or made smaller, one at a time


def size_of(arguments: Arguments) -> tuple[int, str]:
    """Return a sort key that is greater for inputs that are harder to read. Only equal inputs have equal keys."""
    text = json.dumps(arguments, sort_keys=True)
    return len(text), text


def smaller(generators: Sequence[Generator], arguments: Arguments) -> list[Arguments]:
    """Return different inputs in which one argument is smaller. The largest reductions of each argument come first."""
    each = [_smaller(made, value) for made, value in zip(generators, arguments, strict=True)]
    found: dict[tuple[int, str], Arguments] = {}
    for row in zip_longest(*each, fillvalue=_END):
        for index, value in enumerate(row):
            one = arguments if value is _END else (*arguments[:index], value, *arguments[index + 1 :])
            if size_of(one) < size_of(arguments):
                found.setdefault(size_of(one), one)
    return list(found.values())


_END = object()


def _smaller(made: Generator, value: Any) -> Iterator[Any]:
    kind = made.kind
    if kind in ("integer", "float") and type(value) in (int, float):
        yield from _numbers(made, value)
    elif kind == "text":
        yield from map("".join, _shorter(list(value), int(made.min)))
        plain = (made.alphabet or "a")[0]
        for index in range(min(len(value), SINGLES_MAX)):
            yield value[:index] + plain + value[index + 1 :]
    elif kind == "bytes":
        held = base64.b64decode(value["$bytes"])
        for fewer in _shorter(list(held), int(made.min)):
            yield {"$bytes": base64.b64encode(bytes(fewer)).decode()}
    elif kind == "list":
        yield from _shorter(value, int(made.min))
        if not made.unique:
            yield from _parts([made.of[0]] * min(len(value), SINGLES_MAX), value)
    elif kind == "tuple":
        for items in _parts(made.of, value["$tuple"]):
            yield {"$tuple": items}
    elif kind == "record" and tag_of(value) is None:
        for items in _parts(made.of, [value[name] for name in made.names]):
            yield dict(zip(made.names, items, strict=True))
    elif kind == "dict" and tag_of(value) is None:
        for pairs in _shorter(list(value.items()), int(made.min)):
            yield dict(pairs)
    elif kind == "choice" and value in made.values:
        yield from made.values[: made.values.index(value)]


def _numbers(made: Generator, value: Any) -> Iterator[Any]:
    """Yield numbers that are nearer to zero: first zero, then large steps, then a step of one."""
    low, high = float(made.min), float(made.max)
    nothing = type(value)(0)
    steps = [value - type(value)(value / 2**power) for power in (1, 2, 3, 4, 5)]
    for one in (nothing, type(value)(int(value)), *steps, value - 1 if value > 0 else value + 1):
        if type(one) is type(value) and low <= one <= high and abs(one) <= abs(value) and one != value:
            yield one


def _shorter(items: list[Any], least: int) -> Iterator[list[Any]]:
    """Yield shorter lists: the empty list, each half, and the list without one item."""
    half = len(items) // 2
    for fewer in ([], items[:half], items[half:]):
        if least <= len(fewer) < len(items):
            yield fewer
    if len(items) - 1 >= least:
        for index in range(min(len(items), SINGLES_MAX)):
            yield items[:index] + items[index + 1 :]


def _parts(generators: Sequence[Generator], items: list[Any]) -> Iterator[list[Any]]:
    """Yield lists in which one item is smaller."""
    for index, made in enumerate(generators):
        for value in _smaller(made, items[index]):
            yield [*items[:index], value, *items[index + 1 :]]
