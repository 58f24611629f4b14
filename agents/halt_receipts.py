"""Receipts of a halt: each component of the staff says that it has stopped."""

from collections.abc import Sequence
from uuid import UUID

from bus.projection import Cause, Reactor
from bus.projection_rows import Rows
from domain import organisation
from domain.message import Command, Recorded, derive
from domain.money import NOTHING, Amount

WORKER = "worker "
"""Prefix of the component of an employee's worker. The employee's name follows."""


def receipt(
    halt: UUID,
    component: str,
    at: int,
    *,
    boxes: Sequence[str] = (),
    calls: int = 0,
    open_calls: int = 0,
    in_flight: Amount = NOTHING,
) -> organisation.AcknowledgeHalt:
    """Return the command of a component's receipt. A component has one receipt for each halt."""
    return organisation.AcknowledgeHalt(
        id=derive(halt, "halt receipt", component),
        at=at,
        cause=halt,
        halt=halt,
        component=component,
        boxes=tuple(boxes),
        calls=calls,
        open_calls=open_calls,
        in_flight=in_flight,
    )


class Acknowledging:
    """A reactor that also acknowledges halts, for a role that works only by reactions.

    The role has processed all events before the halt when it says so, and no reaction of it is left.
    """

    def __init__(self, reactor: Reactor, component: str) -> None:
        self.reactor = reactor
        self._component = component

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        commands = self.reactor.react(recorded, rows, cause)
        if isinstance(recorded.event, organisation.Halted):
            return [*commands, receipt(recorded.envelope.id, self._component, cause.now)]
        return commands

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        return self.reactor.react_void(recorded, rows, cause)
