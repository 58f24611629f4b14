"""An employee: hired, warned at the first integrity finding, suspended at the second, reinstated with a reason."""

from decimal import Decimal
from math import inf, nan

import pytest
from msgspec.structs import replace

from domain.employee import (
    STRIKES_MAX,
    Hire,
    Hired,
    Profile,
    Reinstate,
    Reinstated,
    Strike,
    Suspend,
    Suspended,
    Warned,
)
from domain.errors import Invalid, NotFound, Refused
from tests.unit.given import decide, fold, given
from tests.unit.samples import AT, COMMAND, EMPLOYEE, INCIDENT, PROFILE, happened, uuid

HIRED = happened("employee.hired")
WARNED = happened("employee.hired", "employee.warned")
SUSPENDED = happened("employee.hired", "employee.suspended")


def hire(profile: Profile) -> Hire:
    return Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=profile)


def strike(n: int) -> Strike:
    return Strike(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), reason="wrote x.py")


def test_it_is_hired_and_hired_anew_when_it_changes() -> None:
    given().when(hire(PROFILE)).then(Hired(employee=EMPLOYEE, profile=PROFILE))
    given(*HIRED).when(hire(PROFILE)).then()
    other = replace(PROFILE, style="grammar")
    given(*HIRED).when(hire(other)).then(Hired(employee=EMPLOYEE, profile=other))


@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (replace(PROFILE, name=" "), "needs a name"),
        (replace(PROFILE, slots=0), "at least one slot"),
        (replace(PROFILE, output_tokens_max=0), "limits"),
        (replace(PROFILE, call_tokens_max=0), "limits"),
        (replace(PROFILE, call_wall_s=0.0), "limits"),
        (replace(PROFILE, call_wall_s=inf), "limits"),
        (replace(PROFILE, call_wall_s=nan), "limits"),
        (replace(PROFILE, call_usd_max=Decimal(-1)), "upper bound"),
        (replace(PROFILE, call_usd_max=Decimal("NaN")), "upper bound"),
        (replace(PROFILE, prompt_usd_max=Decimal("0.11")), "prompt cannot cost more"),
        (replace(PROFILE, prompt_usd_max=Decimal(-1)), "prompt cannot cost more"),
    ],
)
def test_a_profile_without_limits_is_not_hired(profile: Profile, text: str) -> None:
    given().when(hire(profile)).refused(Invalid, text)


@pytest.mark.parametrize("usd", [None, Decimal(0), Decimal("0.10")])
def test_a_call_may_be_free_or_of_unknown_price(usd: Decimal | None) -> None:
    cheapest = replace(PROFILE, slots=1, output_tokens_max=1, call_tokens_max=1, call_wall_s=0.1)
    profile = replace(cheapest, call_usd_max=usd, prompt_usd_max=usd)
    given().when(hire(profile)).then(Hired(employee=EMPLOYEE, profile=profile))


def test_a_new_profile_ends_no_suspension() -> None:
    other = Hired(employee=EMPLOYEE, profile=replace(PROFILE, style="grammar"))
    assert fold("employee", *SUSPENDED, other).phase == "suspended"
    assert fold("employee", *HIRED, other).phase == "working"


def test_strikes_warn_and_then_suspend() -> None:
    events = HIRED
    for n in range(1, STRIKES_MAX):
        events += decide(strike(n), *events)
        assert isinstance(events[-1], Warned)
        assert fold("employee", *events).phase == "working"
    events += decide(strike(STRIKES_MAX), *events)
    assert events[-1] == Suspended(employee=EMPLOYEE, incident=uuid(STRIKES_MAX), reason="wrote x.py")
    assert fold("employee", *events).phase == "suspended"


def test_one_finding_is_one_strike() -> None:
    first = Warned(employee=EMPLOYEE, incident=uuid(1), reason="wrote x.py")
    given(*HIRED).when(strike(1)).then(first)
    given(*HIRED, first).when(strike(1)).then()
    given(*HIRED, first).when(strike(2)).then(Suspended(employee=EMPLOYEE, incident=uuid(2), reason="wrote x.py"))
    given(*SUSPENDED).when(strike(3)).then()


def test_it_is_suspended_once_and_with_a_reason() -> None:
    command = Suspend(id=COMMAND, at=AT, employee=EMPLOYEE, reason=" asked ")
    given(*HIRED).when(command).then(Suspended(employee=EMPLOYEE, incident=None, reason="asked"))
    given(*SUSPENDED).when(command).refused(Refused, "already suspended")
    given(*HIRED).when(replace(command, reason=" ")).refused(Invalid, "reason is needed")


def test_it_is_reinstated_with_a_reason_and_starts_afresh() -> None:
    command = Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason=" my fault ")
    back = Reinstated(employee=EMPLOYEE, reason="my fault")
    given(*SUSPENDED).when(command).then(back)
    given(*HIRED).when(command).refused(Refused, "not suspended")
    given(*SUSPENDED).when(replace(command, reason="")).refused(Invalid, "reason is needed")
    state = fold("employee", *WARNED, *happened("employee.suspended"), back)
    assert (state.phase, state.strikes) == ("working", ())


@pytest.mark.parametrize(
    "command",
    [
        strike(1),
        Suspend(id=COMMAND, at=AT, employee=EMPLOYEE, reason="x"),
        Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason="x"),
    ],
)
def test_a_stranger_has_no_record(command: Strike | Suspend | Reinstate) -> None:
    given().when(command).refused(NotFound, f"No employee has the id {EMPLOYEE}")
    state = (*HIRED, *happened("employee.suspended")) if isinstance(command, Reinstate) else HIRED
    assert decide(command, *state)


def test_the_finding_that_suspends_is_kept() -> None:
    suspended = Suspended(employee=EMPLOYEE, incident=uuid(9), reason="again")
    assert fold("employee", *WARNED, suspended).strikes == (INCIDENT, uuid(9))
