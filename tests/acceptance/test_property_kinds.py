"""Each kind of property: right code passes, wrong code fails, and a missing answer does not count as an answer."""

from typing import get_args

import pytest

from domain.errors import Invalid
from tests.sandboxes import sandbox
from tests.tiers import every_fourth, only_first_row
from verification.execution.case_runner import Project
from verification.judge import Candidate, judge
from verification.properties.runner import Tried, properties_of, try_all
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement
from verification.requirements.property_model import TRIES, PropertyKind
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
FRONT = """---
aura: 1
title: One function
deliver: library
scope: ["m.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# One function

## Acceptance

```yaml acceptance
- id: A1
  says: it holds
"""
GIVEN = b"""
def double(n):
    if n < 0:
        raise ValueError("negative")
    return n * 2

def is_even(result, n):
    return result % 2 == 0

def never(result, n):
    while True:
        pass

def sees(result, n):
    import os
    return not any(name in ("m.py", "project") and os.path.exists("/work/project/m.py") for name in os.listdir("/work"))
"""


def requirement(properties: str, cases: str = "", sealed: str | None = None) -> Requirement:
    """Return a requirement. `properties` is the list of its only criterion, with indentation."""
    source = f"{FRONT}{cases}  properties:\n    - {properties}\n```\n"
    given = {"given.py": GIVEN}
    held = sealed.encode() if sealed else None
    return parse_requirement(source.encode(), held, name="one", folder=None, fixtures=given)


async def tried(asked: Requirement, source: str, sandbox: Bubblewrap, seed: int = 7) -> Tried:
    project = Project({"m.py": source.encode()}, None)
    (found,) = await try_all(properties_of(asked.criteria), project, sandbox, seed, shrink=True)
    return found


KINDS = {
    "idempotent": (
        'call: "m:f", inputs: [{text: {alphabet: "ab "}}]',
        "def f(text): return text.strip()",
        "def f(text): return text[:-1] if text.endswith(' ') else text",
        "f('  ') returned ' ', and f of this result returned ''",
    ),
    "round_trip": (
        'call: "m:f", back: "m:g", inputs: [{bytes: {max: 30}}]',
        "def f(data): return data.hex()\ndef g(text): return bytes.fromhex(text)",
        "def f(data): return data.hex()\ndef g(text): return bytes.fromhex(text).rstrip(bytes(1))",
        "f(bytes('AA==')) returned '00', and g of this result returned bytes('')",
    ),
    "sorted": (
        'call: "m:f", by: age, inputs: [{list: {of: {record: {name: text, age: {integer: {min: 0, max: 9}}}}}}]',
        "def f(people): return sorted(people, key=lambda one: one['age'])",
        "def f(people): return sorted(people, key=lambda one: -one['age'])",
        "which is not in order",
    ),
    "matches_reference": (
        'call: "m:f", reference: "given.py:double", inputs: [{integer: {min: -50, max: 50}}]',
        "def f(n):\n    if n < 0: raise ValueError('below')\n    return n + n",
        "def f(n): return n + n",
        "f(-1) returned -2, and the reference raised ValueError",
    ),
    "holds": (
        'call: "m:f", predicate: "given.py:is_even", inputs: [{integer: {min: 0, max: 90}}]',
        "def f(n): return n * 2",
        "def f(n): return n * 2 if n < 40 else n * 2 + 1",
        "f(40) returned 81, for which is_even answered False",
    ),
    "deterministic": (
        'call: "m:f", inputs: [{list: {of: text}}]',
        "def f(words): return sorted(set(words))",
        "def f(words): return list(set(words))",
        "in another process it returned",
    ),
    "commutative": (
        'call: "m:f", inputs: [{integer: {min: -9, max: 9}}, {integer: {min: -9, max: 9}}]',
        "def f(a, b): return a * b",
        "def f(a, b): return a - b",
        ", and f(",
    ),
    "never_raises": (
        'call: "m:f", may_raise: [ValueError], inputs: [{text: {max: 5, alphabet: "0123456789-"}}]',
        "def f(text): return int(text)",
        "def f(text): return int(text) if text else [][0]",
        "f('') raised IndexError",
    ),
}


def test_there_is_a_pair_for_each_kind() -> None:
    assert set(KINDS) == set(get_args(PropertyKind))


@pytest.mark.parametrize("kind", every_fourth(KINDS))
async def test_each_kind_holds_for_right_code_and_not_for_wrong(sandbox: Bubblewrap, kind: str) -> None:
    written, right, wrong, told = KINDS[kind]
    asked = requirement(f"{{property: {kind}, {written}}}")
    honest = await tried(asked, right, sandbox)
    assert honest.problem is None, honest
    assert honest.inputs == TRIES
    found = await tried(asked, wrong, sandbox)
    assert found.problem is not None
    assert found.problem.kind == "property_failed"
    assert told in found.problem.text
    assert 0 < found.failed <= found.inputs


@pytest.mark.slow
@pytest.mark.ci
async def test_numbers_that_travel_as_text_have_their_order(sandbox: Bubblewrap) -> None:
    """A long number comes back written otherwise than it was drawn."""
    long = "{integer: {min: 9007199254740000, max: 9007199254741999}}"
    asked = requirement(f'{{property: sorted, call: "m:f", inputs: [{{list: {{of: {long}}}}}]}}')
    assert (await tried(asked, "f = sorted", sandbox)).problem is None
    found = await tried(asked, "def f(numbers): return sorted(numbers, key=str)[::-1]", sandbox)
    assert found.problem is not None
    assert "which is not in order" in found.problem.text


