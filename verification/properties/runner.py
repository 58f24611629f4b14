"""Trials of properties: inputs are drawn from a seed, run in sandboxes, and judged outside the sandboxes.

Findings show the smallest failing input.
"""

import asyncio
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec.structs import replace

from verification.execution.case_runner import CaseProblem, Project
from verification.execution.trials import HASH_SEED_MAX
from verification.properties.calls import BATCH, Calls
from verification.properties.checks import Passed, called, outcomes
from verification.properties.inputs import Arguments, draw
from verification.properties.shrinking import size_of, smaller
from verification.requirements.model import Criterion
from verification.requirements.property_model import Property
from verification.sandbox.base import Sandbox

SHRINK_ROUNDS_MAX = 6
DRAW_SEED_MAX = 2**32 - 1
AGAIN_TIMES_LONGER = 3
"""Factor for the time limit of a sandbox in a repeat. In another order, one sandbox may get many of the slow inputs."""


@dataclass
class Tried:
    """One property and its result: `problem` is None if it held for every drawn input."""

    criterion: str
    sealed: bool
    property: Property
    problem: CaseProblem | None
    inputs: int = 0
    failed: int = 0
    passed_over: int = 0  # number of inputs that the code refused with an exception that the property allows
    drawn: list[Arguments] = field(default_factory=list, repr=False)


def properties_of(criteria: Iterable[Criterion]) -> list[tuple[str, bool, Property]]:
    """Return (criterion id, is sealed, property) for every property. Visible properties of a criterion come first."""
    return [
        (criterion.id, sealed, one)
        for criterion in criteria
        for sealed, properties in ((False, criterion.properties), (True, criterion.sealed_properties))
        for one in properties
    ]


async def try_all(
    wanted: Sequence[tuple[str, bool, Property]], project: Project, sandbox: Sandbox, seed: int, *, shrink: bool = False
) -> list[Tried]:
    """Try each property with inputs drawn from `seed`. `shrink` looks for smaller failing inputs of visible properties.

    Raises Unavailable without a sandbox or without Hypothesis, and Invalid if the requirement's own functions or
    generators cannot be used.
    """
    if not wanted:
        return []
    rng = random.Random(seed)
    calls = Calls(project, sandbox, rng.randint(0, HASH_SEED_MAX))
    drawn = await draw([one for _, _, one in wanted], rng.randint(0, DRAW_SEED_MAX))
    return await _all(wanted, drawn, calls, shrink=shrink)


async def try_again(tried: Sequence[Tried], project: Project, sandbox: Sandbox, seed: int) -> list[Tried]:
    """Try each property again with the same inputs. `seed` determines their order and the hash seed."""
    rng = random.Random(seed)
    calls = Calls(project, sandbox, rng.randint(0, HASH_SEED_MAX))
    wanted = [
        (one.criterion, one.sealed, replace(one.property, within_s=AGAIN_TIMES_LONGER * one.property.within_s))
        for one in tried
    ]
    return await _all(wanted, [rng.sample(one.drawn, len(one.drawn)) for one in tried], calls, shrink=False)


async def _all(
    wanted: Sequence[tuple[str, bool, Property]], drawn: Sequence[list[Arguments]], calls: Calls, *, shrink: bool
) -> list[Tried]:
    """Try all properties. Sealed properties start when all visible properties have ended, as in execution/trials.py."""
    found: dict[int, asyncio.Task[Tried]] = {}
    try:
        for kind in (False, True):
            async with asyncio.TaskGroup() as group:
                for place, ((name, sealed, one), inputs) in enumerate(zip(wanted, drawn, strict=True)):
                    if sealed is kind:
                        trying = _tried(name, sealed, one, inputs, calls, shrink and not sealed)
                        found[place] = group.create_task(trying)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from failed  # callers handle single errors, not groups
    return [found[place].result() for place in range(len(wanted))]


async def _tried(
    criterion: str, sealed: bool, one: Property, inputs: list[Arguments], calls: Calls, shrink: bool
) -> Tried:
    found = await outcomes(one, inputs, calls)
    bad = [(each, outcome) for each, outcome in zip(inputs, found, strict=True) if isinstance(outcome, CaseProblem)]
    passed_over = sum(isinstance(each, Passed) and not each.judged for each in found)
    return Tried(
        criterion=criterion,
        sealed=sealed,
        property=one,
        problem=await _worst(one, bad, calls, shrink=shrink) or _vacuous(one, inputs, passed_over),
        inputs=len(inputs),
        failed=len(bad),
        passed_over=passed_over,
        drawn=inputs,
    )


def _vacuous(one: Property, inputs: list[Arguments], passed_over: int) -> CaseProblem | None:
    if passed_over < len(inputs):
        return None
    shown = called(one.call, inputs[0])
    return CaseProblem("property_failed", f"{shown} raised {' or '.join(one.may_raise)}, as did every other call")


async def _worst(
    one: Property, bad: list[tuple[Arguments, CaseProblem]], calls: Calls, *, shrink: bool
) -> CaseProblem | None:
    """Choose the failure to report: a strike or a failed sandbox if there is one, otherwise the smallest input."""
    if not bad:
        return None
    dead = next((problem for _, problem in bad if problem.kind != "property_failed"), None)
    if dead is not None:
        return dead
    arguments, problem = min(bad, key=lambda each: size_of(each[0]))
    for _ in range(SHRINK_ROUNDS_MAX if shrink else 0):
        candidates = smaller(one.inputs, arguments)[:BATCH]
        found = await outcomes(one, candidates, calls) if candidates else []
        failing = [
            (each, told)
            for each, told in zip(candidates, found, strict=True)
            if isinstance(told, CaseProblem) and told.kind == "property_failed"
        ]
        if not failing:
            break
        arguments, problem = min(failing, key=lambda each: size_of(each[0]))
    return problem
