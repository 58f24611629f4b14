"""Submits a requirement: stores its bytes as blobs, then sends one command that asks for the run."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from msgspec.structs import replace

from agents.briefs.review_brief import review_plan
from agents.run_content import pack_fixtures, pack_manifest
from agents.working_copies.source_history import history_of
from bus.blobs import Blobs
from bus.clock import now
from director.services.base_secrets import consent_to
from domain.caps import Limit
from domain.errors import Invalid
from domain.estimate import Estimate
from domain.money import Amount
from domain.routing.terms import WorkTerms
from domain.run_messages import Allowance, Proof, Submit, TaskPlan
from domain.shadow import ShadowOf
from domain.tree import manifest_of
from governance.gate import Gate, Outcome
from verification.packages.libraries import resolved
from verification.requirements.base_tree import BaseTree, base_of
from verification.requirements.model import Requirement, RequirementTask
from verification.requirements.prepared import files_for_parsing

ATTEMPTS_MAX = 6
"""The default for the maximum number of attempts per task."""


class _StoredBase(NamedTuple):
    """The fields of `Submit` about the base."""

    base_tree: str | None = None
    base_repo: str | None = None
    base_commit: str | None = None
    base_ref: str | None = None
    base_history: str | None = None
    proof: Proof = "inside"


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
    employees: tuple[UUID, ...] = (),
    labels: Mapping[str, str] | None = None,
    estimate: Estimate | None = None,
    shadow: bool = False,
    libraries: Path | None = None,
    share_secrets: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Store the requirement, its fixtures, the base's files and its history, then submit.

    `folder`: the folder to which the base's path is relative. `share_secrets`: the reason why employees may read the
    secrets of the base. `employees`: the only employees that may do the work; empty if each employee may.
    `labels`, `estimate`: recorded with the submission. `shadow`: a shadow run.

    This function resolves the dependencies and installs them in `libraries`. It stores their lock with the requirement,
    so that every verdict of the run uses the same bytes. Raises the errors of the gate and of the package index,
    NotFound or Invalid if the base cannot be read, and Refused for secrets of the base without a reason to share them.
    """
    read = base_of(requirement, folder)
    consent = await asyncio.to_thread(consent_to, read, share_secrets)
    base = await _stored_base(requirement, read, blobs, say)
    (source,) = await blobs.put([requirement.source], redact=False)
    sealed = fixtures = None
    if requirement.sealed_source is not None:
        (sealed,) = await blobs.put([requirement.sealed_source], redact=False)
    if named := await _named(requirement, libraries, say):
        (fixtures,) = await blobs.put([pack_fixtures(named)], redact=False)
    command = Submit(
        id=id,
        at=now(),
        run=run,
        title=requirement.title,
        requirement=source,
        sealed=sealed,
        fixtures=fixtures,
        plan=_plan_of(requirement),
        attempts_max=attempts_max,
        allow_degraded=allow_degraded,
        consent=consent,
        employees=employees,
        labels=labels or {},
        estimate=estimate,
        shadow=ShadowOf(name=requirement.tasks[0].id) if shadow else None,
        work=work_terms(requirement),
        **base._asdict(),
        **_limits(requirement),
    )
    return await gate.handle(command)


def _plan_of(requirement: Requirement) -> tuple[TaskPlan, ...]:
    """Return the tasks of the requirement, and its review if it asks for one."""
    tasks = [
        TaskPlan(name=task.id, criteria=task.criteria, scope=task.scope, after=task.after)
        for task in in_order(requirement)
    ]
    review = (review_plan(task.id for task in requirement.tasks),) if requirement.review else ()
    return (*tasks, *review)


def work_terms(requirement: Requirement) -> WorkTerms:
    """Return the facts of a requirement from which the skills and the values of its tasks follow."""
    return WorkTerms(
        deliver=requirement.deliver,
        language=requirement.language,
        skill=requirement.skill,
        skills={task.id: task.skill for task in requirement.tasks if task.skill},
        value_usd=requirement.value_usd,
        values_usd={task.id: task.value_usd for task in requirement.tasks if task.value_usd is not None},
    )


def _limits(requirement: Requirement) -> dict[str, Any]:
    """Return the fields of the submission that limit what the run may spend."""
    budget = requirement.budget
    allowance = Allowance(amount=Amount(Decimal(budget.usd), budget.tokens), minutes=budget.minutes)
    return {"allowance": allowance, "task_caps": _task_caps(requirement), "on_budget": budget.on_budget}


def _task_caps(requirement: Requirement) -> dict[str, Limit]:
    """Return the budgets of single tasks. A task without one has the requirement's `task_usd_max`, if there is one."""
    default = requirement.budget.task_usd_max
    caps = {
        task.id: Limit(usd=default if task.usd_max is None else task.usd_max, tokens=task.tokens_max)
        for task in requirement.tasks
    }
    return {name: limit for name, limit in caps.items() if limit != Limit()}


async def _stored_base(
    requirement: Requirement, base: BaseTree | None, blobs: Blobs, say: Callable[[str], None]
) -> _StoredBase:
    """Store the files, the manifest and the history of the base, if the requirement has one."""
    if base is None:
        return _StoredBase()
    await blobs.put(base.files.values(), redact=False)
    (tree,) = await blobs.put([pack_manifest(manifest_of(base.files))], redact=False)
    return _StoredBase(
        base_tree=tree,
        base_repo=base.repo,
        base_commit=base.commit,
        base_ref=requirement.base.ref if requirement.base else None,
        base_history=await stored_history(base, blobs, say),
        proof=requirement.proof,
    )


async def stored_history(base: BaseTree, blobs: Blobs, say: Callable[[str], None]) -> str | None:
    """Store the history of a base for the working copies of sessions, and return the digest of its blob.

    Return None, and say so, if the base's commit cannot be part of a working copy.
    """
    history = await asyncio.to_thread(history_of, base)
    if history is None:
        say("Note: employees do not see the history of the base, because git stores its commit in an unusual form.")
        return None
    (digest,) = await blobs.put([history], redact=False)
    return digest


async def _named(requirement: Requirement, libraries: Path | None, say: Callable[[str], None]) -> dict[str, bytes]:
    """Return the files that the requirement names, and the lock of its dependencies."""
    if requirement.lock is None and requirement.dependencies:
        if libraries is None:
            raise Invalid("The dependencies are not resolved.", hint="Submit the requirement with `aura submit`.")
        lock = await resolved(requirement.dependencies, libraries, say)
        requirement = replace(requirement, lock=lock)
    return files_for_parsing(requirement, sealed=True)


def in_order(requirement: Requirement) -> list[RequirementTask]:
    """Return the tasks in their written order, except that each task comes after the tasks that it needs."""
    done: list[str] = []
    waiting = list(requirement.tasks)
    ordered: list[RequirementTask] = []
    while waiting:
        task = next(task for task in waiting if set(task.after) <= set(done))
        waiting.remove(task)
        ordered.append(task)
        done.append(task.id)
    return ordered
