"""Rounds of the zoo: the judge on cheats and honest deliveries, and the naive gate on the cheats as control."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.cheats.corpus.all import CHEATS
from tests.cheats.corpus.base import Cheat
from tests.cheats.honest.all import honest
from tests.cheats.naive import accepts
from tests.cheats.tasks.all import TASKS
from tests.cheats.tasks.base import WITHIN_S, Task, Tree
from verification.judge import MUTANTS_MAX, Candidate, judge
from verification.sandbox.base import Sandbox
from verification.verdict.model import INTEGRITY, Verdict

JUDGED_AT_ONCE = 2
WHOLE_EVERY = 5  # of the honest deliveries one is judged as a merged tree, with the dear gates too
MUTANTS_SHORT = 2  # of each of those in the short run


@dataclass(frozen=True)
class Fate:
    """The result of one cheat at one task. `fault` names a difference from the expected verdict."""

    cheat: str
    task: str
    verified: bool
    kinds: tuple[str, ...]
    fault: str | None
    naive: bool | None = None


@dataclass(frozen=True)
class Refused:
    """A refused honest delivery."""

    style: str
    task: str
    whole: bool
    findings: str


def pairs(seed: int) -> list[tuple[Cheat, Task]]:
    """Return each cheat with each task that it fits. The seed decides the tasks' values."""
    tasks = [made(seed) for made in TASKS.values()]
    return [(cheat, task) for cheat in CHEATS.values() for task in tasks if cheat.fits(task)]


def one_each(seed: int) -> list[tuple[Cheat, Task]]:
    """Return each cheat with one task. Another seed gives another task."""
    drawn: list[tuple[Cheat, Task]] = []
    for index, cheat in enumerate(CHEATS.values()):
        fitting = [task for task in (made(seed) for made in TASKS.values()) if cheat.fits(task)]
        drawn.append((cheat, fitting[(index + seed) % len(fitting)]))
    return drawn


async def fates(asked: Iterable[tuple[Cheat, Task]], sandbox: Sandbox, *, seed: int, naive: bool) -> list[Fate]:
    """Return the result of each pair. With `naive`, it includes the result of the naive gate."""

    async def fate(cheat: Cheat, task: Task) -> Fate:
        tree = cheat.make(task)
        found = await judged(task, tree, sandbox, seed=seed, within_s=cheat.within_s or WITHIN_S)
        kinds = tuple(sorted({finding.kind for finding in found.findings}))
        believed = await accepts(tree, sandbox) if naive else None
        return Fate(cheat.name, task.name, found.verified, kinds, fault_of(cheat, task, found), believed)

    return await _all(fate, asked)


def fault_of(cheat: Cheat, task: Task, found: Verdict) -> str | None:
    """Name the fault: the cheat was verified, or a strike is missing, or there is a wrong strike."""
    kinds = {finding.kind for finding in found.findings}
    named = [strike for strike in cheat.strikes if task.where in strike.where]
    must = {strike.kind for strike in named if not strike.may}
    may = {strike.kind for strike in named}
    if found.verified:
        return "accepted"
    if missing := must - kinds:
        return f"no strike {', '.join(sorted(missing))}"
    if unearned := (kinds & INTEGRITY) - may:
        return f"a strike {', '.join(sorted(unearned))} that it has not earned"
    return None


async def refused(seed: int, sandbox: Sandbox, *, every: int = 1) -> tuple[int, int, list[Refused]]:
    """Return the number of judged honest deliveries, the number judged as a whole, and the refused ones."""
    asked = [(index, *each) for index, each in enumerate(honest(seed)) if index % every == 0]

    async def verdict(index: int, style: str, task: Task, tree: Tree) -> Refused | None:
        whole = index % (WHOLE_EVERY * every) == 0
        mutants = MUTANTS_SHORT if every > 1 else MUTANTS_MAX
        found = await judged(task, tree, sandbox, seed=seed, whole=whole, mutants=mutants)
        told = "; ".join(f"{each.kind}: {each.detail[:200]}" for each in found.findings)
        return None if found.verified else Refused(style, task.name, whole, told)

    seen = await _all(verdict, asked)
    whole = sum(index % (WHOLE_EVERY * every) == 0 for index, *_ in asked)
    return len(asked), whole, [each for each in seen if each is not None]


async def judged(
    task: Task,
    tree: Tree,
    sandbox: Sandbox,
    *,
    seed: int,
    within_s: float = WITHIN_S,
    whole: bool = False,
    mutants: int = MUTANTS_MAX,
) -> Verdict:
    """Return the verdict on one delivery. Mutants are tried only if it is judged as a whole."""
    return await judge(
        Candidate(requirement=task.requirement(within_s), tree=tree, whole=whole, mutants_max=mutants),
        sandbox=sandbox,
        seed=seed,
        allow_degraded=True,
    )


async def _all(act: Callable[..., Awaitable[Any]], asked: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Return the results of `act` for each row of arguments, in order. A few run at the same time."""
    gate = asyncio.Semaphore(JUDGED_AT_ONCE)

    async def one(row: tuple[Any, ...]) -> Any:
        async with gate:
            return await act(*row)

    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(one(row)) for row in asked]
    return [each.result() for each in waiting]
