"""Return of a delivered run to work, because its base branch has moved, or because a person commented on it.

Tasks without a conflict stay verified. Their files are merged with the new commit and judged again. Tasks with a
conflict are open again. `domain/run_acts.py` decides a return with comments.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from msgspec.structs import replace

from domain import run_messages as m
from domain.errors import Conflict, Invalid, Refused
from domain.judgement import Finding
from domain.task import TaskState

CONFLICT = "conflict"
"""The kind of a finding about a path that the base and the author changed in different ways."""
MINUTE_US = 60_000_000


def returned(
    command: m.Return, submitted: m.Submitted, commit: str | None, tasks: Mapping[UUID, TaskState]
) -> m.Returned:
    """Return the event that sends a run with the delivery `commit` back to work. Raises Conflict, Invalid, Refused."""
    if submitted.base_commit is None:
        raise Refused("The run has no base.", hint="Approve or decline the delivery.")
    if command.commit != commit:
        raise Conflict(
            "The run has delivered a newer commit.", hint="Look at the commit with `aura run show`, then approve it."
        )
    if command.base_commit == submitted.base_commit:
        raise Invalid("The run is already based on that commit.", hint="Approve or decline the delivery.")
    unknown = {*command.conflicts, *(part.task for part in command.files)} - tasks.keys()
    if unknown:
        raise Invalid(f"The run has no task {min(map(str, unknown))}.", hint="`aura run show` lists its tasks.")
    again = with_followers(command.conflicts, tasks.values())
    return m.Returned(
        run=command.run,
        commit=command.commit,
        base_commit=command.base_commit,
        base_tree=command.base_tree,
        base_history=command.base_history,
        due_at=command.at + submitted.allowance.minutes * MINUTE_US,
        tasks=again,
        files=tuple(part for part in command.files if part.task not in again),
        conflicts=tuple(dict.fromkeys(path for paths in command.conflicts.values() for path in paths)),
        reason=command.reason,
    )


def attempts_used(task: TaskState) -> int:
    """Return the number of attempts that count against the run's attempts_max."""
    return task.attempts - task.attempts_before


def with_followers(opened: Iterable[UUID], tasks: Iterable[TaskState]) -> tuple[UUID, ...]:
    """Return these tasks and all tasks that depend on them, in the order of the plan."""
    again = set(opened)
    ordered = list(tasks)
    for task in ordered:  # each task comes after the tasks that it needs
        if again & set(task.after):
            again.add(task.id)
    return tuple(task.id for task in ordered if task.id in again)


def tasks_after(event: m.Returned, tasks: Mapping[UUID, TaskState]) -> dict[UUID, TaskState]:
    """Return the tasks of a run after the event has sent it back to work."""
    findings = tuple(_finding(path, event.base_commit or "") for path in event.conflicts)
    merged = {part.task: part.files for part in event.files}
    return {
        id: _opened_again(task, findings)
        if id in event.tasks
        else replace(task, files={**task.files, **merged.get(id, {})})
        for id, task in tasks.items()
    }


def _opened_again(task: TaskState, findings: tuple[Finding, ...]) -> TaskState:
    return replace(
        task,
        phase="waiting",
        attempts_before=task.attempts,
        files={},
        tree=None,
        findings=findings,
        evidence=None,
        blocked="",
        rejected={},
        repeats={},
    )


def _finding(path: str, commit: str) -> Finding:
    said = f"{path} was changed in the base after the work began, in another way than the work changed it"
    return Finding(
        kind=CONFLICT,
        integrity=False,
        path=path,
        detail=f"{said}; the base is now at {commit}",
        for_author=f"{said}. The files that you see are those of the base as it is now: make the change on top of them",
    )
