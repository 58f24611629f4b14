"""Passing code is tried again. Answers that depend on hash order or on earlier calls are detected."""

import subprocess
import sys
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.cheats.suite_cheats import SUITE_PATH
from tests.cheats.test_suites import requirement, suite
from verification.execution.case_runner import Project
from verification.gates.base import Subject
from verification.gates.flakiness import Flakiness
from verification.gates.pipeline import ask_all
from verification.gates.properties import Properties
from verification.gates.suites import Suites
from verification.requirements.model import Criterion, Requirement, Suite
from verification.requirements.property_model import Generator, Property
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import GateResult

pytestmark = pytest.mark.needs_sandbox

SEED = 5
WORDS = [f"word{number}" for number in range(12)]
BY_HASH = {"tidy.py": b"def tidy(words):\n    return sorted(set(words), key=hash)\n"}
BY_ORDER = {"tidy.py": b"def tidy(words):\n    return list(dict.fromkeys(words))\n"}
COUNTS = {"tidy.py": b"calls = []\n\n\ndef tidy(text):\n    calls.append(text)\n    return len(calls)\n"}
ONE_BY_ONE = b"""from tidy import tidy


def test_first():
    assert tidy("a") == 1


def test_second():
    assert tidy("b") == 2
"""
OPENS = {  # only a process that was asked for 0 first, the edge of what is drawn, answers at all
    "tidy.py": b"""first = []


def tidy(number):
    first.append(number)
    if first[0] != 0:
        raise ValueError("was not opened")
    return number
"""
}
ANSWERS = {"tidy.py": b"def tidy(number):\n    return number\n"}


def by_suite() -> Suite:
    """Return a suite that passes only with the hash order of its first run."""
    program = f"print(sorted({WORDS!r}, key=hash))"
    env = {"PYTHONHASHSEED": "0"}
    words = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
    words = words.strip()
    return suite(f"from tidy import tidy\n\n\ndef test_it():\n    assert tidy({words}) == {words}\n".encode())


def by_property() -> Requirement:
    numbers = Generator(kind="integer", min=0, max=1000)
    one = Property(kind="never_raises", call="tidy:tidy", inputs=(numbers,), line=4, tries=20)
    held = Criterion(id="A1", says="it answers", cases=(), properties=(one,), sealed_properties=(one,))
    return replace(requirement(), criteria=(held,))


async def asked(
    of: Requirement, tree: Mapping[str, bytes], sandbox: Bubblewrap
) -> tuple[GateResult, GateResult, Subject]:
    """Run the previous gate and flakiness, and return their findings."""
    subject = Subject(
        requirement=of,
        tree=tree,
        base={},
        changed=tuple(tree),
        criteria=of.criteria,
        earlier=(),
        scope=("**",),
        whole=True,
        project=Project(tree, None),
        sandbox=sandbox,
        seed=SEED,
    )
    properties, suites, flakiness = await ask_all(subject, (Properties(), Suites(), Flakiness()))
    return (suites if of.criteria[0].suites else properties), flakiness, subject


def told(flakiness: GateResult, subject: Subject) -> list[tuple[str, str]]:
    assert not any(finding.integrity for finding in subject.findings), "flakiness is no strike"
    assert (flakiness.result == "failed") is bool(subject.findings)
    return [(finding.kind, finding.criterion or "") for finding in subject.findings]


@pytest.mark.slow
@pytest.mark.ci
async def test_a_suite_that_hash_order_decides(sandbox: Bubblewrap) -> None:
    of = requirement(by_suite(), sealed=by_suite())
    before, flakiness, subject = await asked(of, BY_HASH, sandbox)
    assert (before.gate, before.result) == ("suites", "passed"), "control: it passes once"
    assert told(flakiness, subject) == [("flaky", "A1"), ("flaky", "A1")]
    shown, sealed = subject.findings
    for finding in subject.findings:
        assert "test_it, with PYTHONHASHSEED=" in finding.detail
    assert "test_it, with PYTHONHASHSEED=" in shown.for_author
    assert sealed.for_author == "criterion A1 passed in one run and failed in another"
    assert "test_it" not in repr(flakiness.evidence)
    _, control, honest = await asked(of, BY_ORDER, sandbox)
    assert told(control, honest) == []
    assert (control.result, control.text, control.evidence["flaky"]) == ("passed", "3 runs of 2 suites", [])


@pytest.mark.slow
@pytest.mark.ci
async def test_a_suite_that_keeps_an_order_is_noted_and_refuses_nobody(sandbox: Bubblewrap) -> None:
    of = requirement(suite(ONE_BY_ONE), sealed=suite(ONE_BY_ONE))
    _, flakiness, subject = await asked(of, COUNTS, sandbox)
    assert told(flakiness, subject) == []
    assert flakiness.result == "noted"
    tests = [f"{SUITE_PATH}::test_second", f"{SUITE_PATH}::test_first"]
    assert flakiness.evidence["fails_in_reverse"] == {"A1, visible": tests, "A1, sealed": 2}


async def test_a_property_that_the_order_of_calls_decides(sandbox: Bubblewrap) -> None:
    before, flakiness, subject = await asked(by_property(), OPENS, sandbox)
    assert (before.gate, before.result) == ("properties", "passed"), "control: it holds once"
    assert told(flakiness, subject) == [("flaky", "A1"), ("flaky", "A1")]
    shown, sealed = subject.findings
    assert "line 4: never_raises: tidy(" in shown.for_author
    assert sealed.for_author == "criterion A1 passed in one run and failed in another"
    again = await Flakiness().ask(subject)
    assert (again.evidence, list(again.findings)) == (flakiness.evidence, subject.findings), "the same seed, the same"
    _, control, honest = await asked(by_property(), ANSWERS, sandbox)
    assert told(control, honest) == []
    assert (control.result, control.text) == ("passed", "3 runs of 2 properties")


@pytest.mark.slow
@pytest.mark.parametrize(("sleep_s", "found"), [(1.5, []), (6.0, [("flaky", "A1")])])
async def test_a_repeat_has_longer(sandbox: Bubblewrap, sleep_s: float, found: list[tuple[str, str]]) -> None:
    """Other inputs share a box the second time: a sum that is a little over the limit says nothing."""
    one = replace(by_property().criteria[0].properties[0], within_s=1.0)
    of = replace(requirement(), criteria=(Criterion(id="A1", says="it answers", cases=(), properties=(one,)),))
    slow = OPENS["tidy.py"].replace(b'raise ValueError("was not opened")', b"time.sleep(%g)" % sleep_s)
    slow = slow.replace(b"    if first[0] != 0", b"    if len(first) == 1 and number != 0")
    before, flakiness, subject = await asked(of, {"tidy.py": b"import time\n" + slow}, sandbox)
    assert before.result == "passed"
    assert told(flakiness, subject) == found


async def test_what_there_is_no_time_for_is_said(sandbox: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verification.gates.flakiness.REPEATS_WALL_S", -1.0)
    _, flakiness, subject = await asked(requirement(by_suite()), BY_HASH, sandbox)
    assert told(flakiness, subject) == []
    assert (flakiness.result, flakiness.evidence["skipped"]) == ("noted", ["the suite of A1, visible"])
    assert "there was no time to repeat: the suite of A1, visible" in flakiness.text
