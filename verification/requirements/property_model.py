"""The data structures of a property: a statement that must hold for random inputs. Each verdict draws new inputs.

`verification/requirements/property_parser.py` parses properties. `verification/properties/inputs.py` draws their
inputs. `verification/properties/checks.py` checks them.
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
    """Description of random inputs. `min` and `max` limit the value of numbers and dates, and the size of other inputs.

    All defaults are filled in, so the code that draws the inputs need not know the defaults.
    """

    kind: GeneratorKind
    min: int | float | str = 0  # a text for decimals and dates
    max: int | float | str = 0
    alphabet: str | None = None  # for `text`; None: letters, signs and difficult characters of many scripts
    values: tuple[Any, ...] = ()  # for `choice`
    of: tuple["Generator", ...] = ()  # generators of the items, of the parts, or of the keys and values of a dict
    names: tuple[str, ...] = ()  # names of the fields of a record
    unique: bool = False
    nan: bool = False
    inf: bool = False
    places: int = 0  # number of decimal places


class AuthorFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the requirement's author. It runs in a sandbox without the code under test."""

    path: str  # path in the requirement's folder, such as "checks.py"
    function: str
    source: bytes


class Property(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One property of the function `call` ("module:function"). Each of its arguments has a generator in `inputs`."""

    kind: PropertyKind
    call: str
    inputs: tuple[Generator, ...]
    line: int  # the line of the property in the file, for findings about visible properties
    tries: int = TRIES
    back: str | None = None  # for `round_trip`: the inverse function, "module:function"
    given: AuthorFunction | None = None  # the reference or the predicate
    by: str | int | None = None  # for `sorted`: the field or index that determines the order of the items
    reverse: bool = False
    may_raise: tuple[str, ...] = ()
    approx: float | None = None
    within_s: float = 10.0  # time limit of one sandbox, which makes at most BATCH calls
    memory_mb: int = 512
