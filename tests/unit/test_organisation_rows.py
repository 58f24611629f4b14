"""The organisation as rows: a reservation writes two small rows, and a restart changes nothing."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.projection_rows import Row, Rows
from bus.row_form import record_of, row_of, stored_columns
from domain import organisation
from domain.lent import BUCKETS, Lent
from domain.message import Event
from domain.money import NOTHING, Amount
from projections.manager import ManagerProjection
from projections.organisation_rows import OrganisationHead, OrganisationRow, ReservationRow, organisation_state
from tests.unit.samples import CAP, uuid
from tests.unit.test_projections import recorded

amounts = st.builds(Amount, st.decimals(min_value=0, max_value=10**6, places=2), st.integers(0, 10**9))
changes = st.lists(st.tuples(st.integers(1, 3 * BUCKETS), st.none() | amounts), max_size=60)


def reloaded(rows: Rows) -> Rows:
    """Return the rows after they were stored and loaded."""
    after = Rows(ManagerProjection.tables)
    for kind in rows.tables.values():
        after.load(row_of(kind, stored_columns(row)) for row in rows.all(kind))
    return after


def stored(rows: Rows) -> list[tuple[object, ...]]:
    kinds: Sequence[type[Row]] = (OrganisationRow, ReservationRow)
    return [record_of(row) for kind in kinds for row in rows.all(kind)]


def event_of(run: UUID, amount: Amount | None) -> organisation.OrganisationEvent:
    if amount is None:
        return organisation.BudgetSettled(for_run=run, spent=Amount(Decimal("0.1"), 3))
    return organisation.BudgetReserved(for_run=run, amount=amount)


@given(changes)
def test_a_map_of_reservations_is_a_dict_with_its_sum(walk: list[tuple[int, Amount | None]]) -> None:
    lent, expected = Lent(), dict[UUID, Amount]()
    for number, amount in walk:
        before, kept = lent, dict(lent)
        if amount is None:
            lent = lent.without(uuid(number))
            expected.pop(uuid(number), None)
        else:
            lent = lent.with_amount(uuid(number), amount)
            expected[uuid(number)] = amount
        assert dict(before) == kept, "the former map stays as it is"
        assert lent == expected
        assert lent == Lent(expected)
        assert len(lent) == len(expected)
        assert uuid(number) not in lent or lent[uuid(number)] == expected[uuid(number)]
        assert lent.total == sum(expected.values(), NOTHING)


@given(changes, st.integers(1, 5))
def test_a_restart_after_any_event_changes_no_row(walk: list[tuple[int, Amount | None]], restart_every: int) -> None:
    projection = ManagerProjection()
    steady, restarted = Rows(projection.tables), Rows(projection.tables)
    events: list[Event] = [organisation.Founded(name="a", cap=CAP)]
    events += [event_of(uuid(number), amount) for number, amount in walk]
    for seq, event in enumerate(events, start=1):
        projection.apply(recorded(seq, event), steady)
        projection.apply(recorded(seq, event), restarted)
        if seq % restart_every == 0:
            restarted = reloaded(restarted)
        assert organisation_state(steady) == organisation_state(restarted)
        assert len(steady.all(ReservationRow)) == len(organisation_state(steady).lent)
    assert stored(steady) == stored(restarted)


@pytest.mark.parametrize("open_runs", [0, 1000])
def test_an_event_of_a_budget_writes_the_totals_and_this_run(open_runs: int) -> None:
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    projection.apply(recorded(1, organisation.Founded(name="a", cap=CAP)), rows)
    for number in range(1, open_runs + 1):
        projection.apply(recorded(number + 1, event_of(uuid(number), CAP)), rows)
    rows.settle()
    for amount in (CAP, None):
        projection.apply(recorded(open_runs + 2, event_of(uuid(5000), amount)), rows)
        written = {kind.table: (len(keys), len(records)) for kind, keys, records in rows.changes()}
        assert written == {"organisation": (1, 1), "reservation": (1, 1 if amount else 0)}
        rows.settle()
    (row,) = rows.all(OrganisationRow)
    head = row.stored()
    assert isinstance(head, OrganisationRow)
    assert isinstance(head.state, OrganisationHead)
    assert head.state.reserved == Amount(CAP.usd * open_runs, CAP.tokens * open_runs)


def test_an_undo_after_a_load_gives_the_state_of_before() -> None:
    projection = ManagerProjection()
    rows = Rows(projection.tables)
    projection.apply(recorded(1, organisation.Founded(name="a", cap=CAP)), rows)
    projection.apply(recorded(2, event_of(uuid(1), CAP)), rows)
    rows = reloaded(rows)
    before, mark = stored(rows), rows.mark()
    projection.apply(recorded(3, event_of(uuid(1), None)), rows)
    assert stored(rows) != before, "control"
    rows.back(mark)
    assert stored(rows) == before
    assert organisation_state(rows) == organisation_state(reloaded(rows))
