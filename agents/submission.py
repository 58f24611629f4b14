"""Handing in a requirement: its bytes become blobs, then one command asks for the run."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgspec

from agents.library import pack_fixtures
from agents.reviewing import review_plan
from bus.blobs import Blobs
from bus.clock import now
from domain.money import Amount
from domain.run_messages import Allowance, Submit, TaskPlan
from domain.tree import manifest_of
from governance.gate import Gate, Outcome
from verification.basetree import read_base
from verification.requirement import PlannedTask, Requirement

ATTEMPTS_MAX = 6
"""Attempts per task when the door does not say otherwise."""


async def submit(
    gate: Gate,
    blobs: Blobs,
    requirement: Requirement,
    *,
    id: UUID,
    run: UUID,
    folder: Path,
    attempts_max: int = ATTEMPTS_MAX,
    allow_degraded: bool = False,
) -> Outcome:
    """Put the requirement, its fixtures and the base's files, then submit. `folder`: where the base's path begins.

    Raises what the gate raises, NotFound or Invalid for a base that cannot be read.
    """
    base_tree = base_commit = base_repo = None
    if requirement.base is not None:
        base = read_base(requirement.base, folder)
        await blobs.put(base.files.values(), redact=False)
        manifest = msgspec.json.encode(manifest_of(base.files), order="sorted")
        (base_tree,) = await blobs.put([manifest], redact=False)
        base_commit, base_repo = base.commit, base.repo
    (source,) = await blobs.put([requirement.source], redact=False)
    sealed = fixtures = None
    if requirement.sealed_source is not None:
        (sealed,) = await blobs.put([requirement.sealed_source], redact=False)
    named = dict(requirement.fixtures) | dict(requirement.sealed_fixtures)
    if named:
        (fixtures,) = await blobs.put([pack_fixtures(named)], redact=False)
    command = Submit(
        id=id,
        at=now(),
        run=run,
        title=requirement.title,
        requirement=source,
        sealed=sealed,
        fixtures=fixtures,
        allowance=Allowance(
            amount=Amount(Decimal(requirement.budget.usd), requirement.budget.tokens),
            minutes=requirement.budget.minutes,
        ),
        plan=tuple(
            TaskPlan(name=task.id, criteria=task.criteria, scope=task.scope, after=task.after)
            for task in _in_order(requirement)
        )
        + ((review_plan(task.id for task in requirement.tasks),) if requirement.review else ()),
        attempts_max=attempts_max,
        allow_degraded=allow_degraded,
        base_tree=base_tree,
        base_repo=base_repo,
        base_commit=base_commit,
    )
    return await gate.handle(command)


def _in_order(requirement: Requirement) -> list[PlannedTask]:
    """The tasks so that each stands after those it needs, otherwise as written."""
    done: list[str] = []
    waiting = list(requirement.tasks)
    ordered: list[PlannedTask] = []
    while waiting:
        task = next(task for task in waiting if set(task.after) <= set(done))
        waiting.remove(task)
        ordered.append(task)
        done.append(task.id)
    return ordered
