"""Detection of mutants: whether a case or a property fails on a tree that differs from the accepted tree.

Many cases run in one sandbox if the accepted tree also passes them together. Each case with requests to a service has a
sandbox of its own. A case that detected a mutant runs first for the next mutant. Properties run only if no case detects
the mutant. They use the same inputs for every tree.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from verification.execution.case_runner import CaseProblem, Project, play
from verification.execution.comparison import problem_of
from verification.execution.service_runner import service_problem
from verification.properties.calls import Calls
from verification.properties.checks import outcomes
from verification.properties.inputs import Arguments, draw
from verification.requirements.model import Case
from verification.requirements.property_model import Property
from verification.sandbox.base import Sandbox

STEPS_MAX = 64  # in one box
SLOWER_MAX = 5  # code hangs if it takes more than this many times as long as the accepted tree
HANGS_S = 1.0  # code never counts as hanging before this time
SERVICE_HANGS_S = 3.0  # time limit for all requests of a case together


@dataclass
class Teller:
    """Detector of mutants for one accepted tree. Call `ready` first."""

    project: Project
    sandbox: Sandbox
    order: list[Case] = field(default_factory=list)
    inputs: list[tuple[Property, list[Arguments]]] = field(default_factory=list)

    async def ready(self, cases: Iterable[Case], properties: Sequence[Property] = (), seed: int = 0) -> None:
        """Combine the cases that the accepted tree passes together. Draw the inputs of properties once for all trees.

        Raises Unavailable without a sandbox or without Hypothesis.
        """
        if properties:
            self.inputs = list(zip(properties, await draw(list(properties), seed), strict=True))
        mine = list(cases)
        self.order = []
        for shared in _batches([case for case in mine if not case.asks_service]):
            answer = await play(together := _together(shared), self.project, self.sandbox)
            if isinstance(answer, CaseProblem) or problem_of(together, answer) is not None:
                self.order += shared
            else:
                within_s = min(max(HANGS_S, SLOWER_MAX * answer.took_s), together.within_s)
                self.order.append(msgspec.structs.replace(together, within_s=within_s))
        services = [case for case in mine if case.asks_service]
        self.order += [msgspec.structs.replace(case, within_s=min(case.within_s, SERVICE_HANGS_S)) for case in services]

    async def tells(self, files: Mapping[str, bytes]) -> bool:
        """Return whether a case or property fails on these files. Raises Unavailable without a sandbox."""
        project = self.project.with_files(files)
        for case in list(self.order):
            if await self._fails(case, project):
                self.order.remove(case)
                self.order.insert(0, case)
                return True
        calls = Calls(project, self.sandbox, project.hash_seed)
        for one, inputs in self.inputs:
            if any(isinstance(each, CaseProblem) for each in await outcomes(one, inputs, calls)):
                return True
        return False

    async def _fails(self, case: Case, project: Project) -> bool:
        if case.asks_service:
            return await service_problem(case, project, self.sandbox) is not None
        answer = await play(case, project, self.sandbox)
        return isinstance(answer, CaseProblem) or problem_of(case, answer) is not None


def _batches(cases: list[Case]) -> Iterator[list[Case]]:
    batch: list[Case] = []
    for case in cases:
        if batch and sum(len(each.steps) for each in batch) + len(case.steps) > STEPS_MAX:
            yield batch
            batch = []
        batch.append(case)
    if batch:
        yield batch


def _together(cases: list[Case]) -> Case:
    """Return one case with the steps of all cases."""
    return Case(
        steps=tuple(step for case in cases for step in case.steps),
        line=cases[0].line,
        within_s=max(case.within_s for case in cases),
        memory_mb=max(case.memory_mb for case in cases),
    )
