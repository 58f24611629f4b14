"""Weak criteria are found before any work and without a box: a stub, which solves nothing, would meet them."""

import pytest
from msgspec.structs import replace

from tests.cheats.solutions import NAMES, requirement
from tests.unit.test_reading import parse
from verification.adequacy.weak_criteria import Weak, weak_criteria
from verification.requirements.model import Requirement, Suite
from verification.requirements.parser import parse_requirement
from verification.requirements.property_model import Property, PropertyKind
from verification.requirements.template import sealed_template, template

HTTP = """---
aura: 1
title: T
deliver: http
serve: {run: ["python3", "-m", "tool"], ready: "GET /health"}
scope: ["tool.py"]
budget: {usd: "1", tokens: 9, minutes: 5}
---
"""
CALL = '{call: "tool:f", args: [1], '
WEAK = [
    (f"{CALL}returns: null}}", "returns None"),
    (f"{CALL}returns: 0}}", "returns 0"),
    (f'{CALL}returns: ""}}', "returns ''"),
    (f"{CALL}returns: []}}", "returns []"),
    (f"{CALL}returns: {{}}}}", "returns {}"),
    (f"{CALL}returns: true}}", "returns True"),
    (f"{CALL}returns: false}}", "returns False"),
    (f"{CALL}returns: 1}}", "returns its argument"),
    (f"{CALL}returns: [4, 5]}}", "always returns [4, 5]"),
    (f"{CALL}returns: {{$decimal: '1.50'}}}}", "always returns decimal('1.50')"),
    (f"{CALL}returns: {{$any: true}}}}", "returns None"),
    (f"{CALL}returns: {{$matches: '^[a-z]+$'}}}}", "always returns 'a'"),
    (f"{CALL}raises: ValueError}}", "always raises ValueError"),
    (f"{CALL}raises: ValueError, message_matches: 'no good'}}", "always raises ValueError('no good')"),
    (f"{CALL}raises: LookupError, or_subclass: true}}", "always raises LookupError"),
    ('{call: "tool:f"}', "returns None"),
    ('{steps: [{new: "tool:C", as: c}, {call: "$c.f", returns: 7}]}', "always returns 7"),
    ('{steps: [{new: "tool:C", args: [1], raises: ValueError}]}', "always raises ValueError"),
    ('{run: ["tool", "a"]}', "exits 0 and prints nothing"),
    ('{run: ["tool", "a"], stdout: ""}', "exits 0 and prints nothing"),
    ('{run: ["tool"], stdin: "a\\n", stdout: "a\\n"}', "prints its standard input"),
    ('{run: ["tool", "a", "b"], stdout: "a b\\n"}', "prints its arguments"),
    ('{run: ["tool", "a"], exit: 1}', "exits 1 and prints nothing"),
    ('{run: ["tool", "a"], stdout: "b\\n"}', "always exits 0 and prints 'b\\n'"),
    ('{run: ["tool", "a"], exit: 2, stdout: ""}', "always exits 2 and prints ''"),
    ('{run: ["tool"], files: {before: {a: "x"}, unchanged: [a], absent: [b]}}', "exits 0 and prints nothing"),
]
SERVICES = [
    ('{request: "GET /", status: 200, body: {}}', "answers 200 with {}"),
    ('{request: "GET /"}', "answers 200 with {}"),
    ('{request: "POST /", json: {a: [1]}, body: {a: [1]}}', "answers 200 with the request's body"),
    ('{request: "GET /", status: 404}', "answers 404 with {}"),
    ('{request: "GET /", status: 201, body: {a: {$any: true}}}', "always answers 201 with "),
    (
        '{steps: [{request: "POST /", json: {id: 7}, save: {id: body.id}}, {restart: true},'
        ' {request: "PUT /", json: {id: "${id}"}, parallel: 2, body: {id: "${id}"}}]}',
        "answers 200 with the request's body",
    ),
]
STRONG = [
    f"{CALL}returns: 3}}\n    - {CALL}returns: 4}}",
    f"{CALL}returns: 3}}\n    - {CALL}raises: ValueError}}",
    f"{CALL}raises: ValueError}}\n    - {CALL}raises: KeyError}}",
    '{run: ["tool", "a"], stdout: "b\\n"}\n    - {run: ["tool", "b"], stdout: "c\\n"}',
    '{run: ["tool"], files: {after: {a: "x"}}}',
]


