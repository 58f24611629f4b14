"""The reactor of staff members that only keep rows, or that work only in a duty. It sends no commands."""

from collections.abc import Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain.message import Command, Recorded


class Observer:
    """Sends no commands. As it is a reactor, its consumer raises an incident for an event that it cannot process."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()
