"""A property as one line of text for the author of the code that must satisfy it."""

from collections.abc import Callable, Iterable

from verification.requirements.property_model import Generator, GeneratorKind, Property, PropertyKind
from verification.requirements.values import show

_LETTERS = "abcdefghijkmnpqrstuvwxyz"
SHOWN_CHARS_MAX = 120


def described(one: Property) -> str:
    """Return the property as text, for example `for every a, a whole number from 0 to 9: f(f(a)) == f(a)`."""
    names = _LETTERS[: len(one.inputs)]
    given = ", ".join(f"{name}, {generated(made)}" for name, made in zip(names, one.inputs, strict=True))
    refusal = f"; it may raise {' or '.join(one.may_raise)}" if one.may_raise else ""
    return f"for every {given}: {_SENTENCES[one.kind](one, list(names))}{refusal}"


def function_of(target: str) -> str:
    """Return the name of the function without the module."""
    return target.partition(":")[2]


def _call(target: str, arguments: Iterable[str]) -> str:
    return f"{function_of(target)}({', '.join(arguments)})"


def _equal(one: Property) -> str:
    return f"differs by at most {one.approx:g} from" if one.approx is not None else "=="


def _idempotent(one: Property, names: list[str]) -> str:
    once = _call(one.call, names)
    return f"{_call(one.call, [once, *names[1:]])} {_equal(one)} {once}"


def _round_trip(one: Property, names: list[str]) -> str:
    return f"{_call(one.back or '', [_call(one.call, names), *names[1:]])} {_equal(one)} {names[0]}"


def _sorted(one: Property, names: list[str]) -> str:
    by = "" if one.by is None else f" by {one.by!r}"
    order = ", greatest first" if one.reverse else ""
    return f"{_call(one.call, names)} is the list of the same items in order{by}{order}"


def _commutative(one: Property, names: list[str]) -> str:
    return f"{_call(one.call, names)} {_equal(one)} {_call(one.call, names[::-1])}"


def _holds(one: Property, names: list[str]) -> str:
    return f"{_call(one.call, names)} passes the check {one.given.function if one.given else ''}"


_SENTENCES: dict[PropertyKind, Callable[[Property, list[str]], str]] = {
    "idempotent": _idempotent,
    "round_trip": _round_trip,
    "sorted": _sorted,
    "commutative": _commutative,
    "holds": _holds,
    "matches_reference": lambda one, names: f"{_call(one.call, names)} does what a reference does that you cannot see",
    "deterministic": lambda one, names: f"{_call(one.call, names)} is the same in every process",
    "never_raises": lambda one, names: f"{_call(one.call, names)} ends without an exception",
}


def generated(made: Generator) -> str:
    """Return a generator as text, for example `a text of at most 40 characters out of 'ab -'`."""
    text = _GENERATED[made.kind](made)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[: SHOWN_CHARS_MAX - 1]}…"


def _size(made: Generator, of: str) -> str:
    return f"{made.min} to {made.max} {of}" if made.min else f"at most {made.max} {of}"


def _float(made: Generator) -> str:
    odd = [word for word, is_there in (("nan", made.nan), ("an infinity", made.inf)) if is_there]
    return " or ".join([f"a float from {float(made.min):g} to {float(made.max):g}", *odd])


def _text(made: Generator) -> str:
    out_of = f" out of {made.alphabet!r}" if made.alphabet else ""
    return f"a text of {_size(made, 'characters')}{out_of}"


def _listed(parts: Iterable[str], word: str = ", ") -> str:
    return word.join(parts)


def _all_of(made: Generator) -> str:
    return "no two alike, each" if made.unique else "each"


def _record(made: Generator) -> str:
    fields = zip(made.names, made.of, strict=True)
    return f"a dict of {_listed(f'{name!r}: {generated(part)}' for name, part in fields)}"


_GENERATED: dict[GeneratorKind, Callable[[Generator], str]] = {
    "integer": lambda made: f"a whole number from {made.min} to {made.max}",
    "float": _float,
    "text": _text,
    "bytes": lambda made: f"bytes, {_size(made, 'of them')}",
    "boolean": lambda _: "True or False",
    "none": lambda _: "None",
    "choice": lambda made: f"one of {_listed(show(value, 40) for value in made.values)}",
    "list": lambda made: f"a list of {_size(made, 'items')}, {_all_of(made)} {generated(made.of[0])}",
    "tuple": lambda made: f"a tuple of {_listed(map(generated, made.of))}",
    "dict": lambda made: f"a dict of {_size(made, 'items')}, from {generated(made.of[0])} to {generated(made.of[1])}",
    "record": _record,
    "one_of": lambda made: _listed(map(generated, made.of), " or "),
    "decimal": lambda made: f"a Decimal from {made.min} to {made.max} with {made.places} places",
    "date": lambda made: f"a date from {made.min} to {made.max}",
}
