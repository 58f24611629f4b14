"""An employee: hired, warned and suspended without rules as before, reinstated with a reason, and dismissed."""

from decimal import Decimal
from math import inf, nan

import pytest
from msgspec.structs import replace

from domain.employee import (
    STRIKES_MAX,
    Dismiss,
    Dismissed,
    Hire,
    Hired,
    Profile,
    Reinstate,
    Reinstated,
    Rename,
    Renamed,
    Strike,
    Suspend,
    Suspended,
    Warned,
    version_of,
)
from domain.errors import Invalid, NotFound, Refused
from tests.unit.given import decide, fold, given
from tests.unit.samples import AT, COMMAND, EMPLOYEE, INCIDENT, PROFILE, TERMS, WITH_SESSIONS, happened, uuid

HIRED = happened("employee.hired")
WARNED = happened("employee.hired", "employee.warned")
SUSPENDED = happened("employee.hired", "employee.suspended")
DISMISSED = happened("employee.hired", "employee.dismissed")
DISMISS = Dismiss(id=COMMAND, at=AT, employee=EMPLOYEE, reason=" too slow ")
RENAME = Rename(id=COMMAND, at=AT, employee=EMPLOYEE, name=" bea ")
REINSTATE = Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason="my fault")
SUSPEND = Suspend(id=COMMAND, at=AT, employee=EMPLOYEE, reason="asked")


def hire(profile: Profile) -> Hire:
    return Hire(id=COMMAND, at=AT, employee=EMPLOYEE, profile=profile)


def strike(n: int) -> Strike:
    return Strike(id=COMMAND, at=AT, employee=EMPLOYEE, incident=uuid(n), reason="wrote x.py")


def test_it_is_hired_and_hired_anew_when_it_changes() -> None:
    given().when(hire(PROFILE)).then(Hired(employee=EMPLOYEE, profile=PROFILE))
    given(*HIRED).when(hire(WITH_SESSIONS)).then()
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
        (replace(PROFILE, session=replace(TERMS, calls_max=0)), "cannot have 0 calls"),
        (replace(PROFILE, session=replace(TERMS, calls_max=1001)), "cannot have 1001 calls"),
        (replace(PROFILE, session=replace(TERMS, minutes=0.0)), "needs minutes"),
        (replace(PROFILE, session=replace(TERMS, minutes=nan)), "needs minutes"),
        (replace(PROFILE, session=replace(TERMS, minutes=601.0)), "needs minutes"),
        (replace(PROFILE, session=replace(TERMS, tokens_max=0)), "needs minutes"),
        (replace(PROFILE, session=replace(TERMS, usd_max=Decimal(-1))), "reservation of a session"),
        (replace(PROFILE, session=replace(TERMS, usd_max=Decimal("NaN"))), "reservation of a session"),
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


def test_it_is_reinstated_with_a_reason_and_keeps_its_strikes() -> None:
    command = Reinstate(id=COMMAND, at=AT, employee=EMPLOYEE, reason=" my fault ")
    back = Reinstated(employee=EMPLOYEE, reason="my fault")
    given(*SUSPENDED).when(command).then(back)
    given(*HIRED).when(command).refused(Refused, "not suspended")
    given(*SUSPENDED).when(replace(command, reason="")).refused(Invalid, "reason is needed")
    state = fold("employee", *WARNED, *happened("employee.suspended"), back)
    assert (state.phase, state.strikes) == ("working", (INCIDENT,))
    cleared = fold("employee", *WARNED, *happened("employee.suspended"), replace(back, strikes_kept=False))
    assert (cleared.phase, cleared.strikes) == ("working", ()), "an event of version 1 cleared them"


@pytest.mark.parametrize(
    "command",
    [
        strike(1),
        SUSPEND,
        REINSTATE,
        DISMISS,
        RENAME,
    ],
)
def test_a_stranger_has_no_record(command: Strike | Suspend | Reinstate | Dismiss | Rename) -> None:
    given().when(command).refused(NotFound, f"No employee has the id {EMPLOYEE}")
    state = (*HIRED, *happened("employee.suspended")) if isinstance(command, Reinstate) else HIRED
    assert decide(command, *state)


def test_the_finding_that_suspends_is_kept() -> None:
    suspended = Suspended(employee=EMPLOYEE, incident=uuid(9), reason="again")
    assert fold("employee", *WARNED, suspended).strikes == (INCIDENT, uuid(9))


