"""Values of requirements: their encoding for the sandbox, their comparison with results, and their text for people.

Expected and observed values are JSON with tagged values (`verification/requirements/tags.py`). Types must be equal:
true is not 1, and 1 is not 1.0. An observed instance of a subclass is encoded as `{"$of": [its class, its contents]}`.
It equals no other value; `plain` returns its contents. Observed values come from untrusted code. So the comparison
never raises an error, and its time is proportional to the size of the values.
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from domain.errors import Invalid
from verification.requirements.tags import (
    COLLECTIONS,
    EXACT_INT_MAX,
    SCALARS,
    SUBCLASS,
    VALUE_DEPTH_MAX,
    canonical,
    pattern_fault,
    tag_of,
    text_matches,
)

__all__ = ["LOOSE_ITEMS_MAX", "VALUE_DEPTH_MAX", "encode", "key_of", "matches", "show", "text_matches"]

LOOSE_ITEMS_MAX = 64  # in one set: members that match more than one value ($any, $matches, floats with approx)


def encode(value: Any) -> Any:
    """Return the encoded form of an argument. Raises Invalid for malformed values and for tags such as `$any`."""
    return _encode(value, 0)


def _encode(value: Any, depth: int) -> Any:
    if depth > VALUE_DEPTH_MAX:
        raise Invalid("the value is nested too deep", hint=f"Write at most {VALUE_DEPTH_MAX} levels.")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return value if abs(value) <= EXACT_INT_MAX else {"$int": str(value)}
    if type(value) is float:
        return value if math.isfinite(value) else {"$float": str(value)}
    if type(value) in (list, tuple):
        return [_encode(item, depth + 1) for item in value]
    tag = tag_of(value)
    if tag in COLLECTIONS and type(value[tag]) is list:
        return {tag: [_encode(item, depth + 1) for item in value[tag]]}
    if tag in SCALARS:
        try:
            canonical(tag, value[tag])
        except ValueError as error:
            raise Invalid(
                f"{tag} has an invalid value: {error}", hint="Correct the value in the requirement."
            ) from error
        return dict(value)
    pairs = _pairs(value)
    if pairs is None:
        raise Invalid(f"{show(value, 60)} is not a value", hint="Write a JSON value or a tagged value.")
    encoded = [[_encode(key, depth + 1), _encode(item, depth + 1)] for key, item in pairs]
    if all(type(key) is str and not key.startswith("$") for key, _ in pairs):
        return dict(encoded)
    return {"$dict": encoded}


def _pairs(value: Any) -> list[tuple[Any, Any]] | None:
    """Return key and value pairs of a dict in either form: a plain mapping, or `$dict` with a list of pairs."""
    if type(value) is not dict:
        return None
    if tag_of(value) == "$dict":
        listed = value["$dict"]
        if type(listed) is not list or not all(type(pair) is list and len(pair) == 2 for pair in listed):
            return None
        return [(pair[0], pair[1]) for pair in listed]
    if any(type(key) is not str or key.startswith("$") for key in value):
        return None
    return list(value.items())


def key_of(value: Any, depth: int = 0) -> str | None:
    """Return a text key: two values are equal if their keys are equal. None for loose, malformed or too deep values."""
    if depth > VALUE_DEPTH_MAX:
        return None
    kind = type(value)
    if value is None or kind is bool:
        return str(value)
    if kind is str:
        return f"{len(value)}:{value}"
    if kind is int:
        return f"$int({hex(value)})"
    if kind is float:
        return f"float({value.hex() if value else 0})" if math.isfinite(value) else None
    tag = tag_of(value)
    if tag in SCALARS:
        try:
            return canonical(tag, value[tag])
        except ValueError:
            return None
    if kind is list or tag in COLLECTIONS:
        return _joined(tag or "list", value if tag is None else value[tag], depth)
    pairs = _pairs(value)
    return None if pairs is None else _joined("dict", [[key, item] for key, item in pairs], depth)


def _joined(word: str, items: Any, depth: int) -> str | None:
    """Return the key of a collection. The order of sets and dicts does not count."""
    if type(items) is not list:
        return None
    keys: list[str] = []
    for item in items:
        key = key_of(item, depth + 1)
        if key is None:
            return None
        keys.append(key)
    return f"{word}({','.join(keys if word in ('list', '$tuple') else sorted(keys))})"


def matches(expected: Any, observed: Any, *, approx: float | None = None) -> bool:
    """Return whether an observed value matches the expected value. `approx`: maximum absolute difference of floats."""
    return _Comparison(approx).same(expected, observed, 0)


class _Comparison:
    """One comparison. It goes only as deep as the expected value, whose depth the requirement's parser limits."""

    def __init__(self, approx: float | None) -> None:
        self.approx = approx

    def same(self, expected: Any, observed: Any, depth: int) -> bool:
        tag = tag_of(expected)
        if depth > VALUE_DEPTH_MAX:
            return False
        if tag == "$any":
            return expected["$any"] is True
        if tag == "$matches":
            return pattern_fault(expected[tag]) is None and text_matches(expected[tag], observed)
        if tag in COLLECTIONS:
            if tag_of(observed) != tag:
                return False
            return self.members(tag, expected[tag], observed[tag], depth)
        if type(expected) is list:
            return self.members("$tuple", expected, observed, depth)
        if type(expected) is float and self.approx is not None:
            return self.near(expected, observed)
        if type(expected) is dict and tag not in SCALARS:
            return self.mapping(expected, observed, depth)
        key = key_of(expected)
        return key is not None and key == self.shallow_key(observed)

    def shallow_key(self, observed: Any) -> str | None:
        """Return the key of a scalar. Return None for a collection, without a look at its items."""
        collection = type(observed) is list or (type(observed) is dict and tag_of(observed) not in SCALARS)
        return None if collection else key_of(observed)

    def near(self, expected: float, observed: Any) -> bool:
        if type(observed) is not float or not (math.isfinite(expected) and math.isfinite(observed)):
            return False
        return self.approx is not None and abs(expected - observed) <= self.approx

    def members(self, tag: str, expected: Any, observed: Any, depth: int) -> bool:
        if type(expected) is not list or type(observed) is not list or len(expected) != len(observed):
            return False
        if tag == "$tuple":
            return all(self.same(one, other, depth + 1) for one, other in zip(expected, observed, strict=True))
        return self.unordered(expected, observed, depth)

    def mapping(self, expected: Any, observed: Any, depth: int) -> bool:
        wanted, found = _pairs(expected), _pairs(observed)
        if wanted is None or found is None or len(wanted) != len(found):
            return False
        values = {key_of(key): value for key, value in found}
        if len(values) != len(found) or None in values:
            return False
        for key, value in wanted:
            name = key_of(key)
            if name not in values or not self.same(value, values[name], depth + 1):
                return False
        return True

    def unordered(self, expected: list[Any], observed: list[Any], depth: int) -> bool:
        """Return whether two sets match. Exact members are compared by key, loose members by a bipartite matching."""
        keys = [(item, key_of(item)) for item in observed]
        left = Counter(key for _, key in keys)
        loose: list[Any] = []
        for item in expected:
            key = None if self.approx is not None and type(item) is float else key_of(item)
            if key is None:
                loose.append(item)
            elif left[key] > 0:
                left[key] -= 1
            else:
                return False
        if not loose:
            return True
        if len(loose) > LOOSE_ITEMS_MAX:
            return False
        rest: list[Any] = []
        for item, key in keys:
            if left[key] > 0:
                left[key] -= 1
                rest.append(item)
        return _assignable([[self.same(one, other, depth + 1) for other in rest] for one in loose])


