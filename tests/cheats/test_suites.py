"""Given suites: right code passes. Cases judged outside the box refuse the cheats that a suite cannot detect."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from tests.cheats.suite_cheats import FORGED, REFUSED, RIGHT, SUITE, SUITE_PATH, WRONG
from tests.tiers import every_fourth
from verification.judge import Candidate, judge
from verification.requirements.model import (
    Budget,
    Case,
    Criterion,
    Expectation,
    Requirement,
    RequirementTask,
    Step,
    Suite,
)
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import GateResult, Verdict

pytestmark = pytest.mark.needs_sandbox

HONEST = {"tidy.py": RIGHT.encode()}
IDS = ("failures", "green_on_stub", "left_out")
CASE = Case(
    steps=(Step(action="call", target="tidy:tidy", args=("Not  Seen",), expect=Expectation(returns="not-seen")),),
    line=20,
)


def suite(source: bytes = SUITE, **beside: bytes) -> Suite:
    return Suite(path=SUITE_PATH, files={SUITE_PATH: source, **beside})


def requirement(visible: Suite | None = None, sealed: Suite | None = None, cases: tuple[Case, ...] = ()) -> Requirement:
    return Requirement(
        title="tidy",
        deliver="library",
        language="python",
        scope=("**",),
        budget=Budget(usd=Decimal(1), tokens=1000, minutes=5),
        criteria=(Criterion(id="A1", says="it tidies", cases=(), sealed=cases, suite=visible, sealed_suite=sealed),),
        tasks=(RequirementTask(id="T1", criteria=("A1",), scope=("**",)),),
        prose="",
        source=b"",
    )


async def verdict(
    sandbox: Bubblewrap, tree: Mapping[str, bytes], asked: Requirement | None = None, **more: object
) -> Verdict:
    asked = asked or requirement(suite())
    candidate = Candidate(requirement=asked, tree=tree, whole=False, **more)  # type: ignore[arg-type]  # of its own fields
    return await judge(candidate, sandbox=sandbox, seed=1, allow_degraded=True)


def gate(found: Verdict, name: str = "suites") -> GateResult:
    return next(each for each in found.gates if each.gate == name)


async def test_the_right_code_is_verified_at_grade_b(sandbox: Bubblewrap) -> None:
    found = await verdict(sandbox, HONEST)
    assert found.verified, found.findings
    assert (found.grade, found.criteria[0].grade, gate(found).grade) == ("B", "B", "B")
    assert "could forge" in gate(found).text
    assert gate(found).evidence["A1 visible"]["expected"] == 3


async def test_wrong_code_is_refused_and_told_which_tests(sandbox: Bubblewrap) -> None:
    found = await verdict(sandbox, {"tidy.py": WRONG.encode()})
    (finding,) = found.findings
    assert (found.verified, finding.kind, finding.integrity) == (False, "suite_failed", False)
    assert f"{SUITE_PATH}::test_one_word: AssertionError: assert ' Word ' == 'word'" in finding.for_author


async def test_a_sealed_suite_tells_its_criterion_alone(sandbox: Bubblewrap) -> None:
    asked = requirement(sealed=suite())
    right = await verdict(sandbox, HONEST, asked)
    assert right.verified
    told = gate(right).evidence["A1 sealed"]
    assert {name: type(value) for name, value in told.items() if name in IDS} == dict.fromkeys(IDS, int)
    shown = gate(await verdict(sandbox, HONEST)).evidence["A1 visible"]
    assert {name: type(value) for name, value in shown.items() if name in IDS} == dict.fromkeys(IDS, tuple), "control"
    found = await verdict(sandbox, {"tidy.py": WRONG.encode()}, asked)
    (finding,) = found.findings
    assert (finding.kind, finding.for_author) == ("sealed_failed", "criterion A1 failed on tests you cannot see")
    assert "test_one_word" in finding.detail


@pytest.mark.parametrize("name", every_fourth(REFUSED))
async def test_a_cheat_is_refused(sandbox: Bubblewrap, name: str) -> None:
    found = await verdict(sandbox, REFUSED[name])
    assert not found.verified
    assert {each.kind for each in found.findings} == {"suite_failed"}, found.findings


@pytest.mark.parametrize("name", every_fourth(FORGED))
async def test_what_a_suite_accepts_is_refused_by_cases(sandbox: Bubblewrap, name: str) -> None:
    """Grade B is forgeable, and says so. The same criterion with a case judged outside is not."""
    forged = await verdict(sandbox, FORGED[name])
    assert forged.verified, f"no longer forgeable; move it to REFUSED: {forged.findings}"
    assert forged.grade == "B"
    asked = requirement(suite(), cases=(CASE,))
    found = await verdict(sandbox, FORGED[name], asked)
    assert not found.verified
    assert {each.kind for each in found.findings} <= {"sealed_failed", "suite_failed", "wrong_result", "hard_coded"}


async def test_with_cases_the_criterion_rests_on_them(sandbox: Bubblewrap) -> None:
    asked = requirement(suite(), cases=(CASE,))
    found = await verdict(sandbox, HONEST, asked)
    assert found.verified, found.findings
    assert (found.grade, found.criteria[0].grade) == ("C", "C")
    table = FORGED["knows the suite by heart"]
    assert not (await verdict(sandbox, table, asked)).verified


@pytest.mark.parametrize(
    "source",
    [b"import tidy\n\n\ndef test_it():\n    assert tidy\n", b"import tidy\n\n\ndef test_it():\n    tidy.tidy('x')\n"],
    ids=["imports", "calls and asks nothing"],
)
async def test_a_suite_that_passes_on_a_stub_verifies_nothing(sandbox: Bubblewrap, source: bytes) -> None:
    found = await verdict(sandbox, HONEST, requirement(suite(source)))
    assert not found.verified
    assert gate(found).result == "failed"
    assert "passes on a stub" in found.findings[0].detail
    with_cases = await verdict(sandbox, HONEST, requirement(suite(source), cases=(CASE,)))
    assert with_cases.verified, with_cases.findings
    assert (gate(with_cases).result, with_cases.grade) == ("noted", "C")
    assert "passes on a stub" in gate(with_cases).text


HONEST_SUITES = {
    "values of the project as parameters": b"""import pytest
