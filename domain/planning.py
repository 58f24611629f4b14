"""Rules for a submission and for its planned tasks."""

from collections.abc import Iterator
from uuid import UUID

from msgspec.structs import replace

from domain import run_messages as m
from domain import shadow
from domain.caps import checked_limit
from domain.errors import Invalid
from domain.labels import check_labels
from domain.message import derive
from domain.money import checked
from domain.routing.terms import check_terms
from domain.task_state import TaskState

ATTEMPTS_MAX_LIMIT = 100
MINUTES_MAX = 366 * 24 * 60  # the most minutes of a run; keeps due_at within 64 bits


def task_id(run: UUID, name: str) -> UUID:
    """Return the id of the task with this name in the requirement."""
    return derive(run, "task", name)


def submitted(command: m.Submit) -> m.Submitted:
    """Return the event of a valid submission. Raises Invalid."""
    if not command.plan:
        raise Invalid("A run needs at least one task.", hint="Name criteria in the requirement.")
    if not 1 <= command.attempts_max <= ATTEMPTS_MAX_LIMIT:
        raise Invalid(f"attempts_max cannot be {command.attempts_max}.", hint=f"Give 1 to {ATTEMPTS_MAX_LIMIT}.")
    checked(command.allowance.amount, "The run's budget")
    if not 0 <= command.allowance.minutes <= MINUTES_MAX:
        raise Invalid(f"The budget cannot have {command.allowance.minutes} minutes.", hint=f"Give 0 to {MINUTES_MAX}.")
    check_labels(command.labels)
    names = [task.name for task in command.plan]
    _check_task_caps(command, names)
    known: set[str] = set()
    for task in command.plan:
        if names.count(task.name) > 1 or not set(task.after) <= known:
            raise Invalid(
                f"Task {task.name} occurs twice, or comes before a task that it needs.",
                hint="Name each task once, after the tasks that it needs.",
            )
        known.add(task.name)
    shadow.check_submission(command.shadow, command.run, command.plan, command.employees)
    check_terms(command.work, names)
    return m.Submitted(**{name: getattr(command, name) for name in m.Submitted.__struct_fields__})


def _check_task_caps(command: m.Submit, names: list[str]) -> None:
    """Raise Invalid if a task's own budget names no task, or cannot be counted."""
    for name, limit in command.task_caps.items():
        if name not in names:
            raise Invalid(f"There is a budget for task {name}, which does not exist.", hint="Name a task of the plan.")
        checked_limit(limit, f"The budget of task {name}")


def consented(command: m.Submit) -> tuple[m.SecretsConsented, ...]:
    """Return the event of the consent to show the secrets of a base, if the submission has one. Raises Invalid."""
    consent = command.consent
    if consent is None:
        return ()
    if not consent.reason.strip() or consent.base_commit != command.base_commit:
        raise Invalid(
            "A consent to show secrets needs a reason and the commit of the base.",
            hint="Say why the providers of employees may read them: --share-secrets 'REASON'.",
        )
    return (m.SecretsConsented(run=command.run, consent=consent),)


def planned(run: UUID, plan: tuple[m.TaskPlan, ...]) -> tuple[m.PlannedTask, ...]:
    """Return the planned tasks, with their ids."""
    return tuple(
        m.PlannedTask(
            id=task_id(run, task.name),
            name=task.name,
            criteria=task.criteria,
            scope=task.scope,
            after=tuple(task_id(run, other) for other in task.after),
        )
        for task in plan
    )


def first_states(event: m.Planned, submitted: m.Submitted | None) -> Iterator[TaskState]:
    """Yield the states of newly planned tasks. In a shadow run, the tasks before the repeated one are verified."""
    repeats = submitted.shadow if submitted is not None else None
    given = repeats.by_name() if repeats is not None else {}
    for task in event.tasks:
        state = TaskState(id=task.id, name=task.name, criteria=task.criteria, scope=task.scope, after=task.after)
        if task.name in given:
            known = given[task.name]
            state = replace(state, phase="verified", files=known.files, evidence=known.evidence)
        yield state
