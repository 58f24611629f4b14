"""The values of a case as JSON with tags, as the worker of a case reads and writes them.

The judge puts this source in place of the worker's import of it, so the box gets one file. See `case_worker` about its
imports.
"""

import binascii
import importlib
import math
import sys

TYPE_CHECKING = False  # the name that type checkers take for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
else:
    Any = object

DEPTH_MAX = 64
NODES_MAX = 200_000
EXACT_INT_MAX = 2**53  # a larger integer is sent as text
INT_DIGITS_MAX = 4000


class Encoder:
    """Encoder of Python values to JSON with tags. An object of any other type becomes a tag with its class name.

    An instance of a subclass of a built-in type becomes `{"$of": [its class, its contents]}`. The encoder reads its
    contents with the methods of the built-in type, so no overridden method runs.
    """

    def __init__(self) -> None:
        self.left = NODES_MAX
        self.bases = _bases()

    def encode(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        kind = type(value)
        if depth > DEPTH_MAX or self.left < 0:
            return {"$object": "a value too deep or too large"}
        if value is None or kind is bool:
            return value
        for base in self.bases:
            if issubclass(kind, base):  # `issubclass` runs no method of the code under test
                contents = self.contents(value, base, depth)
                return contents if kind is base else {"$of": [name_of(kind), contents]}
        return {"$object": name_of(kind)}

    def contents(self, value: Any, base: type, depth: int) -> Any:
        if base is dict:
            return self.mapping(value, depth)
        if base not in _ITEMS:
            return _scalar(value, base)
        items = [self.encode(item, depth + 1) for item in _ITEMS[base](value)]
        return items if base is list else {f"${base.__name__}": items}

    def mapping(self, value: dict[Any, Any], depth: int) -> Any:
        items = list(dict.items(value))
        if all(type(key) is str and not key.startswith("$") and is_text(key) for key, _ in items):
            return {key: self.encode(item, depth + 1) for key, item in items}
        return {"$dict": [[self.encode(key, depth + 1), self.encode(item, depth + 1)] for key, item in items]}


def is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value) if not value.isascii() else True


_ITEMS: dict[type, Any] = {each: each.__iter__ for each in (list, tuple, set, frozenset)}
_BUILT_IN = (str, int, float, dict, *_ITEMS, bytes)
_IMPORTED = (("decimal", "Decimal"), ("datetime", "datetime"), ("datetime", "date"))
"""Module and name of the other types. `datetime` comes before `date`, because it is a subclass of `date`."""


def _bases() -> tuple[type, ...]:
    """Return the types that are compared by content. Without the import of its module, no value can have a type."""
    found = (getattr(sys.modules.get(module), name, None) for module, name in _IMPORTED)
    return (*_BUILT_IN, *(each for each in found if isinstance(each, type)))


def _scalar(value: Any, base: Any) -> Any:
    if base is str:
        text = str.__str__(value)
        return text if is_text(text) else {"$object": "a str with lone surrogates"}
    if base is int:
        whole = int.__int__(value)
        long = {"$int": str(whole)} if whole.bit_length() <= INT_DIGITS_MAX * 3 else {"$object": "an int too long"}
        return whole if abs(whole) <= EXACT_INT_MAX else long
    if base is float:
        number = float.__float__(value)
        return number if math.isfinite(number) else {"$float": str(number)}
    if base is bytes:
        return {"$bytes": base64_of(bytes.__getitem__(value, slice(None)))}
    if base.__name__ == "Decimal":
        return {"$decimal": base.__str__(value)}
    if base.__name__ == "datetime" and type(base.tzinfo.__get__(value)) not in (
        type(None),
        sys.modules["datetime"].timezone,
    ):
        return {"$object": "a datetime with another time zone than datetime.timezone"}
    return {f"${base.__name__}": base.isoformat(value)}


def base64_of(content: bytes) -> str:
    return binascii.b2a_base64(content, newline=False).decode()


def decode(value: Any) -> Any:
    """Return the Python value of an argument encoded as JSON with tags."""
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((tag, payload),) = value.items()
        if tag in _MADE:
            return _MADE[tag](payload)
    return {key: decode(item) for key, item in value.items()}


_MADE: dict[str, Any] = {
    "$tuple": lambda payload: tuple(decode(payload)),
    "$set": lambda payload: set(decode(payload)),
    "$frozenset": lambda payload: frozenset(decode(payload)),
    "$bytes": binascii.a2b_base64,
    "$decimal": lambda payload: importlib.import_module("decimal").Decimal(payload),
    "$date": lambda payload: importlib.import_module("datetime").date.fromisoformat(payload),
    "$datetime": lambda payload: importlib.import_module("datetime").datetime.fromisoformat(payload),
    "$float": float,
    "$int": int,
    "$dict": lambda payload: {decode(key): decode(item) for key, item in payload},
}


def name_of(kind: type) -> str:
    """Return module and name of a class, or a fixed text if the class raises an error or has no valid name."""
    name, raised = attempt(lambda: f"{kind.__module__}.{kind.__qualname__}"[:200])
    return name if raised is None and is_text(name) else "an unnamed class"


def attempt(act: Any) -> "tuple[Any, BaseException | None]":
    """Call code under test. Return its result and None, or None and the exception that it raised."""
    try:
        return act(), None
    except BaseException as error:
        return None, error


def load_modules_of(order: str) -> None:
    """Import the modules of values in the order. The imports come before the project's folder is on the path, because
    the project may have modules of the same names.
    """
    for tag, module in (("$decimal", "decimal"), ("$date", "datetime")):
        if f'"{tag}' in order:
            importlib.import_module(module)


class _Syntax:
    """The options with which the C part of the module `json` reads JSON."""

    strict = True
    object_hook = object_pairs_hook = parse_constant = None
    parse_float, parse_int = float, int


def json_functions() -> "tuple[Callable[[str], Any], Callable[[Any], str]]":
    """Return a reader and a writer of JSON: those of the C part of `json`, or of `json` if Python has no such part."""
    try:
        c = importlib.import_module("_json")
        scan, text = c.make_scanner(_Syntax), c.encode_basestring_ascii
        chunks = c.make_encoder({}, None, text, None, ": ", ", ", False, False, True)
        if (scan('{"a": [1]}', 0)[0], "".join(chunks(["a", {"b": None}], 0))) == ({"a": [1]}, '["a", {"b": null}]'):
            return (lambda order: scan(order.strip(), 0)[0]), (lambda value: "".join(chunks(value, 0)))
    except (ImportError, AttributeError, TypeError):
        pass
    json = importlib.import_module("json")
    return json.loads, json.dumps
