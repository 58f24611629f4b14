"""Parser of properties: the kind, the function, and the generators of the inputs."""

import ast
import re
import sys
from collections.abc import Sequence
from typing import Any, get_args

from domain.errors import Invalid
from verification.requirements.fields import Fields
from verification.requirements.fixtures import Fixtures
from verification.requirements.generator_parser import EXAMPLES, LEAVES_MAX, GeneratorReader, leaves
from verification.requirements.literals import Literals
from verification.requirements.problems import ProblemList, listed, similar
from verification.requirements.property_model import (
    PROPERTY_TRIES_MAX,
    AuthorFunction,
    Generator,
    Property,
    PropertyKind,
)
from verification.requirements.yaml_tree import Mapping, Node, Scalar, kind

WITHIN_S_MAX = 60
MEMORY_MB_MIN, MEMORY_MB_MAX = 16, 4096
INPUTS_MAX = 8  # arguments of one function
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_DOTTED = rf"{_NAME}(?:\.{_NAME})*"
_TARGET = re.compile(rf"{_DOTTED}:{_DOTTED}")
_GIVEN = re.compile(rf"(.+\.py):({_NAME})")
_CLASS = re.compile(_DOTTED)

KINDS: tuple[PropertyKind, ...] = get_args(PropertyKind)
ALL = {
    "property": "idempotent",
    "call": '"module:function"',
    "inputs": "[integer]",
    "tries": "25",
    "may_raise": "[ValueError]",
    "within_s": "10",
    "memory_mb": "512",
}
MORE: dict[PropertyKind, dict[str, str]] = {
    "idempotent": {"approx": "0.001"},
    "round_trip": {"back": '"module:inverse"', "approx": "0.001"},
    "sorted": {"by": "name", "reverse": "true"},
    "matches_reference": {"reference": '"reference.py:function"', "approx": "0.001"},
    "holds": {"predicate": '"checks.py:holds"'},
    "deterministic": {},
    "commutative": {"approx": "0.001"},
    "never_raises": {},
}
GIVENS: dict[PropertyKind, str] = {"matches_reference": "reference", "holds": "predicate"}
_EXAMPLE = '{property: idempotent, call: "module:function", inputs: [integer]}'


