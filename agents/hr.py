"""HR: answers strikes. A warning first, suspension at the limit of domain/employee.py; nothing for honest failures."""

from collections.abc import Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain import employee, incident
from domain.message import Command, Recorded


class HR:
    """Reactions on incidents that are strikes."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del rows  # the strike is in the event; domain/employee.py counts
        event = recorded.event
        if not isinstance(event, incident.Raised) or not event.strike or event.employee is None:
            return ()
        return [
            employee.Strike(
                **cause.fields("hr.strike"), employee=event.employee, incident=event.incident, reason=event.detail
            )
        ]

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause  # void incidents are nobody's strikes
        return ()