@pytest.mark.parametrize("before", [HIRED, WARNED, SUSPENDED], ids=["working", "warned", "suspended"])
def test_it_is_dismissed_once_and_with_a_reason(before: tuple[Hired, ...]) -> None:
    given(*before).when(DISMISS).then(Dismissed(employee=EMPLOYEE, reason="too slow"))
    given(*before, Dismissed(employee=EMPLOYEE, reason="x")).when(DISMISS).then()
    given(*before).when(replace(DISMISS, reason=" ")).refused(Invalid, "reason is needed")


@pytest.mark.parametrize("command", [hire(replace(PROFILE, slots=2)), SUSPEND, REINSTATE, RENAME])
def test_only_a_rehire_ends_a_dismissal(command: Hire | Suspend | Reinstate | Rename) -> None:
    given(*DISMISSED).when(command).refused(Refused, "was dismissed")
    control = SUSPENDED if isinstance(command, Reinstate) else HIRED
    assert decide(command, *control)


def test_a_dismissed_one_keeps_its_strikes_and_gets_no_more() -> None:
    state = fold("employee", *WARNED, *happened("employee.dismissed"))
    assert (state.phase, state.strikes) == ("dismissed", (INCIDENT,))
    given(*DISMISSED).when(strike(1)).then()
    assert decide(strike(1), *HIRED), "control"


def test_it_is_renamed_and_stays_who_it_is() -> None:
    renamed = Renamed(employee=EMPLOYEE, name="bea")
    given(*HIRED).when(RENAME).then(renamed)
    given(*HIRED, renamed).when(RENAME).then()
    given(*SUSPENDED).when(RENAME).then(renamed)
    given(*HIRED).when(replace(RENAME, name=" ")).refused(Invalid, "needs a name")
    before, after = fold("employee", *WARNED), fold("employee", *WARNED, renamed)
    assert after == replace(before, profile=replace(WITH_SESSIONS, name="bea"))
    assert version_of(after.profile) == version_of(WITH_SESSIONS)


OTHER_ANSWERS: dict[str, object] = {
    "provider": "llama.cpp",
    "server": "https://models.example.com:8443",
    "model": "m2",
    "model_digest": None,
    "style": "grammar",
    "scripted": True,
    "output_tokens_max": 511,
    "call_tokens_max": 4097,
    "parameters": {"temperature": "0.6"},
    "session": TERMS,
}
SAME_ANSWERS: dict[str, object] = {
    "name": "bea",
    "slots": 2,
    "call_usd_max": Decimal(1),
    "prompt_usd_max": None,
    "call_wall_s": 61.0,
    "accounts": ("main",),
}


@pytest.mark.parametrize("field", OTHER_ANSWERS)
def test_what_changes_answers_is_another_version(field: str) -> None:
    assert version_of(replace(PROFILE, **{field: OTHER_ANSWERS[field]})) != version_of(PROFILE)


@pytest.mark.parametrize("field", SAME_ANSWERS)
def test_names_slots_prices_and_waits_are_no_other_version(field: str) -> None:
    assert version_of(replace(PROFILE, **{field: SAME_ANSWERS[field]})) == version_of(PROFILE)


def test_every_field_of_a_profile_is_one_or_the_other() -> None:
    assert OTHER_ANSWERS.keys() | SAME_ANSWERS.keys() == set(Profile.__struct_fields__)
    assert not OTHER_ANSWERS.keys() & SAME_ANSWERS.keys()


def test_prices_and_minutes_of_sessions_are_no_other_version() -> None:
    other = replace(WITH_SESSIONS, session=replace(TERMS, minutes=5.0, usd_max=Decimal(9)))
    assert version_of(other) == version_of(WITH_SESSIONS)
    assert version_of(replace(WITH_SESSIONS, session=replace(TERMS, calls_max=41))) != version_of(WITH_SESSIONS)


def test_a_version_s_id_never_changes() -> None:
    assert str(version_of(PROFILE)) == "82a8d4ad-3fbb-5550-9d04-9c027ebe9453"
    backwards = replace(PROFILE, parameters={"b": "1", "a": "2"})
    assert version_of(backwards) == version_of(replace(PROFILE, parameters={"a": "2", "b": "1"}))
