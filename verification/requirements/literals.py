"""Parser of values in a case. It reports malformed values, so the judge gets only well-formed values."""

import base64
from typing import Any

from domain.errors import Invalid
from verification.requirements.fixtures import Fixtures
from verification.requirements.problems import ProblemList, listed, similar
from verification.requirements.tags import COLLECTIONS, LOOSE, SCALARS, canonical, pattern_fault
from verification.requirements.values import LOOSE_ITEMS_MAX, key_of
from verification.requirements.yaml_tree import Mapping, Node, Scalar, Sequence, kind

TAG_EXAMPLES = {
    "$decimal": '{$decimal: "1.5"}',
    "$tuple": "{$tuple: [1, 2]}",
    "$set": "{$set: [1, 2]}",
    "$frozenset": "{$frozenset: [1, 2]}",
    "$bytes": '{$bytes: "aGVsbG8="}',
    "$date": '{$date: "2026-11-22"}',
    "$datetime": '{$datetime: "2026-11-22T09:30:00+00:00"}',
    "$float": "{$float: nan}",
    "$int": '{$int: "9007199254740993"}',
    "$dict": "{$dict: [[1, one], [2, two]]}",
    "$any": "{$any: true}",
    "$matches": "{$matches: '^[a-z]+$'}",
    "$file": "{$file: fixtures/text.txt}",
}


