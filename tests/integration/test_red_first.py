"""Criteria of any kind that already hold on the base, and gates that say `not run` if they tried nothing."""

import random

import pytest
from msgspec.structs import replace

from tests.cheats.judged import Puzzle
from tests.sandboxes import sandbox
from tests.tiers import every_fourth
from verification.execution.case_runner import CaseProblem, Project
from verification.execution.trials import Trial, trials_of
from verification.gates.base import Origin, Subject
from verification.gates.cases import Cases
from verification.gates.on_base import standings_on_base
from verification.gates.properties import Properties
from verification.gates.red_first import RedFirst
from verification.requirements.model import BaseTestChange, Criterion, Suite
from verification.requirements.property_model import Generator, Property
from verification.sandbox.base import Capabilities, RunResult, RunSpec, Sandbox
from verification.suites.outcome_store import OutcomeStore

__all__ = ["sandbox"]

pytestmark = pytest.mark.needs_sandbox
NUMBER = Generator(kind="integer", min=0, max=9)
HELD = Criterion(
    id="P1", says="", cases=(), properties=(Property(kind="idempotent", call="old:same", inputs=(NUMBER,), line=1),)
)
LOST = replace(HELD, id="P2", properties=(replace(HELD.properties[0], call="old:more"),))
OLD = {"old.py": b"def same(n):\n    return n\n\ndef more(n):\n    return n + 1\n"}


class NoSandbox:
    """A sandbox in which nothing may run."""

    async def probe(self) -> Capabilities:
        raise AssertionError("no box")

    async def run(self, spec: RunSpec) -> RunResult:
        raise AssertionError(f"no box for {spec.argv}")

    async def sweep(self) -> int:
        return 0

    async def close(self) -> None:
        """Do nothing, because nothing is open."""


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
        origin=Origin(files=base),
    )


async def test_a_criterion_of_properties_alone_that_the_base_meets_is_refused(puzzle: Puzzle, sandbox: Sandbox) -> None:
    report = await RedFirst().ask(subject(puzzle, OLD, sandbox, HELD, LOST))
    assert report.result == "failed"
    assert [(each.kind, each.criterion, each.integrity) for each in report.findings] == [("holds_on_base", "P1", False)]
    assert report.evidence == {"green": ["P1"], "red": {"P1": [], "P2": ["property_failed"]}}
    other = await RedFirst().ask(subject(puzzle, OLD, sandbox, LOST))
    assert (other.result, other.text) == ("passed", "each criterion failed on the base")
    meant = await RedFirst().ask(subject(puzzle, OLD, sandbox, replace(HELD, holds_already=True), LOST))
    assert (meant.result, meant.findings) == ("passed", ())
    assert "P1 already held, as the requirement says" in meant.text


def suite(source: str) -> Criterion:
    files = {"test_old.py": source.encode()}
    return Criterion(id="S1", says="", cases=(), suite=Suite(path="test_old.py", files=files))


GREEN = suite("import old\n\ndef test_same():\n    assert old.same(2) == 2\n")
RED = suite("import old\n\ndef test_less():\n    assert old.less(2) == 1\n")
LAID = {
    "test_old.py": b"import old\n\ndef test_same():\n    assert old.same(2) == 2\n\n"
    b"def test_less():\n    assert old.less(2) == 1\n"
}


def over_base(*must_pass: str, keep: tuple[str, ...] = (), holds: bool = False) -> Criterion:
    change = BaseTestChange(files=LAID, must_pass=must_pass, keep_passing=keep)
    return Criterion(id="O1", says="", cases=(), over_base=change, holds_already=holds)


LESS, SAME = "test_old.py::test_less", "test_old.py::test_same"
STANDING = {
    "a suite that fails": (RED, "passed", []),
    "a suite that passes": (GREEN, "failed", ["holds_on_base", "holds_on_base"]),
    "a test that must turn": (over_base(LESS, keep=(SAME,)), "passed", []),
    "a test that passes already": (over_base(LESS, SAME), "failed", ["holds_on_base"]),
    "nothing but tests that pass": (over_base(SAME), "failed", ["holds_on_base", "holds_on_base"]),
    "a test that cannot stay": (over_base(LESS, keep=(LESS,)), "failed", ["fails_on_base"]),
    "a test that is not there": (over_base(LESS, "test_old.py::test_other"), "failed", ["unknown_test"]),
    "a file that is not there": (over_base(LESS, keep=("test_new.py::test_it",)), "failed", ["unknown_test"]),
    "a claim that is not so": (over_base(LESS, holds=True), "failed", ["fails_on_base"]),
}


@pytest.mark.parametrize("name", every_fourth(STANDING))
async def test_suites_and_tests_over_the_bases_are_asked_too(puzzle: Puzzle, sandbox: Sandbox, name: str) -> None:
    criterion, result, kinds = STANDING[name]
    report = await RedFirst().ask(subject(puzzle, OLD, sandbox, criterion))
    assert (report.result, [each.kind for each in report.findings]) == (result, kinds), report
    assert "test_" not in report.text + "".join(each.for_author for each in report.findings), (
        "sealed tests have ids too"
    )


@pytest.mark.slow
@pytest.mark.ci
async def test_a_refactoring_proves_nothing_new_and_says_so(puzzle: Puzzle, sandbox: Sandbox) -> None:
    pure = subject(puzzle, OLD, sandbox, HELD, GREEN)
    pure.requirement = replace(pure.requirement, refactor=True)
    report = await RedFirst().ask(pure)
    assert (report.result, report.findings) == ("noted", ())
    assert report.text.startswith("nothing new was proved")
    more = subject(puzzle, OLD, sandbox, HELD, LOST)
    more.requirement = replace(more.requirement, refactor=True)
    report = await RedFirst().ask(more)
    assert [(each.kind, each.criterion) for each in report.findings] == [("fails_on_base", "P2")]


async def test_what_was_asked_is_kept_and_not_asked_again(puzzle: Puzzle, sandbox: Sandbox) -> None:
    first = subject(puzzle, OLD, sandbox, RED, LOST)
    first.outcomes = OutcomeStore(None, "image")
    standings = await standings_on_base(first)
    again = subject(puzzle, OLD, NoSandbox(), RED, LOST)
    again.outcomes = first.outcomes
    assert await standings_on_base(again) == standings
    other = subject(puzzle, {**OLD, "more.py": b""}, NoSandbox(), RED, LOST)
    other.outcomes = first.outcomes
    with pytest.raises(AssertionError, match="no box for"):
        await standings_on_base(other)


async def test_one_that_was_not_asked_in_time_is_not_said_to_hold(puzzle: Puzzle, sandbox: Sandbox) -> None:
    (hangs,) = puzzle.requirement().criteria
    waiting = [replace(hangs, id=f"A{number}", cases=hangs.cases[:1], sealed=()) for number in range(1, 6)]
    base = {**OLD, **puzzle.solution("while True: pass")}
    found = await RedFirst().ask(subject(puzzle, base, sandbox, *waiting))
    assert found.result == "passed"
    assert "could not be tried in time" in found.text
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
