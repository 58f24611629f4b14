"""The duty of HR that ends suspensions: when all terms of a suspension have ended, it sends a command."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from agents.duty import either, insist
from bus.clock import now
from bus.outbox import Send
from bus.projection_rows import Rows
from domain.employee import EndTerm
from domain.message import derive
from projections.hr import Person

CHECK_S = 60.0
"""The longest wait until the clock is read again while a suspension has a term. A clock can be set forward."""
MICRO = 1_000_000


class Terms:
    """The duty for the ends of suspensions. It sleeps while nobody is suspended with a term."""

    def __init__(self, send: Send, *, clock: Callable[[], int] = now) -> None:
        self._send = send
        self._clock = clock
        self._rows: Rows | None = None
        self._noted = asyncio.Event()

    def note(self, rows: Rows, live: bool) -> None:
        self._rows = rows if live else None
        self._noted.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._noted.clear()
            for command in due(self._rows, self._clock()):
                await insist(lambda command=command: self._send(command), stop)  # type: ignore[misc]  # early binding
            await either(self._noted, stop, wait_s=self._wait_s())

    def _wait_s(self) -> float | None:
        """Return the seconds until the next end; None if no suspension has a term.

        The row of a suspension that has just ended changes later. Until then its command is not sent again and again.
        """
        ends = list(_ends(self._rows).values())
        if not ends:
            return None
        left = (min(ends) - self._clock()) / MICRO
        return min(left, CHECK_S) if left > 0 else CHECK_S


def due(rows: Rows | None, at: int) -> list[EndTerm]:
    """Return a command for each suspension that has ended by now. Its id follows from the employee and the end."""
    return [
        EndTerm(id=derive(employee, "hr.term", until), at=at, employee=employee)
        for employee, until in _ends(rows).items()
        if until <= at
    ]


def _ends(rows: Rows | None) -> dict[UUID, int]:
    """Return the end (microseconds UTC) of each suspension that has one, by employee."""
    people = rows.where(Person, "suspended") if rows is not None else []
    return {person.scope: person.until for person in people if person.until is not None}
