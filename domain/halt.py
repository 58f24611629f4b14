"""Receipts of a halt: each component says once that it has stopped, and what it stopped.

The receipts of one halt are as many as the components, so the log does not grow while the organisation is halted.
"""

from uuid import UUID

from domain.errors import Invalid
from domain.message import Command
from domain.money import NOTHING, Amount
from domain.organisation_messages import OrganisationEvent

HALTED = "halted"
"""Reason of `task.released` for an order that a halt has cut off. It uses up no attempt."""
COMPONENT_CHARACTERS_MAX = 128
BOXES_NAMED_MAX = 64


class HaltAcknowledged(OrganisationEvent, frozen=True, kw_only=True):
    """A component has stopped because of a halt. `halt`: the id of the halt's event. `boxes`: the boxes that it ended.

    `calls`: the orders that it cut off. `open_calls` and `in_flight` (only of the manager): the permitted calls
    without a receipt, and the amount that open attempts have reserved and not settled.
    """

    type = "organisation.halt_acknowledged"
    halt: UUID
    component: str
    boxes: tuple[str, ...] = ()
    calls: int = 0
    open_calls: int = 0
    in_flight: Amount = NOTHING


class AcknowledgeHalt(Command, frozen=True, kw_only=True):
    """Its id is derived from the halt and the component, so a component acknowledges a halt once."""

    halt: UUID
    component: str
    boxes: tuple[str, ...] = ()
    calls: int = 0
    open_calls: int = 0
    in_flight: Amount = NOTHING


def acknowledged(command: AcknowledgeHalt, phase: str) -> tuple[HaltAcknowledged, ...]:
    """Decide a receipt. After a resume it comes too late, and causes nothing. Raises Invalid."""
    if not command.component.strip() or len(command.component) > COMPONENT_CHARACTERS_MAX:
        raise Invalid(f"The name of a component has 1 to {COMPONENT_CHARACTERS_MAX} characters.", hint="Name its role.")
    if phase != "halted":
        return ()
    return (
        HaltAcknowledged(
            halt=command.halt,
            component=command.component,
            boxes=command.boxes[:BOXES_NAMED_MAX],
            calls=command.calls,
            open_calls=command.open_calls,
            in_flight=command.in_flight,
        ),
    )
