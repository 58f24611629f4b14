"""Parser of YAML 1.2. It makes a tree with the place of every key and value.

The tree is built from the events of a YAML parser. No YAML loader constructs objects. Aliases and tags are refused, and
the limits of depth and size are checked while the tree is built.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from verification.requirements.problems import Place, ProblemList, Spot

DEPTH_MAX = 32  # levels of nested lists and mappings
NODES_MAX = 100_000  # keys and values in one block
DIGITS_MAX = 4000  # in one whole number

Plain = str | int | float | bool | None


class Scalar(msgspec.Struct, frozen=True):
    """A text, a number, true, false or null. `text` is the value as the file contains it."""

    value: Plain
    text: str
    line: int
    column: int


class Sequence(msgspec.Struct, frozen=True):
    """A YAML list."""

    items: tuple["Node", ...]
    line: int
    column: int


class Entry(msgspec.Struct, frozen=True):
    """One key with its value."""

    key: Scalar
    value: "Node"


class Mapping(msgspec.Struct, frozen=True):
    """A YAML mapping: keys with values, in the order of the file, without duplicate keys."""

    entries: tuple[Entry, ...]
    line: int
    column: int

    def get(self, name: str) -> "Node | None":
        return next((entry.value for entry in self.entries if entry.key.value == name), None)


Node = Scalar | Sequence | Mapping


def kind(node: Node) -> str:
    """Return the kind of a node in plain words."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    names = {bool: "true or false", int: "a whole number", float: "a decimal number", str: "text"}
    return names.get(type(node.value), "empty")


class _Stop(Exception):
    """Raised when a block cannot be parsed further. The problem is already in the report."""


def read_yaml(text: str, first_line: int, report: ProblemList) -> Node | None:
    """Return the tree of a YAML block; None if it is empty or after a report. `first_line`: its line in the file."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    from verification.requirements.yaml_errors import explain

    events = YAML(typ="safe", pure=True).parse(text)
    try:
        return _Builder(first_line, report).document(events)
    except _Stop:
        return None
    except MarkedYAMLError as error:
        place, message, remedy = explain(error, text, first_line)
        report.add(place, message, remedy)
    except ReaderError as error:
        before = text[: error.position]
        spot = Spot(first_line + before.count("\n"), len(before) - (before.rfind("\n") + 1) + 1)
        report.add(
            spot,
            f"the character U+{ord(text[error.position]):04X} is not allowed here",
            "plain text without this character",
        )
    return None


class _Builder:
    """Builder of nodes from parser events."""

    def __init__(self, first_line: int, report: ProblemList) -> None:
        self.first_line = first_line
        self.report = report
        self.nodes = 0

    def document(self, events: Iterator[Any]) -> Node | None:
        """Return the single document of the block; None if it is empty."""
        stack: list[tuple[Spot, bool, list[Node]]] = []
        root: list[Node] = []
        for event in events:
            name = type(event).__name__
            if name == "DocumentStartEvent" and (root or event.version or event.tags):
                message = "a block must contain exactly one YAML document, without directives"
                self.refuse(event, message, "a separate block for each document")
            if name in ("MappingStartEvent", "SequenceStartEvent"):
                self.check(event)
                if len(stack) >= DEPTH_MAX:
                    self.refuse(
                        event, f"lists and mappings are nested deeper than {DEPTH_MAX} levels", "a flatter value"
                    )
                stack.append((self.spot(event), name == "MappingStartEvent", []))
            elif name in ("MappingEndEvent", "SequenceEndEvent"):
                spot, mapping, children = stack.pop()
                node = self.mapping(spot, children) if mapping else Sequence(tuple(children), spot.line, spot.column)
                (stack[-1][2] if stack else root).append(node)
            elif name == "ScalarEvent":
                self.check(event)
                (stack[-1][2] if stack else root).append(self.scalar(event))
            elif name == "AliasEvent":
                self.refuse(
                    event, f"`*{event.anchor}` is read as a YAML alias; aliases are not accepted", f'"*{event.anchor}"'
                )
        only = root[0] if root else None
        return None if isinstance(only, Scalar) and only.text == "" and only.value is None else only

    def check(self, event: Any) -> None:
        self.nodes += 1
        if self.nodes > NODES_MAX:
            self.refuse(
                event,
                f"more than {NODES_MAX} values in one block",
                "fewer cases, or long values in fixtures/ that `$file` names",
            )
        if event.anchor is not None:
            self.refuse(
                event, f"`&{event.anchor}` is a YAML anchor; anchors are not accepted", "the value itself in each place"
            )
        if event.tag is not None:
            remedy = 'a plain value, or a tagged value such as {$decimal: "1.5"}'
            self.refuse(event, f"YAML tags such as `{event.tag[:60]}` are not accepted", remedy)

    def mapping(self, spot: Spot, children: list[Node]) -> Mapping:
        entries: list[Entry] = []
        seen: dict[str, Scalar] = {}  # the keys are texts, because an author could choose numbers with equal hashes
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.report.add(key, f"a key must be a text or a number, not {kind(key)}", "key: value")
                continue
            first = seen.setdefault(repr(key.value), key)
            if first is not key:
                message = f"`{key.text[:60]}` occurs twice; the first is in line {first.line}"
                self.report.add(key, message, f"`{key.text[:60]}` once, with only one value")
                continue
            entries.append(Entry(key, value))
        return Mapping(tuple(entries), spot.line, spot.column)

    def scalar(self, event: Any) -> Scalar:
        spot = self.spot(event)
        if not event.implicit[0]:  # a quoted scalar or a block scalar is always text
            return Scalar(event.value, event.value, spot.line, spot.column)
        try:
            return Scalar(resolve(event.value), event.value, spot.line, spot.column)
        except ValueError as error:
            remedy = (
                "{$float: inf}, {$float: -inf} or {$float: nan}" if "." in event.value else "a number within the limits"
            )
            self.report.add(spot, str(error), remedy)
            return Scalar(None, event.value, spot.line, spot.column)

    def spot(self, event: Any) -> Spot:
        return Spot(self.first_line + event.start_mark.line, event.start_mark.column + 1)

    def refuse(self, event: Any, message: str, remedy: str) -> None:
        place: Place = self.spot(event)
        self.report.add(place, message, remedy)
        raise _Stop


_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Plain] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def resolve(text: str) -> Plain:
    """Return the value of a scalar without quotes, according to the YAML 1.2 core schema.

    Raises ValueError for numbers that JSON cannot express.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) or _BASED.fullmatch(text):
        if len(text) > DIGITS_MAX:
            raise ValueError(f"this whole number has more than {DIGITS_MAX} digits")
        return int(text, 0) if _BASED.fullmatch(text) else int(text)
    if _FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text):
        number = float("nan") if _SPECIAL.fullmatch(text) else float(text)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError(f"`{text[:60]}` is not a number that JSON can express")
        return number
    return text
