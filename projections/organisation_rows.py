"""The organisation in the manager's rows: its totals in one row, and rows for each run with a budget or tranches.

So a reservation writes two small rows, however many runs are open. In memory, the organisation's row holds the whole
state.
"""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import msgspec
from msgspec.structs import replace

from bus.projection_rows import JsonColumns, Row, Rows
from domain import organisation
from domain.caps import Book, Limit
from domain.lent import Lent
from domain.message import ORGANISATION
from domain.model_account import ModelAccount
from domain.money import Amount
from domain.organisation import OrganisationState, Phase, WorkRole
from domain.routing.terms import RoutingSetting

KEY = "organisation"
"""The key of the organisation's only row."""
RESERVATION_KEY = "run"
"""The key of a run's only reservation."""


class BookHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A book of a cap without the runs that hold its tranches. `lent`: the sum of the tranches."""

    spent: Amount
    lent: Amount


class OrganisationHead(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The state of the organisation without the runs that hold a budget. `reserved`: the sum of their budgets."""

    phase: Phase
    cap: Amount
    spent: Amount
    reserved: Amount
    accepted: Mapping[str, tuple[str, ...]]
    fallback: Mapping[WorkRole, tuple[UUID, ...]]
    blacklisted: tuple[UUID, ...] = ()
    caps: Mapping[str, Limit]
    books: Mapping[str, BookHead]
    warned: tuple[str, ...]
    routing: RoutingSetting | None = None
    accounts: Mapping[str, ModelAccount] = {}


_head_decoder = msgspec.json.Decoder(OrganisationHead)


class OrganisationRow(Row, frozen=True, kw_only=True):
    """The organisation's state. The table stores only the OrganisationHead."""

    table = "organisation"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"state": _head_decoder}
    phase: str
    state: OrganisationState | OrganisationHead

    def stored(self) -> "OrganisationRow":
        return replace(self, state=_head(self.state)) if isinstance(self.state, OrganisationState) else self


_amount_decoder = msgspec.json.Decoder(Amount)


class ReservationRow(Row, frozen=True, kw_only=True):
    """The budget that a run has reserved from the organisation. The row exists until the run is settled."""

    table = "reservation"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"amount": _amount_decoder}
    amount: Amount


class TrancheRow(Row, frozen=True, kw_only=True):
    """The tranche that a run holds of a cap. The key is that of the tranche (domain/caps.py)."""

    table = "tranche"
    resident = True
    json_columns: ClassVar[JsonColumns] = {"amount": _amount_decoder}
    amount: Amount


ORGANISATION_TABLES: tuple[type[Row], ...] = (OrganisationRow, ReservationRow, TrancheRow)
"""The tables with the state of the organisation."""


def organisation_state(rows: Rows) -> OrganisationState:
    """Return the organisation's state. The first call after a load puts the parts together."""
    row = rows.get(OrganisationRow, ORGANISATION, KEY)
    if row is None:
        return organisation.initial
    head = row.state
    if isinstance(head, OrganisationState):
        return head
    lent = Lent({held.scope: held.amount for held in rows.all(ReservationRow)}, total=head.reserved)
    state = OrganisationState(
        phase=head.phase,
        cap=head.cap,
        lent=lent,
        spent=head.spent,
        accepted=head.accepted,
        fallback=head.fallback,
        blacklisted=head.blacklisted,
        caps=head.caps,
        books={key: _book(rows, key, book) for key, book in head.books.items()},
        warned=head.warned,
        routing=head.routing,
        accounts=head.accounts,
    )
    rows.load([replace(row, state=state)])
    return state


def organisation_phase(rows: Rows) -> str:
    row = rows.get(OrganisationRow, ORGANISATION, KEY)
    return row.phase if row else organisation.initial.phase


def put_organisation(event: organisation.OrganisationEvent, rows: Rows) -> None:
    """Write the state of the organisation after one of its events: only the rows that the event changed."""
    state = organisation.evolve(organisation_state(rows), event)
    rows.put(OrganisationRow(scope=ORGANISATION, key=KEY, phase=state.phase, state=state))
    if isinstance(event, organisation.BudgetReserved):
        rows.put(ReservationRow(scope=event.for_run, key=RESERVATION_KEY, amount=event.amount))
    elif isinstance(event, organisation.BudgetRaised):
        rows.put(ReservationRow(scope=event.for_run, key=RESERVATION_KEY, amount=state.lent[event.for_run]))
    elif isinstance(event, organisation.BudgetSettled):
        rows.drop(ReservationRow, event.for_run, RESERVATION_KEY)
    elif isinstance(event, organisation.TrancheLent):
        for key in event.amounts:
            _put_tranche(state, key, event.for_run, rows)
    elif isinstance(event, organisation.TrancheReturned):
        for key in event.parts:
            _put_tranche(state, key, event.for_run, rows)


def _put_tranche(state: OrganisationState, key: str, run: UUID, rows: Rows) -> None:
    """Write the tranche that a run holds; delete the row of a tranche that came back."""
    book = state.books.get(key)
    if book is not None and run in book.lent:
        rows.put(TrancheRow(scope=run, key=key, amount=book.lent[run]))
    else:
        rows.drop(TrancheRow, run, key)


def _book(rows: Rows, key: str, head: BookHead) -> Book:
    held = {row.scope: row.amount for row in rows.all(TrancheRow) if row.key == key}
    return Book(spent=head.spent, lent=Lent(held, total=head.lent))


def _head(state: OrganisationState) -> OrganisationHead:
    return OrganisationHead(
        phase=state.phase,
        cap=state.cap,
        spent=state.spent,
        reserved=state.lent.total,
        accepted=state.accepted,
        fallback=state.fallback,
        blacklisted=state.blacklisted,
        caps=state.caps,
        books={key: BookHead(spent=book.spent, lent=book.lent.total) for key, book in state.books.items()},
        warned=state.warned,
        routing=state.routing,
        accounts=state.accounts,
    )
