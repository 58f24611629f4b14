"""The commands behind recorded events that hold nothing but what came from outside the run."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict

from domain import run_messages as m
from domain import task
from domain.message import Command, Event, Recorded, TaskEvent
from domain.money import Amount

NO_CLAIM = UUID(int=0)
_ASSIGNED = ("attempt", "seed", "reservation", "due_at", "form", "calls_max", "skill", "choice", "account")


def stamp_of(recorded: Recorded) -> dict[str, Any]:
    """Return the id, the time and the cause of the command that caused an event."""
    envelope = recorded.envelope
    return {"id": envelope.command, "at": envelope.occurred_at, "cause": envelope.cause}


def ids_of(event: TaskEvent) -> dict[str, Any]:
    """Return the ids of a command about the order of an event."""
    return {"run": event.run, "task": event.task, "employee": event.employee, "order": event.order}  # type: ignore[attr-defined]  # every event of a task has one


def command_of(recorded: Recorded, event: Event, reserved: Amount) -> Command | None:
    """Return the command of an event; None if today's code makes the command, or if the event is taken as it is.

    `reserved`: the bound of a call whose event is of version 1.
    """
    stamp = stamp_of(recorded)
    match event:
        case m.Submitted():
            return m.Submit(**stamp, **asdict(event))
        case m.Planned(run=run):
            return m.Plan(**stamp, run=run)
        case m.DeliveryStarted(run=run):
            return m.StartDelivery(**stamp, run=run)
        case task.Assigned():
            fields = {name: getattr(event, name) for name in _ASSIGNED}
            return task.Assign(**stamp, **ids_of(event), **fields)
        case task.CallStarted():
            bound, claim = event.bound or reserved, event.claim or NO_CLAIM
            return task.StartCall(
                **stamp, **ids_of(event), index=event.index, bound=bound, claim=claim, account=event.account
            )
        case task.Released(reason=reason):
            return task.ReleaseOrder(**stamp, **ids_of(event), reason=reason)
    return None
