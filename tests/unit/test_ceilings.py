"""The ceilings of tiers in the manager's choices: price, risk, and attempts at the same time. Each has its control."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from agents.manager.ceilings import HIGH_RISK, above_ceilings, within_ceilings
from agents.manager.reactor import STANDING_CHANGES
from agents.manager.routing import StaffCapacity, barred, barred_by_tier
from bus.projection_rows import Rows
from domain import employee, run_messages
from domain.message import Event
from domain.routing.terms import WorkTerms
from domain.tiers import NO_CEILINGS, Ceilings
from projections.manager import EmployeeRow
from projections.openrun import RUN_KEY, OpenRun, open_state
from tests.unit.samples import AT, EMPLOYEE, PLANNED, PROFILE, RUN, TERMS
from tests.unit.test_fallback import ADA, BEN, assigned, chosen, hired, rows_after

STRICT = Ceilings(high_risk=False, attempt_usd_max=Decimal("0.09"), open_attempts_max=1)
PLAIN = WorkTerms(deliver="library", language="python")
STATED = WorkTerms(deliver="library", language="python", skill={"risk": "high"})
PRICED = Ceilings(attempt_usd_max=Decimal("0.09"))


def placed(who: Any, ceilings: Ceilings) -> Event:
    return employee.Placed(employee=who, before=None, tier="mid", ceilings=ceilings, reason="x", rules_version="hr-x")


def planned(path: str = "a.py", work: WorkTerms = PLAIN) -> tuple[Event, ...]:
    """Return the events of a planned run whose first task changes this path."""
    changed = list(PLANNED)
    for place, event in enumerate(changed):
        if isinstance(event, run_messages.Planned):
            first = replace(event.tasks[0], scope=(path,))
            changed[place] = replace(event, tasks=(first, *event.tasks[1:]))
        elif isinstance(event, run_messages.Submitted):
            changed[place] = replace(event, work=work)
    return tuple(changed)


def risky() -> tuple[Event, ...]:
    return planned("src/auth.py")


def test_an_employee_whose_call_may_cost_too_much_is_passed_over() -> None:
    assert chosen(*PLANNED, hired(ADA)) == "ada", "control: no tier"
    assert chosen(*PLANNED, hired(ADA), placed(ADA, Ceilings(attempt_usd_max=Decimal("0.10")))) == "ada", "control"
    assert chosen(*PLANNED, hired(ADA), placed(ADA, PRICED)) is None
    assert chosen(*PLANNED, hired(ADA), hired(BEN), placed(ADA, PRICED)) == "ben"


def test_a_task_of_high_risk_needs_a_tier_that_allows_it() -> None:
    careful = Ceilings(high_risk=False)
    assert chosen(*risky(), hired(ADA), placed(ADA, careful)) is None
    assert chosen(*risky(), hired(ADA), placed(ADA, NO_CEILINGS)) == "ada", "control: a higher tier"
    assert chosen(*planned(), hired(ADA), placed(ADA, careful)) == "ada", "control: another task"
    assert chosen(*planned(work=STATED), hired(ADA), placed(ADA, careful)) is None, "the requirement states the risk"
    assert chosen(*planned(work=WorkTerms()), hired(ADA), placed(ADA, careful)) == "ada", "control: an old submission"
    assert chosen(*planned("src/auth.py", WorkTerms()), hired(ADA), placed(ADA, careful)) is None


def test_the_run_does_not_end_while_it_waits_for_a_tier() -> None:
    assert assigned(rows_after(*PLANNED, hired(ADA), placed(ADA, PRICED))) is None
    promoted = placed(ADA, NO_CEILINGS)
    assert isinstance(promoted, STANDING_CHANGES), "the manager assigns again after this event"
    assert chosen(*PLANNED, hired(ADA), placed(ADA, PRICED), promoted) == "ada"


def capacity(*events: Event) -> StaffCapacity:
    return StaffCapacity.of(rows_after(*events), {}, AT)


@pytest.mark.parametrize(("most", "free"), [(1, 0), (2, 1), (9, 1), (None, 1)])
def test_the_tier_limits_the_attempts_at_the_same_time(most: int | None, free: int) -> None:
    desk = capacity(hired(ADA), placed(ADA, Ceilings(open_attempts_max=most)))
    desk.take(ADA)
    assert desk.free(ADA) == free


def test_a_session_reserves_no_more_than_the_tier_allows() -> None:
    profile = replace(PROFILE, session=replace(TERMS, usd_max=Decimal("5.00")))
    limited = within_ceilings(profile, Ceilings(attempt_usd_max=Decimal("2.00")))
    assert limited.session is not None
    assert limited.session.usd_max == Decimal("2.00")
    assert within_ceilings(profile, Ceilings(attempt_usd_max=Decimal("6.00"))) == profile, "control"
    assert within_ceilings(profile, NO_CEILINGS) is profile


def test_the_reasons_name_the_ceiling_and_a_tier_never_bars_first() -> None:
    rows: Rows = rows_after(
        *risky(), hired(ADA), hired(BEN), placed(ADA, PRICED), placed(BEN, Ceilings(high_risk=False))
    )
    row = rows.get(OpenRun, RUN, RUN_KEY)
    assert row is not None
    state, desk = open_state(rows, row), StaffCapacity.of(rows, {}, AT)
    first = next(iter(state.tasks.ready()))
    assert above_ceilings(first, desk.profiles, desk.ceilings, PLAIN) == {
        ADA: "a call may cost 0.10 USD, and its tier allows 0.09 USD",
        BEN: HIGH_RISK,
    }
    assert barred(first, state, desk) == barred_by_tier(first, state, desk).keys() == {ADA, BEN}


def test_an_update_keeps_the_tier_and_the_fines_in_the_managers_row() -> None:
    fined = employee.Fined(
        employee=ADA, incident=EMPLOYEE, percent=50, tasks=3, reason="x", rule="integrity", rules_version="hr-x"
    )
    rows = rows_after(hired(ADA), placed(ADA, STRICT), fined, hired(ADA, slots=4))
    row = rows.get(EmployeeRow, ADA, "employee")
    assert row is not None
    assert (row.tier, row.ceilings, row.handicap_percent, row.profile.slots) == ("mid", STRICT, 50, 4)
