"""An incident: an anomaly that a person must see. Its id is derived from its cause, so it cannot be raised twice."""

from typing import Literal
from uuid import UUID

import msgspec

from domain.message import Command, Erased, Event

Kind = Literal[
    "integrity",  # a write outside the scope, tampering, forgery or hard-coding. The employee gets a strike
    "stalled_task",
    "repeated_failure",
    "cost_spike",
    "void_event",
    "parked_event",
    "weak_criteria",  # some mistakes in the accepted code are detected by no case. The requirement is at fault
]


class Raised(Event, frozen=True, kw_only=True):
    """An incident was raised. `strike`: HR must give the employee a strike."""

    type = "incident.raised"
    incident: UUID
    kind: Kind
    detail: str
    strike: bool = False
    run: UUID | None = None
    task: UUID | None = None
    employee: UUID | None = None

    def entity(self) -> tuple[str, UUID]:
        return "incident", self.incident


class Raise(Command, frozen=True, kw_only=True):
    incident: UUID
    kind: Kind
    detail: str
    strike: bool = False
    run: UUID | None = None
    task: UUID | None = None
    employee: UUID | None = None


class IncidentState(msgspec.Struct, frozen=True, kw_only=True):
    raised: bool = False


initial = IncidentState()


def decide(command: Command, state: IncidentState) -> tuple[Raised, ...]:
    if not isinstance(command, Raise):
        raise TypeError(f"not a command of an incident: {type(command).__name__}")
    if state.raised:
        return ()
    return (
        Raised(
            incident=command.incident,
            kind=command.kind,
            detail=command.detail,
            strike=command.strike,
            run=command.run,
            task=command.task,
            employee=command.employee,
        ),
    )


def evolve(state: IncidentState, event: Event | Erased) -> IncidentState:
    return IncidentState(raised=True) if isinstance(event, Raised | Erased) else state