class Literals:
    """Reader of values. It reports each malformed value and returns None for it."""

    def __init__(self, report: ProblemList, fixtures: Fixtures) -> None:
        self.report = report
        self.fixtures = fixtures

    def value(self, node: Node, *, expected: bool) -> Any:
        """Return one value. `expected` allows the tags `$any` and `$matches`, which match more than one value."""
        if isinstance(node, Scalar):
            return node.value
        if isinstance(node, Sequence):
            return [self.value(item, expected=expected) for item in node.items]
        tagged = [entry for entry in node.entries if str(entry.key.value).startswith("$")]
        if tagged:
            return self._tagged(node, tagged[0].key, tagged[0].value, expected)
        pairs = [(entry.key.value, self.value(entry.value, expected=expected)) for entry in node.entries]
        if all(isinstance(key, str) for key, _ in pairs):
            return dict(pairs)
        return {"$dict": [[key, value] for key, value in pairs]}

    def text(self, node: Node, name: str, example: str) -> str | None:
        """Return text, written directly or as `{$file: path}`."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        if isinstance(node, Mapping) and node.get("$file") is not None:
            value = self.value(node, expected=False)
            if isinstance(value, str):
                return value
        remedy = f'"{node.text[:60]}"' if isinstance(node, Scalar) and node.text else example
        self.report.add(node, f"`{name}` must be text, not {kind(node)}", f"{name}: {remedy}")
        return None

    def _tagged(self, node: Mapping, key: Scalar, payload: Node, expected: bool) -> Any:
        tag = str(key.value)
        if tag not in TAG_EXAMPLES:
            near = similar(tag, TAG_EXAMPLES)
            message = f"`{tag[:60]}` is not a tag" + (f"; did you mean `{near}`?" if near else "")
            remedy = TAG_EXAMPLES[near] if near else f'{listed(TAG_EXAMPLES)}, or {{$dict: [["{tag[:60]}", value]]}}'
            self.report.add(key, message, remedy)
            return None
        others = [entry.key for entry in node.entries if entry.key is not key]
        if others and not (tag == "$file" and others[0].value == "as" and len(others) == 1):
            self.report.add(others[0], f"a value tagged `{tag}` must not have other keys", TAG_EXAMPLES[tag])
            return None
        if tag in LOOSE and not expected:
            self.report.add(
                key, f"`{tag}` matches many values, so only an expected value may have it", "a single value"
            )
            return None
        if tag == "$file":
            return self._file(payload, node.get("as"))
        if tag in COLLECTIONS:
            return self._collection(tag, payload, expected)
        if tag == "$dict":
            return self._dict(payload, expected)
        return self._scalar(tag, payload)

    def _scalar(self, tag: str, payload: Node) -> Any:
        value = payload.value if isinstance(payload, Scalar) else None
        if tag == "$any":
            fault = None if value is True else "the value must be true"
        elif tag == "$matches":
            fault = pattern_fault(value)
        else:
            try:
                canonical(tag, value)
                fault = None
            except ValueError as error:
                fault = str(error)
        if fault is not None:
            self.report.add(payload, f"`{tag}`: {fault}", TAG_EXAMPLES[tag])
            return None
        return {tag: value} if tag != "$int" else int(str(value))

    def _collection(self, tag: str, payload: Node, expected: bool) -> Any:
        if not isinstance(payload, Sequence):
            self.report.add(payload, f"`{tag}` must contain a list, not {kind(payload)}", TAG_EXAMPLES[tag])
            return None
        items = [self.value(item, expected=expected) for item in payload.items]
        if tag != "$tuple":
            self._check_set(payload, items)
        return {tag: items}

    def _check_set(self, payload: Sequence, items: list[Any]) -> None:
        seen: set[str] = set()
        loose = 0
        for node, item in zip(payload.items, items, strict=True):
            key = key_of(item)
            if isinstance(item, (list, dict)) and not (isinstance(item, dict) and _hashable(item)):
                self.report.add(node, "a list or mapping cannot be in a set", "{$tuple: [1, 2]}")
            elif key is not None and key in seen:
                self.report.add(node, "this member is in the set twice", "each member only once")
            loose += key is None or isinstance(item, float)
            seen.add(key or "")
        if loose > LOOSE_ITEMS_MAX:
            message = f"more than {LOOSE_ITEMS_MAX} members of the set are floats or match many values"
            self.report.add(payload, message, "a smaller set")

    def _dict(self, payload: Node, expected: bool) -> Any:
        pairs: list[list[Any]] = []
        seen: set[str | None] = set()
        for pair in payload.items if isinstance(payload, Sequence) else (payload,):
            if not isinstance(pair, Sequence) or len(pair.items) != 2:
                self.report.add(pair, "`$dict` must contain a list of pairs", TAG_EXAMPLES["$dict"])
                return None
            key = self.value(pair.items[0], expected=False)
            if isinstance(key, (list, dict)) and not (isinstance(key, dict) and _hashable(key)):
                self.report.add(pair.items[0], "a list or mapping cannot be a key", "{$tuple: [1, 2]}")
            if (known := key_of(key)) in seen:
                self.report.add(pair.items[0], "this key occurs twice", "each key only once")
            seen.add(known)
            pairs.append([key, self.value(pair.items[1], expected=expected)])
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in pairs):
            return dict(pairs)
        return {"$dict": pairs}

    def _file(self, payload: Node, form: Node | None) -> Any:
        if not isinstance(payload, Scalar) or not isinstance(payload.value, str):
            self.report.add(payload, f"`$file` must contain a path, not {kind(payload)}", TAG_EXAMPLES["$file"])
            return None
        as_bytes = isinstance(form, Scalar) and form.value == "bytes"
        if form is not None and not as_bytes and not (isinstance(form, Scalar) and form.value == "text"):
            self.report.add(form, "`as` must be text or bytes", "{$file: fixtures/image.png, as: bytes}")
            return None
        try:
            content = self.fixtures.load(payload.value)
        except Invalid as error:
            self.report.add(payload, error.message, error.hint)
            return None
        if as_bytes:
            return {"$bytes": base64.b64encode(content).decode("ascii")}
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            remedy = f"{{$file: {payload.value}, as: bytes}}"
            self.report.add(payload, f"the fixture {payload.value} is not UTF-8 text", remedy)
            return None


def _hashable(value: dict[str, Any]) -> bool:
    """Return whether a tagged value can be a member of a set or a key in Python."""
    tag = next(iter(value), "")
    if tag in ("$tuple", "$frozenset"):
        return all(
            not isinstance(item, (list, dict)) or (isinstance(item, dict) and _hashable(item)) for item in value[tag]
        )
    return tag in SCALARS or tag in LOOSE
