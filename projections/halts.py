"""The row of a halt: it exists while the organisation is halted."""

from uuid import UUID

from bus.projection_rows import Row, Rows
from domain import organisation
from domain.message import ORGANISATION, Recorded

_KEY = "halted"


class HaltedOrganisation(Row, frozen=True, kw_only=True):
    """The organisation is halted. There is no such row otherwise. `halt`: the id of the halt's event."""

    table = "halted_organisation"
    resident = True
    halt: UUID


def put_halt(recorded: Recorded, rows: Rows) -> None:
    """Write the row after a halt, and drop it after a resume. Other events change nothing."""
    if isinstance(recorded.event, organisation.Halted):
        rows.put(HaltedOrganisation(scope=ORGANISATION, key=_KEY, halt=recorded.envelope.id))
    elif isinstance(recorded.event, organisation.Resumed):
        rows.drop(HaltedOrganisation, ORGANISATION, _KEY)


def halt_in(rows: Rows) -> UUID | None:
    """Return the id of the halt's event while the organisation is halted; None otherwise."""
    row = rows.get(HaltedOrganisation, ORGANISATION, _KEY)
    return row.halt if row is not None else None
