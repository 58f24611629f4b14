"""The reactor of roles that only keep rows or that work only in a duty. It sends no commands."""

from collections.abc import Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain.message import Command, Recorded


class Observer:
    """A reactor without commands. A consumer with a reactor raises an incident for each event that it cannot
    process.
    """

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()
