"""Tests that replace tests of the base: named tests must change to passing, and a sealed folder stays sealed."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.cheats.test_suites import requirement
from tests.sandboxes import sandbox
from tests.tiers import CI
from verification.execution.case_runner import Project
from verification.gates.base import GateReport, Origin, Subject
from verification.gates.changed_tests import ChangedTests
from verification.requirements.model import BaseTestChange, Criterion, Requirement
from verification.requirements.parser import RequirementInvalid, parse_requirement
from verification.sandbox.bubblewrap import Bubblewrap

__all__ = ["sandbox"]

OLD = b"def total(prices):\n    return sum(prices)\n"
RIGHT = b"def total(prices):\n    if not prices:\n        raise ValueError\n    return sum(prices)\n"
WRONG = RIGHT.replace(b"ValueError", b"KeyError")
LOSES = RIGHT.replace(b"sum(prices)", b"prices[0]")
TESTS = b"""import pytest
from shop import total

def test_total():
    assert total([1, 2]) == 3

def test_secret_4711():
    with pytest.raises(ValueError):
        total([])
"""
BASE = {
    "shop.py": OLD,
    "tests/test_shop.py": b"from shop import total\n\ndef test_one():\n    assert total([1]) == 1\n",
}
SECRET = "tests/test_shop.py::test_secret_4711"
CHANGE = BaseTestChange(files={"tests/test_shop.py": TESTS}, must_pass=(SECRET,))
FRONT = """---
aura: 1
title: Shop
deliver: library
base: {repo: site}
scope: ["shop.py"]
budget: {usd: "1", tokens: 1, minutes: 5}
---
# Shop
```yaml acceptance
- id: A1
  says: it refuses nothing
  cases:
    - {call: "shop:total", args: [[]], raises: ValueError}
"""
SEALED = b'- id: A1\n  pytest: {over_base: hidden, must_pass: ["tests/test_shop.py::test_secret_4711"]}\n'


async def asked(sandbox: Bubblewrap, code: bytes, criterion: Criterion) -> GateReport:
    return await ChangedTests().ask(subject(sandbox, BASE, "shop.py", code, criterion))


def subject(sandbox: Bubblewrap, base: dict[str, bytes], path: str, code: bytes, criterion: Criterion) -> Subject:
    tree = {**base, path: code}
    return Subject(
        requirement=replace(requirement(), criteria=(criterion,), scope=(path,)),
        tree=tree,
        base=base,
        changed=(path,),
        criteria=(criterion,),
        earlier=(),
        scope=(path,),
        whole=True,
        project=Project(tree, None),
        sandbox=sandbox,
        seed=1,
        origin=Origin(files=base),
    )


VISIBLE = Criterion(id="A1", says="", cases=(), over_base=CHANGE)
HIDDEN = Criterion(id="A1", says="", cases=(), sealed_over_base=CHANGE)


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("code", [WRONG, LOSES], ids=["does not turn", "loses another"])
async def test_what_does_not_turn_or_is_lost_is_refused(sandbox: Bubblewrap, code: bytes) -> None:
    (finding,) = (await asked(sandbox, code, VISIBLE)).findings
    assert (finding.kind, finding.integrity) == ("suite_failed", False)
    assert ("test_secret_4711" in finding.for_author) == (code is WRONG), "control: visible tests are told"


@pytest.mark.needs_sandbox
async def test_a_sealed_folder_of_tests_tells_its_author_nothing(sandbox: Bubblewrap) -> None:
    assert (await asked(sandbox, RIGHT, HIDDEN)).result == "passed", "control"
    report = await asked(sandbox, WRONG, HIDDEN)
    (finding,) = report.findings
    assert (finding.kind, finding.integrity) == ("sealed_failed", False)
    assert "4711" in finding.detail, "control: the Director is told"
    assert "4711" not in f"{finding.for_author} {report.text} {report.evidence}"


def in_packages(settings: bytes) -> dict[str, bytes]:
    """Make a repository of two packages, each with its own metadata."""
    metadata = b"[project]\nname = 'part'\nversion = '1'\n"
    tests = b"from core.shop import total\n\ndef test_one():\n    assert total([1]) == 1\n"
    return {
        "pyproject.toml": metadata,
        "tests/test_all.py": b"def test_all():\n    assert True\n",
        "core/pyproject.toml": metadata + settings,
        "core/shop.py": OLD,
        "core/tests/test_core.py": tests,
    }


@pytest.mark.needs_sandbox
@pytest.mark.parametrize("code", [RIGHT, WRONG], ids=["right", "wrong"])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(b"", id="metadata", marks=CI),
        pytest.param(b"[tool.pytest.ini_options]\npython_functions = 'check_*'\n", id="settings"),
    ],
)
async def test_a_package_of_several_is_tested_from_the_root(sandbox: Bubblewrap, settings: bytes, code: bytes) -> None:
    """The ids begin at the root, and the root's settings hold, as in a run of the whole suite."""
    base = in_packages(settings)
    change = BaseTestChange(
        files={"core/tests/test_core.py": TESTS.replace(b"from shop", b"from core.shop")},
        must_pass=("core/tests/test_core.py::test_secret_4711",),
        keep_passing=("core/tests/test_core.py::test_total",),
    )
    report = await ChangedTests().ask(
        subject(sandbox, base, "core/shop.py", code, Criterion(id="A1", says="", cases=(), over_base=change))
    )
    assert (report.result == "passed") is (code is RIGHT), report


def sealed(folder: Path, source: str) -> Requirement:
    (folder / "hidden" / "tests").mkdir(parents=True, exist_ok=True)
    (folder / "hidden" / "tests" / "test_shop.py").write_bytes(TESTS)
    return parse_requirement(source.encode(), SEALED, name="shop", folder=folder)


def test_a_sealed_folder_is_no_part_of_what_employees_see(tmp_path: Path) -> None:
    read = sealed(tmp_path, f"{FRONT}```\n")
    (criterion,) = read.criteria
    assert criterion.sealed_over_base is not None
    assert (set(read.fixtures), set(read.sealed_fixtures)) == (set(), {"hidden/tests/test_shop.py"})
    both = f'{FRONT}  pytest: {{over_base: hidden, must_pass: ["tests/test_shop.py::test_total"]}}\n```\n'
    with pytest.raises(RequirementInvalid, match="is also named by the requirement"):
        sealed(tmp_path, both)
