"""Wrong but honest code: no mutant of the example solutions is accepted if a sealed case can detect it.

An oracle, which is a part of the test and uses no box, decides which mutants a case can detect. The judge must refuse
exactly these. The normal run tries a random sample, and the slow run tries all mutants.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from msgspec.structs import replace

from tests.cheats.oracle import HANGS_S, failing
from tests.cheats.solutions import NAMES, requirement, solution
from verification.adequacy.mutation import Mutant, mutants
from verification.judge import Candidate, judge
from verification.requirements.model import Case, Criterion, Requirement
from verification.sandbox.bubblewrap import Bubblewrap

pytestmark = pytest.mark.needs_sandbox

SAMPLE = 6
AGAIN = 3
OUTSIDE = "127.0.0.1"  # the oracle's services must not listen anywhere else


@dataclass(frozen=True)
class Wrong:
    """One mutant of one example."""

    example: str
    path: str
    mutant: Mutant

    def __str__(self) -> str:
        return f"{self.example}/{self.path}:{self.mutant.line} `{self.mutant.before}` -> `{self.mutant.after}`"

    def tree(self) -> dict[str, bytes]:
        return {**solution(self.example), self.path: self.mutant.source}


@dataclass(frozen=True)
class Outcome:
    """The results of the oracle and of the judge for one mutant."""

    wrong: Wrong
    sealed: bool  # whether some sealed case fails, as the oracle sees it
    visible: bool
    accepted: bool


def all_of(example: str, seed: int) -> list[Wrong]:
    files = solution(example)
    made = [Wrong(example, path, each) for path in sorted(files) for each in mutants(files[path], seed=seed)]
    return [each for each in made if OUTSIDE not in each.mutant.before]


def limited(example: str) -> Requirement:
    """Return the example with short time limits, for mutants that hang."""
    read = requirement(example)
    return replace(read, criteria=tuple(_limited(criterion) for criterion in read.criteria))


def _limited(criterion: Criterion) -> Criterion:
    def short(cases: Sequence[Case]) -> tuple[Case, ...]:
        return tuple(replace(case, within_s=HANGS_S) for case in cases)

    return replace(criterion, cases=short(criterion.cases), sealed=short(criterion.sealed))


def touched(of: Requirement, path: str) -> list[Criterion]:
    """Return the criteria of the tasks that may write the path, and of later tasks."""
    own = {task.id for task in of.tasks if path in task.scope}
    tasks = [task for task in of.tasks if task.id in own or own & set(task.after)]
    names = {name for task in tasks for name in task.criteria}
    return [criterion for criterion in of.criteria if criterion.id in names]


async def outcome(wrong: Wrong, sandbox: Bubblewrap) -> Outcome:
    of, tree = limited(wrong.example), wrong.tree()
    criteria = touched(of, wrong.path)
    found = await asyncio.to_thread(failing, of, tree, criteria)
    names = [criterion.id for criterion in criteria]
    verdict = await judge(
        Candidate(requirement=of, tree=tree, criteria=names, whole=False), sandbox=sandbox, seed=3, allow_degraded=True
    )
    if verdict.verified == (found[True] or found[False]):
        found = await asyncio.to_thread(asked_again, wrong, criteria, accepted=verdict.verified)
    return Outcome(wrong, sealed=found[True], visible=found[False], accepted=verdict.verified)


def asked_again(wrong: Wrong, criteria: list[Criterion], *, accepted: bool) -> dict[bool, bool]:
    """Ask the oracle again about a mutant if the judge disagrees.

    Some code fails only by chance, for example a service with a short queue. An accepted mutant counts as detectable if
    it fails each time. A refused mutant counts as detectable if it fails once.
    """
    again = [failing(limited(wrong.example), wrong.tree(), criteria) for _ in range(AGAIN)]
    print(f"\nthe oracle and the judge (accepted: {accepted}) differed over {wrong}; asked again, it fails: {again}")
    agreed = all if accepted else any
    return {sealed: agreed(each[sealed] for each in again) for sealed in (True, False)}


def held(outcomes: list[Outcome]) -> None:
    """Check that the judge refuses exactly the mutants that fail a visible or a sealed case."""
    told = [each for each in outcomes if each.sealed]
    equal = [each for each in outcomes if not (each.sealed or each.visible)]
    print(f"{len(outcomes)} mutants; told apart by sealed cases: {len(told)}; by no case: {len(equal)}", end="; ")
    print(f"accepted: {sum(each.accepted for each in outcomes)}, of those told apart {sum(e.accepted for e in told)}")
    assert told
    assert [str(each.wrong) for each in told if each.accepted] == []
    differ = [str(each.wrong) for each in outcomes if each.accepted != (not (each.sealed or each.visible))]
    assert differ == []


@pytest.mark.parametrize("name", NAMES)
def test_the_oracle_has_nothing_against_the_right_solutions(name: str) -> None:
    of = limited(name)
    assert failing(of, solution(name), list(of.criteria)) == {False: False, True: False}


@pytest.mark.slow
@pytest.mark.ci
async def test_of_a_drawn_sample_none_is_accepted(sandbox: Bubblewrap) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"drawn with seed {seed}")
    made = [each for name in NAMES if name != "notes-service" for each in all_of(name, seed)]
    sample = random.Random(seed).sample(made, SAMPLE - 1) + all_of("notes-service", seed)[:1]
    held([await outcome(wrong, sandbox) for wrong in sample])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", NAMES)
async def test_none_is_accepted(sandbox: Bubblewrap, name: str) -> None:
    made = all_of(name, seed=0)
    print(f"{name}: all {len(made)} mutants, seed 0")
    held([await outcome(wrong, sandbox) for wrong in made])
