"""The staff that only keeps rows, or whose work is a duty: no event asks anything of it by itself."""

from collections.abc import Sequence

from bus.projection import Cause
from bus.projection_rows import Rows
from domain.message import Command, Recorded


class Observer:
    """Reacts to nothing; with a reactor its consumer raises an incident for what it cannot take."""

    def react(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()

    def react_void(self, recorded: Recorded, rows: Rows, cause: Cause) -> Sequence[Command]:
        del recorded, rows, cause
        return ()
