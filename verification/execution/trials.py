"""Trials: the cases of criteria, each run in a box of its own and compared outside."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec

from verification.execution.case_runner import CaseProblem, Project, play
from verification.execution.comparison import problem_of
from verification.execution.service_runner import service_problem
from verification.requirements.model import Case, Criterion
from verification.sandbox.base import Sandbox

BOXES_AT_ONCE = 2
TIMEOUTS_MAX = 2  # after so many the rest is not run: it could only make a refusal slower
HASH_SEED_MAX = 2**32 - 1  # of PYTHONHASHSEED
NOT_RUN = CaseProblem("timeout", "was not run, because others had not ended in time")


@dataclass
class Trial:
    """One case and how it went: `problem` is None once it has passed."""

    criterion: str
    sealed: bool
    case: Case
    problem: CaseProblem | None = NOT_RUN

    @property
    def failed(self) -> bool:
        return self.problem is not None and self.problem is not NOT_RUN

    def again(self) -> "Trial":
        """Return a copy of the case that has not run yet."""
        return replace(self, problem=NOT_RUN)


def trials_of(criteria: Iterable[Criterion]) -> list[Trial]:
    """Every case of the criteria, visible ones first."""
    return [
        Trial(criterion.id, sealed, case)
        for criterion in criteria
        for sealed, cases in ((False, criterion.cases), (True, criterion.sealed))
        for case in cases
    ]


async def run_all(trials: list[Trial], project: Project, sandbox: Sandbox, seed: int) -> None:
    """Run the trials in an order drawn from `seed`, a few boxes at once, until too many did not end in time.

    The sealed ones come when no visible one runs any more: boxes that run at the same time can tell each other what
    they were asked, by locks on files that both may read, and of a visible case its author is told what was answered.
    The seed of Python's hashes in the boxes is drawn from `seed` too.
    """
    ordered = list(trials)
    draw = random.Random(seed)
    draw.shuffle(ordered)
    project = msgspec.structs.replace(project, hash_seed=draw.randint(0, HASH_SEED_MAX))
    late: list[bool] = []

    def hopeless() -> bool:
        return sum(late) >= TIMEOUTS_MAX or (any(late) and all(late))

    async def take(waiting: list[Trial]) -> None:
        while waiting and not hopeless():
            trial = waiting.pop()
            trial.problem = await _tried(trial.case, project, sandbox)
            late.append(trial.problem is not None and trial.problem.kind == "timeout")

    try:
        for kind in (False, True):
            waiting = [trial for trial in ordered if trial.sealed is kind]
            async with asyncio.TaskGroup() as boxes:
                for _ in range(BOXES_AT_ONCE):
                    boxes.create_task(take(waiting))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers know kinds of errors, not groups of them


async def _tried(case: Case, project: Project, sandbox: Sandbox) -> CaseProblem | None:
    if case.asks_service:
        return await service_problem(case, project, sandbox)
    answer = await play(case, project, sandbox)
    return answer if isinstance(answer, CaseProblem) else problem_of(case, answer)
