"""A delivery contains the visible properties as tests: right code passes, wrong code fails, no sealed data is there."""

import subprocess
from pathlib import Path

import pytest

from agents.delivery.packaging import delivery_files
from tests.acceptance.test_properties import EXAMPLE, RIGHT, WRONG
from tests.tiers import every_second
from tests.unit.test_packaging import python
from verification.requirements.model import Requirement
from verification.requirements.parser import parse_requirement, read_requirement

EVERY = """---
aura: 1
title: Every kind
deliver: library
scope: ["m.py"]
budget: {usd: "1.00", tokens: 1000, minutes: 5}
---
# Every kind

```yaml acceptance
- id: A1
  says: it holds
  properties:
    - {property: idempotent, call: "m:half_up", inputs: [{decimal: {min: "-9", max: "9", places: 1}}]}
    - {property: round_trip, call: "m:pack", back: "m:unpack", inputs: [{bytes: {max: 9}}]}
    - {property: sorted, call: "m:aged", by: age, inputs: [{list: {of: {record: {name: text, age: integer}}, max: 6}}]}
    - {property: sorted, reverse: true, call: "m:z", inputs: [{list: {of: {tuple: [integer, boolean]}, unique: true}}]}
    - {property: matches_reference, call: "m:root", reference: "checks/math.py:root", inputs: [integer], approx: 0.001}
    - {property: holds, call: "m:k", predicate: "checks/math.py:sorts", inputs: [{dict: {keys: text, values: date}}]}
    - {property: deterministic, call: "m:distinct", inputs: [{list: {of: {choice: [a, b, {$date: "2026-11-22"}]}}}]}
    - {property: commutative, call: "m:greater", inputs: [{float: {min: 0, max: 1, inf: true}}, float]}
    - {property: never_raises, call: "m:number", inputs: [{one_of: [text, none]}], may_raise: [LookupError]}
```
"""
CHECKS = b"""
import math

def root(n):
    return math.sqrt(n)

def sorts(found, given):
    return found == sorted(given)
"""
SOLVED = """
from decimal import Decimal, ROUND_HALF_UP

def half_up(number):
    return number.quantize(Decimal(1), ROUND_HALF_UP)

def pack(data):
    return data.hex()

def unpack(text):
    return bytes.fromhex(text)

def aged(people):
    return sorted(people, key=lambda one: one["age"])

def z(items):
    return sorted(items, reverse=True)

def root(n):
    if n < 0:
        raise ValueError("below")
    return n ** 0.5

def k(mapping):
    return sorted(mapping)

def distinct(words):
    return sorted({str(word) for word in words})

def greater(a, b):
    return max(a, b)

def number(text):
    if not text:
        raise KeyError("nothing")
    return len(text)
"""
WRONGS = {
    "idempotent": ("return number.quantize(Decimal(1), ROUND_HALF_UP)", "return number + 1"),
    "round_trip": ("fromhex(text)", "fromhex(text).rstrip(bytes(1))"),
    "sorted": ('one["age"])', '-one["age"])'),
    "matches_reference": ('raise ValueError("below")', 'raise KeyError("below")'),
    "holds": ("return sorted(mapping)", "return list(mapping.values())"),
    "deterministic": (
        "return sorted({str(word) for word in words})",
        "return list(map(hash, map(str, words)))",
    ),
    "commutative": ("max(a, b)", "a - b"),
    "never_raises": ('KeyError("nothing")', 'TypeError("nothing")'),
}


def every() -> Requirement:
    return parse_requirement(EVERY.encode(), None, name="every", folder=None, fixtures={"checks/math.py": CHECKS})


def run(folder: Path, wanted: Requirement, tree: dict[str, bytes]) -> subprocess.CompletedProcess[str]:
    """Return the results of the delivered properties."""
    extra = delivery_files(wanted, tree, b"{}", "One task.")
    for path, content in {**tree, **extra}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/acceptance/test_properties.py")


def test_they_pass_on_a_right_solution_and_hold_nothing_sealed(tmp_path: Path) -> None:
    done = run(tmp_path, read_requirement(EXAMPLE), {"runs.py": RIGHT.encode()})
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout
    assert "cases and properties are tests" in (tmp_path / "README.md").read_text()
    told = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"runs_are_whole" not in told
    assert b"unpack(pack(a)) == a" in told


@pytest.mark.parametrize("name", every_second(WRONG))
def test_they_fail_on_a_wrong_one(tmp_path: Path, name: str) -> None:
    _, old, new, kind = WRONG[name]
    done = run(tmp_path, read_requirement(EXAMPLE), {"runs.py": RIGHT.replace(old, new).encode()})
    assert "1 failed, 2 passed" in done.stdout
    assert f"_{kind} - " in done.stdout


def test_every_kind_of_property_and_generator_is_a_test(tmp_path: Path) -> None:
    done = run(tmp_path, every(), {"m.py": SOLVED.encode()})
    assert done.returncode == 0, done.stdout
    assert "9 passed" in done.stdout


@pytest.mark.slow
@pytest.mark.ci
def test_every_kind_fails_on_wrong_code(tmp_path: Path) -> None:
    source = SOLVED
    for old, new in WRONGS.values():
        assert source.count(old) == 1
        source = source.replace(old, new)
    done = run(tmp_path, every(), {"m.py": source.encode()})
    assert "8 failed, 1 passed" in done.stdout
    assert all(f"_{kind} - " in done.stdout for kind in WRONGS)
