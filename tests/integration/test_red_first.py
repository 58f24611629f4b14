"""Which criteria are said to hold on the base already, and which gates say `not run` where nothing was tried."""

import random

import pytest
from msgspec.structs import replace

from tests.cheats.judged import Puzzle
from tests.sandboxes import sandbox
from verification.execution.case_runner import CaseProblem, Project
from verification.execution.trials import Trial, trials_of
from verification.gates.base import Subject
from verification.gates.cases import Cases
from verification.gates.properties import Properties
from verification.gates.red_first import RedFirst
from verification.requirements.model import Criterion
from verification.requirements.property_model import Generator, Property
from verification.sandbox.base import Sandbox

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
NUMBER = Generator(kind="integer", min=0, max=9)
HELD = Criterion(
    id="P1", says="", cases=(), properties=(Property(kind="idempotent", call="old:same", inputs=(NUMBER,), line=1),)
)
LOST = replace(HELD, id="P2", properties=(replace(HELD.properties[0], call="old:more"),))
OLD = {"old.py": b"def same(n):\n    return n\n\ndef more(n):\n    return n + 1\n"}


@pytest.fixture
def puzzle() -> Puzzle:
    return Puzzle(random.Random(11), within_s=1.0)


def subject(
    puzzle: Puzzle, base: dict[str, bytes], box: Sandbox, *criteria: Criterion, trials: list[Trial] | None = None
) -> Subject:
    tree = {**base, **puzzle.right()}
    return Subject(
        requirement=puzzle.requirement(),
        tree=tree,
        base=base,
        changed=(puzzle.path,),
        criteria=criteria,
        earlier=(),
        scope=("**",),
        whole=True,
        project=Project(tree, None),
        sandbox=box,
        seed=1,
        trials=trials or [],
    )


async def test_a_criterion_of_properties_alone_that_the_base_meets_is_named(puzzle: Puzzle, sandbox: Sandbox) -> None:
    found = await RedFirst().ask(subject(puzzle, OLD, sandbox, HELD, LOST))
    assert (found.result, found.text) == ("noted", "P1 held on the base already")
    assert found.evidence == {"green": ["P1"], "red": {"P1": [], "P2": ["property_failed"]}}
    other = await RedFirst().ask(subject(puzzle, OLD, sandbox, LOST))
    assert (other.result, other.text) == ("passed", "each criterion failed on the base")


async def test_one_that_was_not_asked_in_time_is_not_said_to_hold(puzzle: Puzzle, sandbox: Sandbox) -> None:
    (hangs,) = puzzle.requirement().criteria
    waiting = [replace(hangs, id=f"A{number}", cases=hangs.cases[:1], sealed=()) for number in range(1, 6)]
    base = {**OLD, **puzzle.solution("while True: pass")}
    found = await RedFirst().ask(subject(puzzle, base, sandbox, *waiting))
    assert found.result == "passed"
    assert "could not be asked in time" in found.text
    assert "green" not in found.evidence
    assert sorted([*found.evidence["not_run"], *(name for name, why in found.evidence["red"].items() if why)]) == [
        criterion.id for criterion in waiting
    ]


async def test_a_gate_that_tried_nothing_has_not_passed(puzzle: Puzzle, sandbox: Sandbox) -> None:
    (criterion,) = puzzle.requirement().criteria
    both = replace(criterion, properties=HELD.properties)
    trials = trials_of([both])
    for trial in trials:
        trial.problem = CaseProblem("timeout", "did not end within 1 s")
    assert (await Properties().ask(subject(puzzle, OLD, sandbox, both, trials=trials))).result == "not_run"
    assert (await Properties().ask(subject(puzzle, OLD, sandbox, both))).result == "passed"
    assert (await Cases().ask(subject(puzzle, OLD, sandbox, HELD))).result == "not_run"
    assert (await Cases().ask(subject(puzzle, OLD, sandbox, both))).result == "passed"
