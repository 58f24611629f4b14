"""The manager's lines about tasks, for screens."""

from uuid import UUID

import msgspec

from bus.projection_rows import Row, Rows
from bus.row_form import id_key
from domain import task
from domain.message import Recorded, TaskEvent
from domain.run import RunState


class TaskRow(Row, frozen=True, kw_only=True):
    """One task of `aura run show`. The key is the task's id."""

    table = "task"
    of_runs = True
    name: str
    phase: str
    attempts: int
    employee: UUID | None
    order_id: UUID | None
    tree: str | None
    verdict: UUID | None
    reason: str | None


def put_task_line(recorded: Recorded, event: TaskEvent, state: RunState, rows: Rows) -> None:
    """Put a task's line after an event of the task."""
    present = state.tasks.get(event.task)
    if present is None:
        return
    reason: str | None = None
    match event:
        case task.Rejected(judgement=judgement):
            reason = "; ".join(dict.fromkeys(found.kind for found in judgement.findings))
        case task.CallFinished(snapshot=snapshot) if snapshot.outcome != "answered":
            reason = snapshot.outcome
        case task.AttemptEnded(outcome=outcome):
            reason = outcome
        case task.Released(reason=released):
            reason = released
    verdict = recorded.envelope.id if isinstance(event, task.Verified) else None
    before = rows.get(TaskRow, event.run, id_key(event.task))
    if before is None:
        rows.put(line_of(event.run, present, verdict, reason))
        return
    attempt = present.attempt
    rows.put(
        msgspec.structs.replace(
            before,
            phase=present.phase,
            attempts=present.attempts,
            employee=attempt.employee if attempt else None,
            order_id=attempt.order if attempt else None,
            tree=present.tree,
            verdict=verdict,
            reason=None if verdict else reason or before.reason,
        )
    )


def line_of(run_id: UUID, state: task.TaskState, verdict: UUID | None, reason: str | None) -> TaskRow:
    """Return the line of a task that has none yet, or gets a new one."""
    return TaskRow(
        scope=run_id,
        key=id_key(state.id),
        name=state.name,
        phase=state.phase,
        attempts=state.attempts,
        employee=state.employee,
        order_id=state.order,
        tree=state.tree,
        verdict=verdict,
        reason=reason,
    )
