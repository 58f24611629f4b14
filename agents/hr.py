"""HR reacts to the strikes of an employee. The first strike is a warning. The strike that reaches the limit in
domain/employee.py suspends the employee. Honest failures have no consequence.
"""

from collections.abc import Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident
from domain.message import Command, Recorded


class HR:
    """HR's reactions to incidents that are strikes."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del rows  # the strike is in the event, and domain/employee.py counts the strikes
        event = recorded.event
        if not isinstance(event, incident.Raised) or not event.strike or event.employee is None:
            return ()
        return [
            employee.Strike(
                **cause.fields("hr.strike"), employee=event.employee, incident=event.incident, reason=event.detail
            )
        ]

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause  # a void incident is not a strike
        return ()