def one(of: Requirement) -> Weak:
    (weak,) = weak_criteria(of)
    return weak


@pytest.mark.parametrize(("case", "stub"), WEAK)
def test_a_criterion_that_a_stub_meets_is_noticed(case: str, stub: str) -> None:
    weak = one(parse(case))
    assert weak.criterion == "A1"
    assert stub in weak.stubs
    assert weak.text.startswith(f"A1 is met by code that {weak.stubs[0]}: add a case ")


@pytest.mark.parametrize(("case", "stub"), SERVICES)
def test_so_is_one_that_a_service_without_sense_meets(case: str, stub: str) -> None:
    assert any(name.startswith(stub) for name in one(parse(case, front=HTTP)).stubs)


@pytest.mark.parametrize("case", STRONG)
def test_one_that_no_stub_meets_is_not(case: str) -> None:
    assert weak_criteria(parse(case)) == ()


def test_a_service_that_must_remember_is_asked_enough() -> None:
    case = (
        '{steps: [{request: "POST /", json: {text: "a"}, status: 201, save: {id: body.id}},'
        ' {request: "GET /${id}", body: {id: "${id}", text: "a"}}]}'
    )
    assert weak_criteria(parse(case, front=HTTP)) == ()


@pytest.mark.parametrize(
    ("kind", "weak"),
    [
        ("idempotent", {"returns None", "returns its argument"}),
        ("commutative", {"returns None"}),
        ("round_trip", {"returns its argument"}),
        ("never_raises", {"returns None", "returns its argument", "returns an object that equals everything"}),
        ("sorted", set()),
        ("holds", set()),
    ],
)
def test_a_property_refuses_the_stubs_that_do_not_have_it(kind: PropertyKind, weak: set[str]) -> None:
    one = Property(kind=kind, call="tool:f", inputs=(), line=1)
    criterion = replace(parse(f"{CALL}returns: 1}}").criteria[0], cases=(), properties=(one,))
    found = weak_criteria(replace(parse(f"{CALL}returns: 1}}"), criteria=(criterion,)))
    stubs = set(found[0].stubs) if found else set()
    assert {"returns None", "returns its argument", "returns an object that equals everything"} & stubs == weak


def test_a_suite_is_left_to_its_own_control() -> None:
    of = parse(f"{CALL}returns: null}}")
    suite = Suite(path="test_a.py", files={"test_a.py": b""})
    assert weak_criteria(of)
    assert weak_criteria(replace(of, criteria=(replace(of.criteria[0], suite=suite),))) == ()


def test_sealed_cases_count() -> None:
    sealed = f"- id: A1\n  cases:\n    - {CALL}returns: 4}}\n".encode()
    assert weak_criteria(parse(f"{CALL}returns: 3}}", sealed=sealed)) == ()
    assert one(parse(f"{CALL}returns: 3}}")).remedy == "add a case with a result other than 3"


def test_it_is_said_when_another_criterion_refuses_the_stub() -> None:
    more = (
        f"{CALL}returns: null}}\n- id: A2\n  says: more\n  cases:\n    - {CALL}returns: 4}}\n    - {CALL}returns: 5}}"
    )
    weak = one(parse(more))
    assert (weak.criterion, weak.refused_by) == ("A1", ("A2",))
    assert weak.text.endswith("(A2 would refuse it.)")
    elsewhere = more.replace("tool:f", "other:f").replace("other:f", "tool:f", 1)
    assert one(parse(elsewhere)).refused_by == ()


@pytest.mark.parametrize("name", [*NAMES, "version-numbers"])
def test_the_examples_are_not_weak(name: str) -> None:
    assert weak_criteria(requirement(name)) == ()


@pytest.mark.parametrize("deliver", ["library", "cli"])
def test_what_init_writes_is_not_weak(deliver: str) -> None:
    sealed = sealed_template("hello", deliver=deliver).encode()
    source = template("hello", deliver=deliver).encode()
    assert weak_criteria(parse_requirement(source, sealed, name="hello", folder=None)) == ()
