"""Criteria that do not detect small mistakes are noted with the mistakes. This never changes the author's verdict."""

import msgspec
import pytest
from msgspec.structs import replace

from tests.cheats.solutions import requirement, solution
from verification.gates.mutation import WALL_S_MAX
from verification.judge import Candidate, judge
from verification.requirements.model import Case, Criterion, Expectation, Requirement, Step, Suite
from verification.requirements.property_model import Generator, Property
from verification.sandbox.bubblewrap import Bubblewrap
from verification.verdict.model import GateResult

pytestmark = pytest.mark.needs_sandbox

CLAMP = {
    "clamp.py": b"def clamp(value, low, high):\n    if value < low:\n        return low\n"
    b"    if value > high:\n        return high\n    return value\n"
}


def clamping(*rows: tuple[list[int], int]) -> Requirement:
    cases = tuple(
        Case(
            steps=(Step(action="call", target="clamp:clamp", args=tuple(args), expect=Expectation(returns=wanted)),),
            line=line,
        )
        for line, (args, wanted) in enumerate(rows, 1)
    )
    criteria = (Criterion(id="A1", says="a value is kept between two others", cases=cases),)
    return replace(requirement("recorded-tools"), criteria=criteria, scope=("clamp.py",))


WEAK = clamping(([5, 1, 9], 5), ([6, 1, 9], 6))
STRONG = clamping(([5, 1, 9], 5), ([0, 1, 9], 1), ([10, 1, 9], 9), ([-3, 2, 4], 2))


async def asked(
    of: Requirement, tree: dict[str, bytes], sandbox: Bubblewrap, *, whole: bool = True, mutants_max: int = 12
) -> GateResult:
    found = await judge(
        Candidate(requirement=of, tree=tree, whole=whole, mutants_max=mutants_max),
        sandbox=sandbox,
        seed=5,
        allow_degraded=True,
    )
    assert found.verified, found.findings
    (gate,) = [each for each in found.gates if each.gate == "mutation"]
    return gate


async def test_weak_criteria_are_noted_with_the_mistakes(sandbox: Bubblewrap) -> None:
    gate = await asked(WEAK, CLAMP, sandbox)
    assert (gate.result, gate.grade) == ("noted", "C")
    survivors = gate.evidence["survivors"]
    assert {"path": "clamp.py", "line": 3, "before": "return low", "after": "return None"} in survivors
    assert gate.evidence["mutants"] - gate.evidence["killed"] == len(survivors)
    assert "clamp.py:3 `return low` -> `return None`" in gate.text
    assert len(gate.text) <= 500
    control = await asked(STRONG, CLAMP, sandbox)
    assert control.result == "passed"
    assert {each["after"] for each in control.evidence["survivors"]} <= {"value <= low", "value >= high"}


async def test_only_what_was_changed_against_the_base_is_asked_about(sandbox: Bubblewrap) -> None:
    code = CLAMP["clamp.py"]
    base = {"clamp.py": code.replace(b"        return high\n", b"        return low\n")}
    asked = msgspec.structs.replace(WEAK, refactor=True)  # the weak cases hold on the base, too
    found = await judge(
        Candidate(requirement=asked, tree=CLAMP, base=base), sandbox=sandbox, seed=5, allow_degraded=True
    )
    (gate,) = [each for each in found.gates if each.gate == "mutation"]
    assert {each["line"] for each in gate.evidence["survivors"]} == {5}
    assert gate.evidence["mutants"] == 1


@pytest.mark.slow
@pytest.mark.ci
async def test_a_hanging_mistake_is_noticed_and_costs_little(sandbox: Bubblewrap) -> None:
    code = b"def clamp(value, low, high):\n    while value < low:\n        value += 1\n    return min(value, high)\n"
    gate = await asked(STRONG, {"clamp.py": code}, sandbox)
    assert gate.result == "passed"
    assert gate.seconds < WALL_S_MAX + 1


async def test_cases_that_disturb_each_other_in_one_box_keep_boxes_of_their_own(sandbox: Bubblewrap) -> None:
    """Honest code with a state: the accepted tree fails when its cases share a process, so they do not."""
    counting = b"calls = 0\n" + CLAMP["clamp.py"].replace(
        b"    if value < low", b"    global calls\n    calls += 1\n    assert calls == 1\n    if value < low", 1
    )
    gate = await asked(STRONG, {"clamp.py": counting}, sandbox)
    assert gate.evidence["killed"] > 0
    assert {"path": "clamp.py", "line": 7, "before": "return low", "after": "return None"} not in gate.evidence[
        "survivors"
    ]


async def test_it_is_not_asked_of_one_task_or_when_it_is_turned_off(sandbox: Bubblewrap) -> None:
    assert (await asked(WEAK, CLAMP, sandbox, whole=False)).result == "not_run"
    assert (await asked(WEAK, CLAMP, sandbox, mutants_max=0)).result == "not_run"


@pytest.mark.slow
@pytest.mark.ci
async def test_properties_notice_what_no_case_does(sandbox: Bubblewrap) -> None:
    code = b"def twice(number):\n    return number + number\n\n\ndef half(number):\n    return number // 2\n"
    case = Case(steps=(Step(action="call", target="twice:twice", args=(0,), expect=Expectation(returns=0)),), line=1)
    weak = Criterion(id="A1", says="it doubles", cases=(case,))
    numbers = Generator(kind="integer", min=1, max=99)
    back = Property(kind="round_trip", call="twice:twice", back="twice:half", inputs=(numbers,), line=2)
    of = replace(WEAK, criteria=(weak,), scope=("twice.py",))
    without = await asked(of, {"twice.py": code}, sandbox)
    found = await asked(replace(of, criteria=(replace(weak, properties=(back,)),)), {"twice.py": code}, sandbox)
    assert (without.result, found.result) == ("noted", "passed")
    assert found.evidence["killed"] > without.evidence["killed"]


@pytest.mark.slow
@pytest.mark.ci
async def test_a_command_is_asked_about_too(sandbox: Bubblewrap) -> None:
    gate = await asked(requirement("greet-cli"), solution("greet-cli"), sandbox, mutants_max=4)
    assert gate.evidence["mutants"] == 4


TESTED = b"""from clamp import clamp

def test_clamp():
    assert clamp(5, 1, 9) == 5
    assert clamp(0, 1, 9) == 1
    assert clamp(10, 1, 9) == 9
"""


@pytest.mark.slow
@pytest.mark.ci
async def test_a_given_suite_notices_mistakes_too(sandbox: Bubblewrap) -> None:
    suite = Suite(path="test_clamp.py", files={"test_clamp.py": TESTED})
    criterion = Criterion(id="A1", says="a value is kept between two others", cases=(), suite=suite)
    of = replace(STRONG, criteria=(criterion,))
    gate = await asked(of, CLAMP, sandbox, mutants_max=3)
    assert gate.evidence["mutants"] >= 1
    assert gate.evidence["killed"] >= 1