import tidy

@pytest.mark.parametrize("given", [tidy.GIVEN, tidy.tidy, "x"])
def test_it(given):
    assert tidy.tidy("A b") == "a-b"
""",
    "parameters made by the project": b"""import pytest
import tidy

@pytest.mark.parametrize("text", tidy.EXAMPLES)
def test_it(text):
    assert tidy.tidy(text) == text
""",
    "skips of its own": b"""import sys
import pytest
from tidy import tidy

@pytest.mark.skipif(sys.platform == "linux", reason="elsewhere")
def test_elsewhere():
    assert False

@pytest.mark.xfail
def test_some_day():
    assert tidy("a") == "b"

def test_it():
    assert tidy("A b") == "a-b"
""",
    "a suite in classes, with a fixture and a helper": b"""import unittest
import pytest
from helper import JOINED
from tidy import tidy

@pytest.fixture
def text():
    return "A b"

class TestIt:
    def test_it(self, text, tmp_path, capsys, subtests):
        with subtests.test("one"):
            assert tidy(text) == JOINED

class Old(unittest.TestCase):
    def test_old(self):
        with self.subTest(1), self.assertRaises(TypeError):
            tidy(1)
""",
    "runs the project as a program": b"""import subprocess
import sys

def test_it():
    code = "import tidy; print(tidy.tidy('A b'))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "a-b\\n"
""",
    "a stub would hang it": b"""from tidy import tidy

def test_it():
    while tidy("a") is None:
        pass
    assert tidy("A b") == "a-b"
""",
}


@pytest.mark.parametrize("name", every_fourth(HONEST_SUITES))
async def test_honest_suites_of_many_kinds(sandbox: Bubblewrap, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verification.suites.given_suite.STUB_WALL_S", 4.0)
    given = suite(HONEST_SUITES[name])
    given = msgspec.structs.replace(
        given, files={**given.files, "acceptance/helper.py": b"JOINED = 'a-b'\n", "acceptance/conftest.py": b"x = 1\n"}
    )
    source = f"{RIGHT}\nGIVEN = 'given'\nEXAMPLES = ['a', 'b-c']\n"
    found = await verdict(sandbox, {"tidy.py": source.encode()}, requirement(given))
    assert found.verified, found.findings
    wrong = await verdict(sandbox, {"tidy.py": source.replace('"-"', '"_"').replace("TypeError", "OSError").encode()})
    assert not wrong.verified


async def test_a_suite_of_an_earlier_task_must_hold(sandbox: Bubblewrap) -> None:
    asked = requirement(suite(), cases=())
    more = msgspec.structs.replace(asked.criteria[0], id="A2", suite=None, sealed=(CASE,))
    asked = msgspec.structs.replace(asked, criteria=(*asked.criteria, more))
    held = await verdict(sandbox, HONEST, asked, criteria=("A2",), earlier=("A1",))
    assert held.verified, held.findings
    lost = {"tidy.py": RIGHT.replace("text.lower().split()", "text.lower().split()[-2:]").encode()}
    found = await verdict(sandbox, lost, asked, criteria=("A2",), earlier=("A1",))
    assert [each.kind for each in found.findings] == ["regression"]
    assert "A1" in found.findings[0].for_author


IF_THERE = b"import pytest\n\nmore = pytest.importorskip('more')\n\n\ndef test_more():\n    assert more.twice(2) == 4\n"
MORE = b"def twice(number):\n    return 2 * number\n"


@pytest.mark.slow
@pytest.mark.ci
async def test_what_was_asked_for_cannot_be_left_out(sandbox: Bubblewrap) -> None:
    """A test that skips itself without a module is expected where the module may be written, and else it is told."""
    folder = "acceptance"
    both = Suite(path=folder, files={SUITE_PATH: SUITE, f"{folder}/test_more.py": IF_THERE})
    asked = requirement(both)
    named = msgspec.structs.replace(asked, scope=("tidy.py", "more.py"))
    left = await verdict(sandbox, HONEST, named)
    assert [each.detail for each in left.findings] == [
        f"{folder}/test_more.py::test_more: is missing: it was not collected"
    ]
    for requested in (asked, named):
        found = await verdict(sandbox, {**HONEST, "more.py": MORE}, requested)
        assert (found.verified, gate(found).result) == (True, "passed")
        assert not (
            await verdict(sandbox, {**HONEST, "more.py": b"def twice(number):\n    return 3\n"}, requested)
        ).verified
    other = await verdict(sandbox, HONEST, asked)
    assert (other.verified, gate(other).result) == (True, "noted"), "nobody was asked for it by name"
    assert gate(other).evidence["A1 visible"]["left_out"] == (f"{folder}/test_more.py",)
