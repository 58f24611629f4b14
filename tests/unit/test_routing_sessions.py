"""Routing of employees that work in sessions: their reservation, their lease, and the budget of a run."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from agents.manager import routing
from domain.money import Amount
from tests.unit.samples import PROFILE, TERMS

SESSION = replace(PROFILE, session=TERMS)
BOUND = routing.call_bound_of(PROFILE)


@pytest.mark.parametrize(
    ("left", "reserved"),
    [
        (Amount(Decimal(9), 10**7), Amount(TERMS.usd_max, TERMS.tokens_max)),
        (Amount(Decimal("0.30"), 10**7), Amount(Decimal("0.30"), TERMS.tokens_max)),
        (Amount(Decimal(9), 5000), Amount(TERMS.usd_max, 5000)),
        (BOUND, BOUND),
        (Amount(BOUND.usd - Decimal("0.01"), 10**7), None),
        (Amount(Decimal(9), BOUND.tokens - 1), None),
    ],
)
def test_a_session_reserves_its_limits_or_what_is_left(left: Amount, reserved: Amount | None) -> None:
    assert routing.reservation_of(SESSION, left) == reserved


def test_limits_below_one_call_are_raised_to_it() -> None:
    small = replace(SESSION, session=replace(TERMS, usd_max=Decimal(0), tokens_max=1))
    assert routing.reservation_of(small, Amount(Decimal(9), 10**7)) == BOUND


def test_an_answer_reserves_its_call() -> None:
    assert routing.reservation_of(PROFILE, Amount(Decimal(9), 10**7)) == BOUND
    assert routing.reservation_of(PROFILE, Amount(BOUND.usd, BOUND.tokens - 1)) is None