@pytest.mark.slow
@pytest.mark.ci
async def test_a_table_of_the_visible_cases_fails_on_fresh_inputs(sandbox: Bubblewrap) -> None:
    """The visible cases pass, which is all that a table can do; with a sealed property it is a strike."""
    cases = "".join(f'    - {{call: "m:f", args: [{n}], returns: {n * 2}}}\n' for n in (1234, 5678))
    inputs = "[{integer: {min: 0, max: 9999}}]"
    doubles = f'{{property: matches_reference, call: "m:f", reference: "given.py:double", inputs: {inputs}}}'
    same = f'{{property: deterministic, call: "m:f", inputs: {inputs}}}'
    sealed = f"- id: A1\n  properties:\n    - {doubles}\n"
    table = {"m.py": b"def f(n): return {1234: 2468, 5678: 11356}.get(n, 0)"}
    right = {"m.py": b"def f(n): return n + n"}
    found = await judge(
        Candidate(requirement=requirement(doubles, f"  cases:\n{cases}"), tree=table),
        sandbox=sandbox,
        seed=3,
        allow_degraded=True,
    )
    assert [each.kind for each in found.findings] == ["property_failed"]
    asked = requirement(same, f"  cases:\n{cases}", sealed)
    found = await judge(Candidate(requirement=asked, tree=table), sandbox=sandbox, seed=3, allow_degraded=True)
    assert [each.kind for each in found.findings] == ["hard_coded", "sealed_failed"]
    (criterion,) = found.criteria
    counts = (criterion.visible_passed, criterion.visible_total, criterion.sealed_passed, criterion.sealed_total)
    assert counts == (3, 3, 0, 1)
    control = await judge(
        Candidate(requirement=asked, tree=right, whole=False), sandbox=sandbox, seed=3, allow_degraded=True
    )
    assert control.verified, control.findings


async def test_a_criterion_of_properties_alone_is_passed_by_them(sandbox: Bubblewrap) -> None:
    asked = requirement('{property: idempotent, call: "m:f", inputs: [integer]}')
    right = await judge(
        Candidate(requirement=asked, tree={"m.py": b"f = abs"}, whole=False),
        sandbox=sandbox,
        seed=3,
        allow_degraded=True,
    )
    assert right.verified, right.findings
    assert [each.passed for each in right.criteria] == [True]
    wrong = await judge(
        Candidate(requirement=asked, tree={"m.py": b"f = (1).__add__"}), sandbox=sandbox, seed=3, allow_degraded=True
    )
    assert not wrong.verified
    assert [each.passed for each in wrong.criteria] == [False]
    assert wrong.findings[0].for_author == "line 16: idempotent: f(0) returned 1, and f of this result returned 2"


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    only_first_row(
        [
            (
                "leaves",
                "import os\ndef f(n): return n if n < 500 else os._exit(0)",
                "no_answer",
                "ended without an answer",
            ),
            ("hangs", "def f(n):\n    while n > 500: pass\n    return n", "timeout", "did not end within 0.5 s"),
            ("is not there", "def g(n): return n", "did_not_start", "could not be called"),
            (
                "is always equal",
                "class Same(int):\n    def __eq__(self, other): return True\ndef f(n): return Same(n + 1)",
                "property_failed",
                "f(0) returned 1, and f of this result returned 2",
            ),
            (
                "equals everything",
                "class Same:\n    def __eq__(self, other): return True\ndef f(n): return Same()",
                "property_failed",
                "m.Same",
            ),
            ("refuses all", "def f(n): raise ValueError('no')", "property_failed", "as did every other call"),
        ]
    ),
)
async def test_code_that_does_not_answer(sandbox: Bubblewrap, source: str, kind: str, told: str) -> None:
    written = 'property: idempotent, call: "m:f", inputs: [{integer: {min: 0, max: 1000}}], within_s: 0.5'
    asked = requirement(f"{{{written}, may_raise: [ValueError]}}")
    assert (await tried(asked, "def f(n): return n", sandbox)).problem is None
    found = (await tried(asked, source, sandbox)).problem
    assert found is not None
    assert (found.kind, told in found.text) == (kind, True), found


async def test_a_predicate_sees_no_code_and_its_faults_are_not_taken_for_a_yes(sandbox: Bubblewrap) -> None:
    written = 'property: holds, call: "m:f", inputs: [{integer: {min: 0, max: 9}}], within_s: 1, predicate: "given.py:'
    right = "def f(n): return n"
    assert (await tried(requirement(f'{{{written}sees"}}'), right, sandbox)).problem is None
    found = (await tried(requirement(f'{{{written}never"}}'), right, sandbox)).problem
    assert found is not None
    assert "did not end" in found.text


@pytest.mark.slow
@pytest.mark.ci
async def test_nothing_satisfies_the_generators(sandbox: Bubblewrap) -> None:
    asked = requirement(
        '{property: deterministic, call: "m:f", inputs: [{list: {of: boolean, min: 5, max: 6, unique: true}}]}'
    )
    with pytest.raises(Invalid, match="cannot be drawn"):
        await tried(asked, "f = list", sandbox)
    fewer = asked.criteria[0].properties[0].inputs[0]
    assert fewer.unique
    loose = requirement(
        '{property: deterministic, call: "m:f", inputs: [{list: {of: boolean, min: 2, max: 6, unique: true}}]}'
    )
    assert (await tried(loose, "f = list", sandbox)).inputs == 2
