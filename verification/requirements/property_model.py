"""A property of a requirement as values: a statement that must hold for inputs that each verdict draws.

`verification/requirements/property_parser.py` reads it, `verification/properties/inputs.py` draws its inputs,
`verification/properties/checks.py` checks it.
"""

from typing import Any, Literal

import msgspec

PropertyKind = Literal[
    "idempotent",  # f(f(x)) == f(x)
    "round_trip",  # back(f(x)) == x
    "sorted",  # f(x) has the items of x in order
    "matches_reference",  # f(x) == reference(x); if one raises, both must
    "holds",  # predicate(f(x), x) is True
    "deterministic",  # f(x) == f(x), in another process too
    "commutative",  # f(a, b) == f(b, a)
    "never_raises",  # f(x) returns
]
GeneratorKind = Literal[
    "integer",
    "float",
    "text",
    "bytes",
    "boolean",
    "none",
    "choice",
    "list",
    "tuple",
    "dict",
    "record",
    "one_of",
    "decimal",
    "date",
]
TRIES = 25
PROPERTY_TRIES_MAX = 200


class Generator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Source of inputs. `min` and `max` limit numbers and dates themselves, and the size of everything else.

    It is complete and valid, with its defaults filled in, so the code that draws need not know them.
    """

    kind: GeneratorKind
    min: int | float | str = 0  # text for decimals and dates
    max: int | float | str = 0
    alphabet: str | None = None  # of text; None: letters, signs and known difficult characters of many scripts
    values: tuple[Any, ...] = ()  # of choice
    of: tuple["Generator", ...] = ()  # items, parts, or the key and the value of a dict
    names: tuple[str, ...] = ()  # of a record's parts
    unique: bool = False
    nan: bool = False
    inf: bool = False
    places: int = 0  # of decimals


class AuthorFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the requirement's author. It runs in a sandbox without code under test."""

    path: str  # beside the requirement: "checks.py"
    function: str
    source: bytes


class Property(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One property. `inputs` has one generator for each positional argument of `call`, "module:function"."""

    kind: PropertyKind
    call: str
    inputs: tuple[Generator, ...]
    line: int  # its place, for findings about visible properties
    tries: int = TRIES
    back: str | None = None  # of round_trip, "module:function"
    given: AuthorFunction | None = None  # the reference or the predicate
    by: str | int | None = None  # of sorted: the field or position of an item to sort by
    reverse: bool = False
    may_raise: tuple[str, ...] = ()
    approx: float | None = None
    within_s: float = 10.0  # of one sandbox, with BATCH calls at most
    memory_mb: int = 512
