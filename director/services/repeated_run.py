"""The submission of a shadow run: the question of an earlier run, asked again."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from bus.clock import now
from director.services.session import new_id
from domain.run_messages import Allowance, SecretsConsent, Submit, Submitted, TaskPlan
from domain.shadow import ShadowOf
from domain.task import TaskState


def repeated(
    was: Submitted,
    run: UUID,
    *,
    plan: Sequence[TaskPlan],
    allowance: Allowance,
    attempts_max: int,
    employee: UUID,
    labels: Mapping[str, str],
    shadow: ShadowOf,
    allow_degraded: bool = False,
    consent: SecretsConsent | None = None,
) -> Submit:
    """Return the command of a shadow run. Requirement, base, cases and skills are those of the earlier run."""
    return Submit(
        id=new_id(),
        at=now(),
        run=run,
        title=was.title,
        requirement=was.requirement,
        sealed=was.sealed,
        fixtures=was.fixtures,
        allowance=allowance,
        plan=tuple(plan),
        attempts_max=attempts_max,
        allow_degraded=allow_degraded or was.allow_degraded,
        base_tree=was.base_tree,
        base_repo=was.base_repo,
        base_commit=was.base_commit,
        base_ref=was.base_ref,
        base_history=was.base_history,
        proof=was.proof,
        consent=consent,
        employees=(employee,),
        labels=labels,
        shadow=shadow,
        work=was.work,
    )


def planned_again(parts: Sequence[TaskState]) -> tuple[TaskPlan, ...]:
    """Return the plan of tasks of an earlier run. A task that is not among them is not needed any more."""
    names = {part.id: part.name for part in parts}
    return tuple(
        TaskPlan(
            name=part.name,
            criteria=part.criteria,
            scope=part.scope,
            after=tuple(names[other] for other in part.after if other in names),
        )
        for part in parts
    )