class PropertyReader:
    """Reader of the properties of one file. Files that they name are in the folder of that file."""

    def __init__(self, report: ProblemList, fixtures: Fixtures) -> None:
        self.report = report
        self.fixtures = fixtures
        self.generators = GeneratorReader(Literals(report, fixtures))

    def property(self, node: Node) -> Property | None:
        """Return one property. If the property is wrong, report its problems and return None."""
        if not isinstance(node, Mapping):
            self.report.add(node, f"a property must be a mapping, not {kind(node)}", _EXAMPLE)
            return None
        named = self._kind(node)
        if named is None:
            return None
        fields = Fields(node, self.report, {**ALL, **MORE[named]}, f"the property `{named}`")
        call = self._target(fields, "call")
        inputs = self._inputs(fields, named)
        given: dict[str, Any] = {"back": self._target(fields, "back")} if named == "round_trip" else {}
        if named in GIVENS:
            given["given"] = self._given(fields, GIVENS[named])
        if named == "sorted":
            given |= {"by": self._by(fields), "reverse": fields.flag("reverse")}
        for key, low, high in (("tries", 1, PROPERTY_TRIES_MAX), ("memory_mb", MEMORY_MB_MIN, MEMORY_MB_MAX)):
            if (number := fields.number(key, low, high, whole=True)) is not None:
                given[key] = int(number)
        for key, least, most in (("within_s", 0.1, WITHIN_S_MAX), ("approx", 0, 1e12)):
            real = fields.number(key, least, most) if key in fields.examples else None
            if real is not None:
                given[key] = float(real)
        names = fields.texts("may_raise") or ()
        for text, at in names:
            if not _CLASS.fullmatch(text):
                self.report.add(at, f"`{text[:60]}` is not a class name", "may_raise: [ValueError]")
        given["may_raise"] = tuple(text for text, _ in names)
        return Property(kind=named, call=call, inputs=inputs, line=node.line, **given) if call and inputs else None

    def _kind(self, node: Mapping) -> PropertyKind | None:
        at = node.get("property")
        word = at.value if isinstance(at, Scalar) else None
        found = next((name for name in KINDS if name == word), None)
        if found is not None:
            return found
        if at is None:
            every = {key: text for more in (ALL, *MORE.values()) for key, text in more.items()}
            Fields(node, self.report, every, "a property").require("property")
            return None
        near = similar(word, KINDS) if isinstance(word, str) else None
        message = f"`{at.text[:60]}`" if isinstance(at, Scalar) else kind(at)
        hint = f"; did you mean `{near}`?" if near else ""
        self.report.add(at, f"{message} is not a property{hint}", f"property: {near}" if near else listed(KINDS))
        return None

    def _target(self, fields: Fields, name: str) -> str | None:
        target = fields.text(name, required=True)
        if target is not None and not _TARGET.fullmatch(target):
            at = fields.get(name) or fields.node
            self.report.add(at, f"`{target[:60]}` does not have the form `module:function`", fields.line(name))
            return None
        return target

    def _inputs(self, fields: Fields, named: PropertyKind) -> tuple[Generator, ...]:
        items = fields.items("inputs", required=True) or ()
        if len(items) > INPUTS_MAX:
            self.report.add(items[INPUTS_MAX], f"more than {INPUTS_MAX} inputs", "fewer inputs")
            return ()
        read = [self.generators.generator(item) for item in items]
        made = tuple(one for one in read if one is not None)
        if not items or len(made) < len(read):
            return ()
        if sum(map(leaves, made)) > LEAVES_MAX:
            message = f"one input may contain more than {LEAVES_MAX} characters and values"
            self.report.add(fields.get("inputs") or fields.node, message, "a smaller `max` in its generators")
        self._check_inputs(fields, named, made, items)
        return made

    def _check_inputs(
        self, fields: Fields, named: PropertyKind, made: tuple[Generator, ...], items: Sequence[Node]
    ) -> None:
        if named == "commutative" and len(made) != 2:
            at = fields.get("inputs") or fields.node
            self.report.add(at, "`commutative` needs exactly two inputs", "inputs: [integer, integer]")
        if named == "sorted" and made[0].kind != "list":
            self.report.add(items[0], "`sorted` needs a list as its first input", f"inputs: [{EXAMPLES['list']}]")
        elif named == "sorted" and not _has_order(made[0].of[0]):
            remedy = "a list with one kind of number or text as items, without nan"
            self.report.add(items[0], "the items of this list have no order", remedy)

    def _by(self, fields: Fields) -> str | int | None:
        node = fields.get("by")
        value = node.value if isinstance(node, Scalar) else None
        if node is None or (isinstance(value, str | int) and not isinstance(value, bool)):
            return value if isinstance(value, str | int) else None
        fields.wrong("by", node, "the name of a field or the index of an item, counted from 0")
        return None

    def _given(self, fields: Fields, name: str) -> AuthorFunction | None:
        """Return the named function and its file from the requirement's folder."""
        text = fields.text(name, required=True)
        if text is None:
            return None
        at = fields.get(name) or fields.node
        form = _GIVEN.fullmatch(text)
        if not form:
            self.report.add(at, f"`{text[:60]}` does not have the form `file.py:function`", fields.line(name))
            return None
        try:
            source = self.fixtures.load(form[1])
            functions = _functions(source)
        except Invalid as error:
            self.report.add(at, error.message, error.hint.replace("{$file: fixtures/name}", fields.line(name)))
            return None
        except (SyntaxError, ValueError) as error:
            self.report.add(at, f"{form[1]} is not a Python file: {error}", "a file that Python can read")
            return None
        if form[2] not in functions:
            near = similar(form[2], functions) or next(iter(functions), "function")
            self.report.add(at, f"{form[1]} defines no function `{form[2]}`", f'{name}: "{form[1]}:{near}"')
            return None
        if foreign := _foreign(source):
            message = f"{form[1]} imports {foreign}, which is not part of Python's standard library"
            self.report.add(at, message, "a file that needs no other packages or files")
            return None
        return AuthorFunction(path=form[1], function=form[2], source=source)


def _foreign(source: bytes) -> str | None:
    """Return the first imported module that is not in Python's standard library, or None."""
    for node in ast.parse(source).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = ["." * node.level + (node.module or "")]
        for name in names:
            if name.partition(".")[0] not in sys.stdlib_module_names:
                return name
    return None


def _functions(source: bytes) -> list[str]:
    """Return the names that a file defines at its top level."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found.extend(target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.extend(alias.asname or alias.name for alias in node.names)
    return found


def _has_order(made: Generator) -> bool:
    """Return whether any two values of a generator can be compared. Records are compared by one of their fields."""
    if made.nan or made.kind in ("none", "dict"):
        return False
    if made.kind == "one_of":
        numbers = {"integer", "float", "boolean"}
        kinds = {part.kind for part in made.of}
        return (len(kinds) == 1 or kinds <= numbers) and all(map(_has_order, made.of))
    return made.kind == "record" or all(map(_has_order, made.of))
