"""A duty that sends commands at times that rows name: the end of a suspension, or a loss of trust."""

import asyncio
from collections.abc import Callable, Sequence

from agents.duty import either, insist
from bus.clock import now
from bus.outbox import Send
from bus.projection_rows import Rows
from domain.message import Command

CHECK_S = 60.0
"""The longest wait until the clock is read again while a time is known. A clock can be set forward."""
MICRO = 1_000_000


class DatedCommands:
    """The duty. `due`: the commands that are due at a time. `next_at`: the earliest time at which one can be due.

    Times are microseconds UTC. It sleeps while no time is known.
    """

    def __init__(
        self,
        send: Send,
        due: Callable[[Rows | None, int], Sequence[Command]],
        next_at: Callable[[Rows | None], int | None],
        *,
        clock: Callable[[], int] = now,
    ) -> None:
        self._send = send
        self._due = due
        self._next_at = next_at
        self._clock = clock
        self._rows: Rows | None = None
        self._noted = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        self._rows = rows if live else None
        self._noted.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._noted.clear()
            for command in self._due(self._rows, self._clock()):
                await insist(lambda command=command: self._send(command), stop)  # type: ignore[misc]  # early binding
            await either(self._noted, stop, wait_s=self._wait_s())

    def _wait_s(self) -> float | None:
        """Return the seconds until the next time; None if no time is known.

        The row of a command that was just sent changes later. Until then the command is not sent again and again.
        """
        at = self._next_at(self._rows)
        if at is None:
            return None
        left = (at - self._clock()) / MICRO
        return min(left, CHECK_S) if left > 0 else CHECK_S