def _assignable(fits: list[list[bool]]) -> bool:
    """Return whether each row can get a column of its own, by augmenting paths for at most LOOSE_ITEMS_MAX rows."""
    owner: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in owner or place(owner[column], tried):
                    owner[column] = row
                    return True
        return False

    return all(place(row, set()) for row in range(len(fits)))


def show(value: Any, limit: int = 200) -> str:
    """Return a value as a short text in Python's notation. Control characters are escaped, and long values are cut."""
    said = ""
    for piece in _pieces(value, limit, 0):
        said += piece
        if len(said) > limit:
            return said[: max(limit - 1, 0)] + "…"
    return said


def _pieces(value: Any, limit: int, depth: int) -> Iterator[str]:
    if depth > VALUE_DEPTH_MAX:
        yield "…"
    elif type(value) is str:
        yield repr(value[: limit + 1])
    elif type(value) is int and value.bit_length() > 4 * limit:
        yield f"an int of {value.bit_length()} bits"
    elif value is None or type(value) in (bool, int, float):
        yield repr(value)
    elif type(value) in (list, tuple):
        yield from _row("[", value, "]", limit, depth)
    elif (tag := tag_of(value)) is not None:
        yield from _tagged(tag, value[tag], limit, depth)
    elif type(value) is dict:
        yield from _dict(value.items(), limit, depth)
    else:
        yield f"<{type(value).__name__}>"


def _tagged(tag: str, payload: Any, limit: int, depth: int) -> Iterator[str]:
    brackets = {"$tuple": ("(", ",)" if type(payload) is list and len(payload) == 1 else ")"), "$set": ("{", "}")}
    if tag == "$set" and payload == []:
        yield "set()"
    elif tag in COLLECTIONS and type(payload) is list:
        yield from _row(*_around(payload, brackets.get(tag, ("frozenset({", "})"))), limit, depth)
    elif tag == "$dict" and (pairs := _pairs({tag: payload})) is not None:
        yield from _dict(pairs, limit, depth)
    elif tag in ("$int", "$object") and type(payload) is str:
        word = "".join(char if char.isprintable() else "?" for char in payload[: limit + 1])
        yield word if tag == "$int" else f"<{word}>"
    elif tag == SUBCLASS and type(payload) is list and len(payload) == 2 and type(payload[0]) is str:
        yield "".join(char if char.isprintable() else "?" for char in payload[0][: limit + 1]) + "("
        yield from _pieces(payload[1], limit, depth + 1)
        yield ")"
    elif tag == "$any":
        yield "anything"
    elif tag == "$matches":
        yield "text matching "
        yield from _pieces(payload, limit, depth + 1)
    else:
        yield f"{repr(tag[1:60])[1:-1]}("
        yield from _pieces(payload, limit, depth + 1)
        yield ")"


def _around(payload: list[Any], brackets: tuple[str, str]) -> tuple[str, list[Any], str]:
    return brackets[0], payload, brackets[1]


def _row(opening: str, items: Any, closing: str, limit: int, depth: int) -> Iterator[str]:
    yield opening
    for index, item in enumerate(items):
        yield ", " if index else ""
        yield from _pieces(item, limit, depth + 1)
    yield closing


def _dict(pairs: Any, limit: int, depth: int) -> Iterator[str]:
    yield "{"
    for index, (key, value) in enumerate(pairs):
        yield ", " if index else ""
        yield from _pieces(key, limit, depth + 1)
        yield ": "
        yield from _pieces(value, limit, depth + 1)
    yield "}"
