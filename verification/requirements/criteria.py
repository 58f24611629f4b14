"""Parser of criteria: the visible parts in acceptance blocks, and the sealed parts in NAME.sealed.yaml."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from verification.requirements.case_parser import CaseReader
from verification.requirements.fields import Fields
from verification.requirements.model import BaseTestChange, Case, Suite
from verification.requirements.problems import ProblemList, similar
from verification.requirements.property_model import Property
from verification.requirements.property_parser import PropertyReader
from verification.requirements.suite_files import read_change, read_suite
from verification.requirements.yaml_tree import Mapping, Node, Scalar, Sequence, kind

CRITERIA_MAX = 64
CASES_MAX = 500  # in one criterion
PROPERTIES_MAX = 16  # in one criterion
ID_FORM = "a letter, then letters, digits, - or _, at most 40 characters in total"
ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}", re.ASCII)

EXAMPLES = {
    "id": "A1",
    "says": "a sentence that is true when the criterion is met",
    "cases": '[{call: "module:function", args: [1], returns: 2}]',
    "properties": '[{property: idempotent, call: "module:function", inputs: [integer]}]',
    "pytest": "acceptance/test_it.py",
    "holds_already": "true",
}


class Read(NamedTuple):
    """One parsed criterion. `node` is its YAML node."""

    id: str
    says: str
    cases: tuple[Case, ...]
    properties: tuple[Property, ...]
    suite: Suite | None
    change: BaseTestChange | None
    holds_already: bool
    node: Node


def read_id(fields: Fields) -> str | None:
    """Return the field `id`. If the field is wrong, report the problem and return None."""
    node = fields.get("id")
    if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
        fields.report.add(
            node, f"`{node.text[:40]}` is not an id: {ID_FORM}", f"id: {fields.examples['id'][0]}{node.text[:38]}"
        )
        return None
    text = fields.text("id", required=True)
    if text is not None and not ID.fullmatch(text):
        fields.report.add(fields.get("id") or fields.node, f"`{text[:60]}` is not an id: {ID_FORM}", fields.line("id"))
        return None
    return text


def read_criteria(roots: Iterable[Node], reader: CaseReader, report: ProblemList) -> list[Read]:
    """Return the criteria of all acceptance blocks, in order."""
    return _read(roots, reader, report, sealed=False)


def read_sealed(root: Node, known: Iterable[str], reader: CaseReader, report: ProblemList) -> dict[str, Read]:
    """Return the sealed parts by criterion id. Every id must be one of `known`."""
    names = list(known)
    sealed: dict[str, Read] = {}
    for read in _read([root], reader, report, sealed=True):
        if read.id not in names:
            near = similar(read.id, names) or (names[0] if names else "A1")
            at = read.node.get("id") if isinstance(read.node, Mapping) else None
            report.add(at or read.node, f"the requirement has no criterion `{read.id}`", f"id: {near}")
        sealed[read.id] = read
    return sealed


def _read(roots: Iterable[Node], reader: CaseReader, report: ProblemList, *, sealed: bool) -> list[Read]:
    read: list[Read] = []
    first: dict[str, int] = {}
    for root in roots:
        if not isinstance(root, Sequence):
            report.add(
                root, f"the criteria must be a list, not {kind(root)}", "- id: A1, with `says` and `cases` below it"
            )
            continue
        for node in root.items:
            criterion = _criterion(node, reader, report, sealed)
            if criterion is None:
                continue
            line = first.setdefault(criterion.id, node.line)
            if line != node.line:
                message = f"the id `{criterion.id}` occurs twice; the first is in line {line}"
                at = node.get("id") if isinstance(node, Mapping) else None
                report.add(
                    at or node, message, "id: another id" if not sealed else "all its cases under the first entry"
                )
                continue
            if len(read) == CRITERIA_MAX:
                report.add(node, f"more than {CRITERIA_MAX} criteria", "fewer criteria, or two requirements")
                return read
            read.append(criterion)
    return read


def _criterion(node: Node, reader: CaseReader, report: ProblemList, sealed: bool) -> Read | None:
    if not isinstance(node, Mapping):
        report.add(
            node, f"a criterion must be a mapping, not {kind(node)}", "- id: A1, with `says` and `cases` below it"
        )
        return None
    fields = Fields(node, report, EXAMPLES, "a criterion")
    name = read_id(fields)
    says = fields.text("says", required=not sealed) or ""
    properties = _properties(fields, reader)
    suite = read_suite(fields, reader.literals.fixtures)
    cases = _cases(fields, reader, required=not (fields.has("properties") or fields.has("pytest")))
    change = read_change(fields, reader.literals.fixtures)
    holds_already = fields.flag("holds_already")
    if sealed and fields.has("holds_already"):
        remedy = "`holds_already` in the requirement itself"
        report.add(fields.get("holds_already") or node, "`holds_already` cannot be sealed", remedy)
    return Read(name, says, cases, properties, suite, change, holds_already, node) if name is not None else None


def _cases(fields: Fields, reader: CaseReader, *, required: bool) -> tuple[Case, ...]:
    node = fields.get("cases")
    if (
        node is None
        or (isinstance(node, Scalar) and node.value is None)
        or (isinstance(node, Sequence) and not node.items)
    ):
        if required and not fields.meant & {"cases", "properties"}:
            at = node if node is not None else fields.node
            fields.report.add(at, "a criterion without cases cannot be judged", fields.line("cases"))
        return ()
    items = fields.items("cases") or ()
    if len(items) > CASES_MAX:
        fields.report.add(items[CASES_MAX], f"more than {CASES_MAX} cases in one criterion", "fewer cases")
    read = [reader.case(item) for item in items[:CASES_MAX]]
    return tuple(case for case in read if case is not None)


def _properties(fields: Fields, reader: CaseReader) -> tuple[Property, ...]:
    items = fields.items("properties") or ()
    if len(items) > PROPERTIES_MAX:
        fields.report.add(items[PROPERTIES_MAX], f"more than {PROPERTIES_MAX} properties", "fewer properties")
    properties = PropertyReader(reader.report, reader.literals.fixtures)
    read = [properties.property(item) for item in items[:PROPERTIES_MAX]]
    return tuple(one for one in read if one is not None)
