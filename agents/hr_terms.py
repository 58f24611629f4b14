"""The duty of HR that ends suspensions: when all terms of a suspension have ended, it sends a command."""

from collections.abc import Callable
from uuid import UUID

from agents.dated_commands import DatedCommands
from bus.clock import now
from bus.outbox import Send
from bus.projection_rows import Rows
from domain.employee import EndTerm
from domain.message import derive
from projections.hr import Person


class Terms(DatedCommands):
    """The duty for the ends of suspensions. It sleeps while nobody is suspended with a term."""

    def __init__(self, send: Send, *, clock: Callable[[], int] = now) -> None:
        super().__init__(send, due, lambda rows: min(_ends(rows).values(), default=None), clock=clock)


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
