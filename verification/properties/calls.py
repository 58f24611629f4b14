"""Calls for properties. One sandbox makes many calls, as the steps of one case. Each answer is a value or a problem."""

import asyncio
import time
from collections.abc import Sequence

import msgspec

from domain.errors import Invalid
from verification.execution.case_runner import CaseAnswer, CaseProblem, Project, StepSeen, play
from verification.properties.inputs import Arguments
from verification.requirements.model import Case, Step
from verification.requirements.property_model import Property
from verification.requirements.tags import plain
from verification.requirements.values import show
from verification.sandbox.base import Sandbox

BATCH = 20  # calls in one sandbox
BOXES_AT_ONCE = 2
NARROW_BOXES_MAX = 6  # maximum number of sandboxes to find the call that makes a sandbox fail
NARROW_WALL_S = 15.0
GIVEN = "given"  # the module name of a reference or predicate in its sandbox
GIVEN_SEED = 0

Seen = StepSeen | CaseProblem


class Calls:
    """Calls to the project's code and to the requirement's own functions, always in separate sandboxes."""

    def __init__(self, project: Project, sandbox: Sandbox, hash_seed: int) -> None:
        self._project = msgspec.structs.replace(project, hash_seed=hash_seed)
        self._anew = msgspec.structs.replace(project, hash_seed=hash_seed ^ 1)
        self._sandbox = sandbox
        self._slots = asyncio.Semaphore(BOXES_AT_ONCE)

    async def under_test(
        self, target: str, inputs: Sequence[Arguments], one: Property, *, anew: bool = False
    ) -> list[Seen]:
        """Return the answers of the code under test. `anew`: use processes with another hash seed.

        If a sandbox does not answer, the remaining calls are not made. Each of them gets the same problem.
        """
        project = self._anew if anew else self._project
        found: list[Seen] = []
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            told = await self._box(target, batch, one, project)
            if isinstance(told, CaseProblem):
                told = await self._narrowed(target, batch, one, project, told)
                return found + [told] * (len(inputs) - start)
            found += told
        return found

    async def given(self, one: Property, inputs: Sequence[Arguments]) -> list[Seen]:
        """Return the answers of the reference or predicate from its own sandboxes. Raises Invalid if it is unusable.

        A sandbox without an answer does not prove a fault of the requirement, because untrusted code may have made the
        inputs of a predicate.
        """
        assert one.given is not None
        files = {f"{GIVEN}.py": one.given.source}
        project = Project(files=files, command=None, hash_seed=GIVEN_SEED, libraries=self._project.libraries)
        found: list[Seen] = []
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            told = await self._box(f"{GIVEN}:{one.given.function}", batch, one, project)
            if isinstance(told, CaseProblem):
                return found + [told] * (len(inputs) - start)
            for seen in told:
                if seen.did == "raised" and seen.stage != "call":
                    raise unusable(one, f"could not be called: {seen.name}: {seen.message}")
            found += told
        return found

    async def _box(
        self, target: str, inputs: Sequence[Arguments], one: Property, project: Project
    ) -> list[StepSeen] | CaseProblem:
        steps = tuple(Step(action="call", target=target, args=arguments) for arguments in inputs)
        case = Case(steps=steps, line=one.line, within_s=one.within_s, memory_mb=one.memory_mb)
        async with self._slots:
            told = await play(case, project, self._sandbox)
        if isinstance(told, CaseAnswer):
            strange = any(seen.did == "ran" for seen in told.steps)
            if strange:
                return CaseProblem("forged_answer", "was answered with a step of a wrong kind")
            return [msgspec.structs.replace(seen, value=plain(seen.value)) for seen in told.steps]
        return told

    async def _narrowed(
        self, target: str, inputs: Sequence[Arguments], one: Property, project: Project, problem: CaseProblem
    ) -> CaseProblem:
        """Find the call that causes the problem, with at most NARROW_BOXES_MAX sandboxes."""
        until = time.monotonic() + NARROW_WALL_S
        for _ in range(NARROW_BOXES_MAX):
            if len(inputs) == 1 or time.monotonic() > until:
                break
            half = inputs[: len(inputs) // 2]
            told = await self._box(target, half, one, project)
            if isinstance(told, CaseProblem):
                inputs, problem = half, told
            else:
                inputs = inputs[len(half) :]
        more = f" or one of {len(inputs) - 1} calls after it" if len(inputs) > 1 else ""
        name = target.partition(":")[2]
        given = ", ".join(show(value, 200) for value in inputs[0])
        return CaseProblem(problem.kind, f"{name}({given}){more} {problem.text}")


def unusable(one: Property, why: str) -> Invalid:
    """Return the error for a faulty function of the requirement. The judged code did not cause this error."""
    where = f"{one.given.path}:{one.given.function}" if one.given else one.call
    return Invalid(
        f"The property in line {one.line} cannot be judged: {where} {why}.",
        hint="Correct this file of the requirement. It can import only Python's standard library.",
        code="requirement_unusable",
    )
