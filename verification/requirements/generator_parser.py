"""Parser of the generators of a property's inputs. A generator is a name, or a name with options."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

from verification.requirements.fields import Fields
from verification.requirements.literals import Literals
from verification.requirements.problems import listed, similar
from verification.requirements.property_model import Generator, GeneratorKind
from verification.requirements.values import key_of
from verification.requirements.yaml_tree import Mapping, Node, Scalar, Sequence, kind

NUMBER_MAX = 1_000_000  # the default bound of numbers
GREATEST = 10**18
TEXT_MAX, ITEMS_MAX = 20, 10  # default maximum sizes
TEXT_LONGEST, ITEMS_MOST = 2000, 200
LEAVES_MAX = 20_000  # maximum number of characters, bytes and values in one input
PLACES_MAX = 12
DATES = ("1900-01-01", "2100-12-31")
KINDS: tuple[GeneratorKind, ...] = get_args(GeneratorKind)

EXAMPLES: dict[GeneratorKind, str] = {
    "integer": "{integer: {min: 0, max: 100}}",
    "float": "{float: {min: 0, max: 1}}",
    "text": '{text: {max: 40, alphabet: "ab -"}}',
    "bytes": "{bytes: {max: 64}}",
    "boolean": "boolean",
    "none": "none",
    "choice": "{choice: [1, two]}",
    "list": "{list: {of: integer, max: 20}}",
    "tuple": "{tuple: [integer, text]}",
    "dict": "{dict: {keys: text, values: integer}}",
    "record": "{record: {name: text, age: integer}}",
    "one_of": "{one_of: [integer, none]}",
    "decimal": '{decimal: {min: "0", max: "100", places: 2}}',
    "date": '{date: {min: "2020-01-01", max: "2030-12-31"}}',
}
_SIZES = {"min": "0", "max": "20"}
OPTIONS: dict[GeneratorKind, dict[str, str]] = {
    "integer": {"min": "0", "max": "100"},
    "float": {"min": "0", "max": "1", "nan": "true", "inf": "true"},
    "text": {**_SIZES, "alphabet": '"ab -"'},
    "bytes": _SIZES,
    "list": {"of": "integer", **_SIZES, "unique": "true"},
    "dict": {"keys": "text", "values": "integer", **_SIZES},
    "decimal": {"min": '"0"', "max": '"100"', "places": "2"},
    "date": {"min": '"2020-01-01"', "max": '"2030-12-31"'},
}
WHOLE: tuple[GeneratorKind, ...] = ("choice", "tuple", "record", "one_of")  # generators without named options
_PLAIN: tuple[GeneratorKind, ...] = ("boolean", "none")


class GeneratorReader:
    """Reader of generators. It reports each malformed generator and returns None for it."""

    def __init__(self, literals: Literals) -> None:
        self.literals = literals
        self.report = literals.report

    def generator(self, node: Node) -> Generator | None:
        """Return one generator with all defaults filled in, or report a problem and return None."""
        name, options = self._name(node)
        if name is None:
            return None
        if name in _PLAIN:
            if options is not None:
                self.report.add(options, f"`{name}` has no options", EXAMPLES[name])
            return Generator(kind=name)
        if name in WHOLE:
            return self._whole(name, node, options)
        if options is None and name in ("list", "dict"):
            self.report.add(node, f"`{name}` needs the generators of its items", EXAMPLES[name])
            return None
        if options is not None and not isinstance(options, Mapping):
            self.report.add(options, f"the options of `{name}` must be a mapping, not {kind(options)}", EXAMPLES[name])
            return None
        fields = Fields(
            options or Mapping((), node.line, node.column), self.report, OPTIONS[name], f"the generator `{name}`"
        )
        return self._made(name, fields)

    def _name(self, node: Node) -> tuple[GeneratorKind | None, Node | None]:
        """Return the generator's name and its options, if there are any."""
        at: Node = node
        options: Node | None = None
        if isinstance(node, Mapping) and len(node.entries) == 1:
            at, options = node.entries[0].key, node.entries[0].value
        word = at.value if isinstance(at, Scalar) else None
        found = next((name for name in KINDS if name == word), None)
        if found is None:
            near = similar(word, KINDS) if isinstance(word, str) else None
            told = (
                f"`{at.text[:60]}` is not a generator"
                if isinstance(at, Scalar)
                else f"a generator must be a name, or a mapping with one name, not {kind(at)}"
            )
            message = told + (f"; did you mean `{near}`?" if near else "")
            known = next((EXAMPLES[name] for name in KINDS if name == near), f"one of {listed(KINDS)}")
            self.report.add(at, message, known)
        return found, options

    def _whole(self, name: GeneratorKind, node: Node, options: Node | None) -> Generator | None:
        """Return a generator whose options are a list of parts, or a mapping of named parts."""
        if name == "record":
            if not isinstance(options, Mapping) or not options.entries:
                self.report.add(options or node, "`record` needs at least one field", EXAMPLES[name])
                return None
            named = [(str(entry.key.value), self.generator(entry.value)) for entry in options.entries]
            of = tuple(one for _, one in named if one is not None)
            return Generator(kind=name, names=tuple(key for key, _ in named), of=of) if len(of) == len(named) else None
        if not isinstance(options, Sequence) or not options.items:
            self.report.add(options or node, f"`{name}` needs a list with at least one item", EXAMPLES[name])
            return None
        items = options.items
        if name == "choice":
            values = tuple(self.literals.value(item, expected=False) for item in items)
            return Generator(kind=name, values=values)
        parts = [self.generator(item) for item in items]
        of = tuple(part for part in parts if part is not None)
        return Generator(kind=name, of=of) if len(of) == len(parts) else None

    def _made(self, name: GeneratorKind, fields: Fields) -> Generator | None:
        given: dict[str, Any] = {}
        if name in ("integer", "float"):
            given = self._numbers(fields, whole=name == "integer")
        elif name in ("decimal", "date"):
            given = self._texts(name, fields)
        else:
            given = self._sizes(name, fields)
        if name == "text" and (alphabet := fields.text("alphabet", empty=True)) is not None:
            if not alphabet:
                self.report.add(fields.get("alphabet") or fields.node, "`alphabet` is empty", fields.line("alphabet"))
            given["alphabet"] = "".join(dict.fromkeys(alphabet))
        of: list[Generator | None] = []
        for part in {"list": ("of",), "dict": ("keys", "values")}.get(name, ()):
            node = fields.require(part)
            of.append(self.generator(node) if node is not None else None)
        if None in of:
            return None
        given |= {key: True for key in ("nan", "inf", "unique") if key in OPTIONS[name] and fields.flag(key)}
        made = Generator(kind=name, of=tuple(one for one in of if one is not None), **given)
        if name == "dict" and made.of and not _may_be_key(made.of[0]):
            self.report.add(fields.get("keys") or fields.node, "a list or mapping cannot be a key", "keys: text")
            return None
        return made

    def _numbers(self, fields: Fields, *, whole: bool) -> dict[str, Any]:
        low = fields.number("min", -GREATEST, GREATEST, whole=whole)
        high = fields.number("max", -GREATEST, GREATEST, whole=whole)
        given = {
            "min": min(-NUMBER_MAX, high if high is not None else 0) if low is None else low,
            "max": max(NUMBER_MAX, low if low is not None else 0) if high is None else high,
        }
        self._check_order(fields, low is not None and high is not None and low > high)
        return given

    def _sizes(self, name: GeneratorKind, fields: Fields) -> dict[str, Any]:
        longest = TEXT_LONGEST if name in ("text", "bytes") else ITEMS_MOST
        low = fields.number("min", 0, longest, whole=True)
        high = fields.number("max", 0, longest, whole=True)
        usual = TEXT_MAX if name in ("text", "bytes") else ITEMS_MAX
        self._check_order(fields, low is not None and high is not None and low > high)
        return {"min": int(low or 0), "max": int(high) if high is not None else min(longest, usual + int(low or 0))}

    def _texts(self, name: GeneratorKind, fields: Fields) -> dict[str, Any]:
        """Return the bounds of dates or decimal numbers, which a requirement writes in quotes."""
        usual = DATES if name == "date" else (str(-NUMBER_MAX), str(NUMBER_MAX))
        bounds: dict[str, Any] = {}
        for key, default in zip(("min", "max"), usual, strict=True):
            text = fields.text(key) or default
            if not _reads(name, text):
                wanted = "a date" if name == "date" else f"a number in quotes, from -{GREATEST} to {GREATEST}"
                self.report.add(fields.get(key) or fields.node, f"`{key}` must be {wanted}", fields.line(key))
                text = default
            bounds[key] = text
        order: Any = Decimal if name == "decimal" else str
        self._check_order(fields, order(bounds["min"]) > order(bounds["max"]))
        if name == "decimal":
            places = fields.number("places", 0, PLACES_MAX, whole=True)
            bounds["places"] = 2 if places is None else int(places)
        return bounds

    def _check_order(self, fields: Fields, crossed: bool) -> None:
        if crossed:
            at = fields.get("min") or fields.get("max") or fields.node
            self.report.add(at, "`min` is greater than `max`", "the smaller value as `min`")


def _reads(name: GeneratorKind, text: str) -> bool:
    try:
        if name == "date":
            return date.fromisoformat(text).isoformat() == text
        return abs(Decimal(text)) <= GREATEST
    except (ValueError, InvalidOperation):
        return False


def _may_be_key(made: Generator) -> bool:
    if made.kind == "choice":
        return all(not isinstance(value, (list, dict)) or _is_scalar(value) for value in made.values)
    return made.kind not in ("list", "dict", "record") and all(map(_may_be_key, made.of))


def _is_scalar(value: Any) -> bool:
    """Return whether a tagged value is not a collection."""
    return isinstance(value, dict) and (key_of(value) or "").startswith("$")


def leaves(made: Generator) -> int:
    """Return the maximum number of characters, bytes and values in one value of the generator."""
    if made.kind in ("text", "bytes"):
        return 1 + int(made.max)
    parts = [leaves(part) for part in made.of]
    if made.kind in ("list", "dict"):
        return 1 + int(made.max) * sum(parts)
    return 1 + (max(parts) if made.kind == "one_of" else sum(parts))
