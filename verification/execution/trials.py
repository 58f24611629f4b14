"""Trials: runs of the criteria's cases. Each case runs in its own sandbox, and its result is compared outside."""

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
TIMEOUTS_MAX = 2  # after so many timeouts, the remaining cases do not run: they would only delay the refusal
HASH_SEED_MAX = 2**32 - 1  # largest value of PYTHONHASHSEED
NOT_RUN = CaseProblem("timeout", "did not run, because too many cases before it did not end in time")


@dataclass
class Trial:
    """One case and its result. `problem` is None only if the case has passed."""

    criterion: str
    sealed: bool
    case: Case
    problem: CaseProblem | None = NOT_RUN

    @property
    def failed(self) -> bool:
        return self.problem is not None and self.problem is not NOT_RUN

    def again(self) -> "Trial":
        """Return a copy of this trial for a second run, without a result."""
        return replace(self, problem=NOT_RUN)


def trials_of(criteria: Iterable[Criterion]) -> list[Trial]:
    """Return a trial for every case of the criteria. Each criterion's visible cases come before its sealed cases."""
    return [
        Trial(criterion.id, sealed, case)
        for criterion in criteria
        for sealed, cases in ((False, criterion.cases), (True, criterion.sealed))
        for case in cases
    ]


async def run_all(trials: list[Trial], project: Project, sandbox: Sandbox, seed: int) -> None:
    """Run the trials in a random order from `seed`, BOXES_AT_ONCE at a time, until too many cases time out.

    Sealed cases start after the last visible case has ended. Sandboxes that run at the same time can exchange data by
    locks on files that both may read, and an author sees the result of a visible case. So a visible case could leak a
    sealed case. PYTHONHASHSEED in the sandboxes also follows from `seed`.
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
        raise failed.exceptions[0] from failed  # callers handle single errors, not exception groups


async def _tried(case: Case, project: Project, sandbox: Sandbox) -> CaseProblem | None:
    if case.asks_service:
        return await service_problem(case, project, sandbox)
    answer = await play(case, project, sandbox)
    return answer if isinstance(answer, CaseProblem) else problem_of(case, answer)
